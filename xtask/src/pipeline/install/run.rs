//! One installation: its options, its state and its result.

use std::{
    path::{Path, PathBuf},
    sync::atomic::AtomicBool,
    time::Duration,
};

use flare_cluster::Cluster;
use flare_diagnostic::{Diagnostic, Faults, printable};
use flare_doctor::{Finding, rollout::RunningParent};
use flare_federation::Expose;
use flare_helm::{Helm, Release, ReleaseId, RunLimits};
use flare_prepared_kit::PreparedKit;
use serde::Serialize;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::{attempt::Attempt, values::Given};

/// How long one run of Helm may take, which does not wait for the rollout.
const HELM_LIMIT: Duration = Duration::from_mins(2);

/// Called with a short description of each step.
pub(crate) type Progress<'run> = &'run (dyn Fn(&str) + Send + Sync);

/// When an installation is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Until {
    /// The parent's container runs and stays up.
    Running,
    /// A client is registered at its server; a server has started.
    Joined,
}

/// Options of an installation.
#[derive(Debug, Clone)]
#[expect(clippy::struct_excessive_bools, reason = "independent switches of a command line")]
pub(crate) struct Options {
    /// The Helm program, if named.
    pub(crate) helm: Option<PathBuf>,
    /// Values in addition to the chart's.
    pub(crate) values: Given,
    /// Creates the namespace if it is missing.
    pub(crate) create_namespace: bool,
    /// A docker config file from which the Secret for the image's registry is created.
    pub(crate) pull_secret: Option<PathBuf>,
    /// How a server is reached from outside of its cluster.
    pub(crate) expose: Option<Expose>,
    /// The names by which the clients of its federation call a server, if their kits are known.
    pub(crate) called: Vec<String>,
    /// Frees a locked release.
    pub(crate) unlock: bool,
    /// Keeps a failed parent for inspection.
    pub(crate) keep_failed: bool,
    /// When it is done.
    pub(crate) until: Until,
    /// Changes nothing.
    pub(crate) dry_run: bool,
    /// How long the installation may take, without the time of a rollback.
    pub(crate) limit: Duration,
}

/// The result of an installation.
#[derive(Debug)]
pub(crate) struct Installed {
    pub(crate) kit: PreparedKit,
    pub(crate) place: ReleaseId,
    /// The current revision, or in a dry run the one that would be.
    pub(crate) revision: u64,
    /// Whether anything was, or in a dry run would be, changed.
    pub(crate) changed: bool,
    /// The good revision before this one, if there was one and anything was changed.
    pub(crate) before: Option<u64>,
    /// Whether a locked release was freed.
    pub(crate) unlocked: bool,
    /// The Secret with registry credentials that was created.
    pub(crate) pull_secret: Option<String>,
    pub(crate) image: String,
    pub(crate) helm: String,
    /// The proven parent; `None` in a dry run.
    pub(crate) parent: Option<RunningParent>,
    /// Where it is reached from outside, if that was asked for; none in a dry run.
    pub(crate) exposed: Option<Exposed>,
}

/// Where a server is reached from outside of its cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Exposed {
    pub(crate) expose: Expose,
    /// Addresses or host names, without ports.
    pub(crate) addresses: Vec<String>,
    /// The ports for clients and admins.
    pub(crate) ports: Vec<u16>,
}

impl Exposed {
    /// As in results.
    pub(crate) fn to_json(&self) -> Value {
        json!({"how": self.expose.as_str(), "addresses": self.addresses, "ports": self.ports})
    }

    /// For people, without a name and a full stop.
    pub(crate) fn sentence(&self) -> String {
        let ports = self.ports.iter().map(u16::to_string).collect::<Vec<_>>().join(", ");
        format!("reached from outside at {}, ports {ports}", printable(&self.addresses.join(", ")))
    }
}

/// A failed installation: the reasons, and what was rolled back.
#[derive(Debug)]
pub(crate) struct NotInstalled {
    pub(crate) faults: Faults,
    /// The findings about the parent.
    pub(crate) findings: Vec<Finding>,
    /// What was rolled back; `None` if nothing had been changed.
    pub(crate) recovery: Option<Recovery>,
    /// What it did to the release; `None`: nothing.
    pub(crate) attempt: Option<Attempt>,
}

/// What was done after a parent failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Recovery {
    /// The release was rolled back to a revision, and its kit was put back if it had been replaced.
    RolledBack {
        /// The revision.
        revision: u64,
        /// The fingerprint of the kit that was put back on the volume.
        kit: Option<String>,
        /// Whether its parent runs again.
        runs: bool,
    },
    /// The release was removed, since there was none before. Nothing else can go back: what was there before it stays.
    Removed {
        /// Whether there was a release to remove.
        was_there: bool,
        /// What stays of the participant.
        stays: RemainingObjects,
    },
    /// The release was not rolled back.
    Left {
        /// The fingerprint of the kit that was put back on the volume nevertheless.
        kit: Option<String>,
    },
    /// Nothing was put back, since another run has changed the release or the kit on the volume meanwhile.
    OfAnother,
}

/// What is left of a participant without its release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct RemainingObjects {
    /// The workspace claim.
    pub(crate) claim: String,
    /// The fingerprint of the kit on its volume, if one is noted there.
    pub(crate) kit: Option<String>,
    /// Other objects, such as `Secret site-1-registry`.
    pub(crate) objects: Vec<String>,
}

impl From<Faults> for NotInstalled {
    fn from(faults: Faults) -> Self {
        Self { faults, findings: Vec::new(), recovery: None, attempt: None }
    }
}

impl From<Diagnostic> for NotInstalled {
    fn from(fault: Diagnostic) -> Self {
        Faults::from(fault).into()
    }
}

/// The state that all steps of an installation share.
pub(super) struct Run<'run> {
    pub(super) kit: &'run PreparedKit,
    /// The directory of its chart.
    pub(super) chart: &'run Path,
    pub(super) cluster: &'run Cluster,
    pub(super) helm: &'run Helm,
    pub(super) place: &'run ReleaseId,
    pub(super) options: &'run Options,
    pub(super) stop: &'run AtomicBool,
    /// The deadline.
    pub(super) end: Instant,
    pub(super) progress: Progress<'run>,
}

impl Run<'_> {
    pub(super) fn namespace(&self) -> &str {
        &self.place.namespace
    }

    /// The time until the deadline.
    pub(super) fn left(&self) -> Duration {
        self.end.saturating_duration_since(Instant::now())
    }

    /// Runs Helm on the release until the deadline, without blocking other tasks.
    pub(super) fn release<T>(&self, work: impl FnOnce(Release<'_>) -> Result<T, Diagnostic>) -> Result<T, Diagnostic> {
        self.release_within(self.left().min(HELM_LIMIT), work)
    }

    /// As [`Self::release`], with a separate deadline for rollbacks after the first one has passed.
    pub(super) fn release_within<T>(
        &self,
        time: Duration,
        work: impl FnOnce(Release<'_>) -> Result<T, Diagnostic>,
    ) -> Result<T, Diagnostic> {
        let limits = RunLimits { time: time.max(Duration::from_secs(1)), stop: self.stop };
        tokio::task::block_in_place(|| work(self.helm.release(self.place, limits)))
    }
}

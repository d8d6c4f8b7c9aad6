//! One installation: what it was asked for, what it drives, and what it ends with.

use std::{
    path::{Path, PathBuf},
    sync::atomic::AtomicBool,
    time::Duration,
};

use flare_cluster::Cluster;
use flare_diagnostic::{Diagnostic, Faults};
use flare_doctor::{Finding, rollout::Running};
use flare_helm::{Helm, Limits, Place, Release};
use flare_prepared_kit::PreparedKit;
use tokio::time::Instant;

use super::values::Given;

/// How long one run of Helm may take; it waits for nothing.
const HELM_LIMIT: Duration = Duration::from_mins(2);

/// What is told while it runs, in a few words.
pub(crate) type Progress<'run> = &'run (dyn Fn(&str) + Send + Sync);

/// When an installation is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Until {
    /// The parent's container runs and stays.
    Running,
    /// A client is registered at its server; a server is started.
    Joined,
}

/// How it is installed.
#[derive(Debug, Clone)]
#[expect(clippy::struct_excessive_bools, reason = "independent switches of a command line")]
pub(crate) struct Options {
    /// The Helm to be driven, where one is named.
    pub(crate) helm: Option<PathBuf>,
    /// Values besides the chart's own.
    pub(crate) values: Given,
    /// Makes the namespace where it is missing.
    pub(crate) create_namespace: bool,
    /// A docker config file of which the Secret for the image's registry is made.
    pub(crate) pull_secret: Option<PathBuf>,
    /// Frees a locked release.
    pub(crate) unlock: bool,
    /// Leaves a parent that failed as it is, to be looked at.
    pub(crate) keep_failed: bool,
    /// When it is done.
    pub(crate) until: Until,
    /// Changes nothing.
    pub(crate) dry_run: bool,
    /// How long all of it may take; putting back what was there comes on top.
    pub(crate) limit: Duration,
}

/// What was installed.
#[derive(Debug)]
pub(crate) struct Installed {
    pub(crate) kit: PreparedKit,
    pub(crate) place: Place,
    /// The revision that is in place, or in a dry run would be.
    pub(crate) revision: u64,
    /// Whether anything was changed, or in a dry run would be.
    pub(crate) changed: bool,
    /// Whether a locked release was freed.
    pub(crate) unlocked: bool,
    /// The Secret with registry credentials that was made.
    pub(crate) pull_secret: Option<String>,
    pub(crate) image: String,
    pub(crate) helm: String,
    /// The parent that was seen to run; none in a dry run.
    pub(crate) parent: Option<Running>,
}

/// Why nothing is installed, and what became of what was begun.
#[derive(Debug)]
pub(crate) struct NotInstalled {
    pub(crate) faults: Faults,
    /// What was found about the parent.
    pub(crate) findings: Vec<Finding>,
    /// What was put back; `None` where nothing had been begun.
    pub(crate) recovery: Option<Recovery>,
}

/// What was done about a parent that failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Recovery {
    /// The release went back to a revision; with the kit that belongs to it, where that one had been replaced.
    RolledBack {
        /// The revision.
        revision: u64,
        /// The fingerprint of the kit that was put back on the volume.
        kit: Option<String>,
        /// Whether its parent was seen to run again.
        runs: bool,
    },
    /// The release was removed, since there was none before.
    Removed,
    /// Everything was left as it is.
    Left,
}

impl From<Faults> for NotInstalled {
    fn from(faults: Faults) -> Self {
        Self { faults, findings: Vec::new(), recovery: None }
    }
}

impl From<Diagnostic> for NotInstalled {
    fn from(fault: Diagnostic) -> Self {
        Faults::from(fault).into()
    }
}

/// What every step of an installation works with.
pub(super) struct Run<'run> {
    pub(super) kit: &'run PreparedKit,
    /// The directory of its chart.
    pub(super) chart: &'run Path,
    pub(super) cluster: &'run Cluster,
    pub(super) helm: &'run Helm,
    pub(super) place: &'run Place,
    pub(super) options: &'run Options,
    pub(super) stop: &'run AtomicBool,
    /// When its time is over.
    pub(super) end: Instant,
    pub(super) progress: Progress<'run>,
}

impl Run<'_> {
    pub(super) fn namespace(&self) -> &str {
        &self.place.namespace
    }

    /// The time that is left.
    pub(super) fn left(&self) -> Duration {
        self.end.saturating_duration_since(Instant::now())
    }

    /// Does something with the release, for as long as there is time, and lets other tasks go on meanwhile.
    pub(super) fn release<T>(&self, work: impl FnOnce(Release<'_>) -> Result<T, Diagnostic>) -> Result<T, Diagnostic> {
        self.release_within(self.left().min(HELM_LIMIT), work)
    }

    /// As [`Self::release`], with a time of its own: what is put back is put back although the time is over.
    pub(super) fn release_within<T>(
        &self,
        time: Duration,
        work: impl FnOnce(Release<'_>) -> Result<T, Diagnostic>,
    ) -> Result<T, Diagnostic> {
        let limits = Limits { time: time.max(Duration::from_secs(1)), stop: self.stop };
        tokio::task::block_in_place(|| work(self.helm.release(self.place, limits)))
    }
}

//! One release and its operations.

use std::{
    ffi::{OsStr, OsString},
    path::Path,
};

use flare_diagnostic::{Code, Diagnostic};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::{
    Helm, Lock, ReleaseId, ReleaseStatus, Revision, RunLimits, Unlock, Values, Wait,
    answer::{Applied, Listed},
    fault,
    process::{self, RunOutcome},
};

/// Options of an upgrade.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Upgrade {
    /// Whether Helm itself waits.
    pub wait: Wait,
}

/// The result of an upgrade.
#[derive(Clone, PartialEq, Eq)]
pub struct Upgraded {
    /// The revision; in a dry run the one that it would become.
    pub revision: u64,
    /// Its state.
    pub status: ReleaseStatus,
    /// Its objects, as YAML documents.
    pub manifest: String,
}

/// Does not show the manifest, which may contain Secrets.
impl std::fmt::Debug for Upgraded {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Upgraded").field("revision", &self.revision).field("status", &self.status).finish_non_exhaustive()
    }
}

/// A release, driven by one Helm. Every call has the full limits, and fails with `HELM_FAILED`, `TIMED_OUT` or
/// `INTERRUPTED`.
#[derive(Debug)]
pub struct Release<'run> {
    helm: &'run Helm,
    place: &'run ReleaseId,
    limits: RunLimits<'run>,
}

impl Helm {
    /// A handle of a release, which need not exist. Each call has these limits.
    pub const fn release<'run>(&'run self, place: &'run ReleaseId, limits: RunLimits<'run>) -> Release<'run> {
        Release::new(self, place, limits)
    }
}

impl<'run> Release<'run> {
    const fn new(helm: &'run Helm, place: &'run ReleaseId, limits: RunLimits<'run>) -> Self {
        Self { helm, place, limits }
    }

    /// The same release with other limits.
    #[must_use]
    pub const fn within(&self, limits: RunLimits<'run>) -> Self {
        Self::new(self.helm, self.place, limits)
    }

    /// Its location.
    pub const fn place(&self) -> &ReleaseId {
        self.place
    }

    /// Its revisions, the oldest one that Helm keeps first; empty if there is no such release.
    pub fn history(&self) -> Result<Vec<Revision>, Diagnostic> {
        let asked = ["history", &self.place.release, "--output", "json", "--max", "256"];
        let read: Result<Vec<Revision>, Diagnostic> = self.json("read the release's history", asked);
        // For a missing release `helm history` fails with an error that only its text distinguishes from others.
        if let Err(fault) = &read
            && fault.code == Code::HelmFailed
            && !self.is_listed()?
        {
            return Ok(Vec::new());
        }
        let mut history = read?;
        history.sort_by_key(|revision| revision.revision);
        Ok(history)
    }

    /// Whether Helm knows the release, in any state.
    fn is_listed(&self) -> Result<bool, Diagnostic> {
        let filter = format!("^{}$", self.place.release.replace('.', "\\."));
        let mut list = vec!["list", "--output", "json", "--filter", &filter];
        list.extend(self.helm.dialect().every_state());
        let listed: Vec<Listed> = self.json("list releases", list)?;
        Ok(listed.iter().any(|found| found.name == self.place.release))
    }

    /// The result that an upgrade to this chart would have, with the server's capabilities; nothing is changed.
    pub fn render(&self, chart: &Path, values: &Values) -> Result<Upgraded, Diagnostic> {
        self.apply(chart, values, "render the chart", &["--dry-run=server"])
    }

    /// The chart's objects without access to a cluster, as YAML documents; fails if chart or values are invalid.
    pub fn template(&self, chart: &Path, values: &Values) -> Result<String, Diagnostic> {
        let mut arguments: Vec<OsString> = ["template", &self.place.release].map(OsString::from).into();
        arguments.push(chart.into());
        arguments.extend(["--namespace", &self.place.namespace].map(OsString::from));
        arguments.extend(values.arguments());
        self.text("render the chart", &arguments, &values.hidden)
    }

    /// Installs the chart, or upgrades to it.
    pub fn upgrade(&self, chart: &Path, values: &Values, how: Upgrade) -> Result<Upgraded, Diagnostic> {
        let what = format!("install the release `{}`", self.place.release);
        self.apply(chart, values, &what, self.helm.dialect().wait(how.wait))
    }

    fn apply(&self, chart: &Path, values: &Values, what: &str, flags: &[&str]) -> Result<Upgraded, Diagnostic> {
        let mut arguments: Vec<OsString> = ["upgrade", "--install", &self.place.release].map(OsString::from).into();
        arguments.push(chart.into());
        arguments.extend(
            ["--output", "json", "--reset-values"].iter().chain(self.helm.dialect().set_back()).chain(flags).map(OsString::from),
        );
        arguments.push(self.timeout().into());
        arguments.extend(values.arguments());
        let printed = self.text(what, &self.in_cluster(arguments), &values.hidden)?;
        let applied: Applied = serde_json::from_str(&printed).map_err(|_| fault::unreadable(what))?;
        Ok(Upgraded { revision: applied.version, status: applied.info.status, manifest: applied.manifest })
    }

    /// The objects of a revision, as YAML documents.
    pub fn manifest(&self, revision: u64) -> Result<String, Diagnostic> {
        let revision = revision.to_string();
        let arguments = ["get", "manifest", &self.place.release, "--revision", &revision].map(OsString::from).into();
        self.text("read the release's objects", &self.in_cluster(arguments), &[])
    }

    /// The values that a revision was given besides the chart's own. They may contain secrets.
    pub fn values(&self, revision: u64) -> Result<Value, Diagnostic> {
        let revision = revision.to_string();
        let arguments = ["get", "values", &self.place.release, "--revision", &revision, "--output", "json"];
        self.json("read the release's values", arguments)
    }

    /// Rolls back to an earlier revision, which creates a new one.
    pub fn rollback(&self, revision: u64) -> Result<(), Diagnostic> {
        let (release, number, timeout) = (self.place.release.as_str(), revision.to_string(), self.timeout());
        let mut arguments: Vec<OsString> = ["rollback", release, &number, &timeout].map(OsString::from).into();
        arguments.extend(self.helm.dialect().set_back().iter().map(OsString::from));
        self.text(&format!("roll the release `{release}` back to revision {revision}"), &self.in_cluster(arguments), &[])
            .map(|_| ())
    }

    /// Uninstalls the release with its objects. Returns `false` if there was none.
    pub fn uninstall(&self) -> Result<bool, Diagnostic> {
        if self.history()?.is_empty() {
            return Ok(false);
        }
        let (release, timeout) = (self.place.release.as_str(), self.timeout());
        let arguments = ["uninstall", release, &timeout].map(OsString::from).into();
        self.text(&format!("remove the release `{release}`"), &self.in_cluster(arguments), &[]).map(|_| true)
    }

    /// Frees a locked release. The caller must know that no other Helm run is in progress.
    pub fn unlock(&self, lock: &Lock) -> Result<(), Diagnostic> {
        match lock.unlock {
            Unlock::Rollback(revision) => self.rollback(revision),
            Unlock::Uninstall => self.uninstall().map(|_| ()),
        }
    }

    fn json<T: DeserializeOwned>(
        &self,
        what: &str,
        arguments: impl IntoIterator<Item = impl AsRef<OsStr>>,
    ) -> Result<T, Diagnostic> {
        let arguments = arguments.into_iter().map(|argument| argument.as_ref().to_owned()).collect();
        let printed = self.text(what, &self.in_cluster(arguments), &[])?;
        serde_json::from_str(&printed).map_err(|_| fault::unreadable(what))
    }

    /// Adds the arguments for cluster and namespace.
    fn in_cluster(&self, mut arguments: Vec<OsString>) -> Vec<OsString> {
        arguments.extend(["--namespace", &self.place.namespace].map(OsString::from));
        if let Some(kubeconfig) = &self.place.kubeconfig {
            arguments.extend(["--kubeconfig".into(), kubeconfig.into()]);
        }
        if let Some(context) = &self.place.context {
            arguments.extend(["--kube-context", context].map(OsString::from));
        }
        arguments
    }

    /// Helm's own time limit, slightly below this one, so that it can still report what it waited for.
    fn timeout(&self) -> String {
        format!("--timeout={}s", self.limits.time.as_secs().saturating_sub(2).max(1))
    }

    fn text(&self, what: &str, arguments: &[OsString], hidden: &[String]) -> Result<String, Diagnostic> {
        match process::run(self.helm.program(), arguments, self.limits) {
            Ok(RunOutcome::Success(printed)) => Ok(String::from_utf8_lossy(&printed).into_owned()),
            Ok(RunOutcome::Failure(said)) => Err(fault::failed(what, &said, hidden)),
            Ok(RunOutcome::TimedOut) => Err(fault::timed_out(what, self.limits.time)),
            Ok(RunOutcome::Stopped) => Err(fault::interrupted()),
            Err(error) => Err(fault::not_run(what, &error)),
        }
    }
}

//! The clusters of tests and benches: the one that the user names, otherwise local ones that end with the run.

use std::{
    env::join_paths,
    fs::File,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use flare_diagnostic::{Code, Diagnostic, Faults};
use flare_testbed::{ClusterName, Provider, Status, UpOptions, image::FlareImage};

use crate::{context::Context, output::write_to_stderr};

/// The names of the local ones, so that a developer's cluster `local` is left alone.
const NAME: &str = "tests";
const SECOND: &str = "tests-second";

/// Clusters in which tests may create and delete namespaces.
pub(crate) struct TestCluster<'run> {
    context: &'run Context<'run>,
    pub(crate) kubeconfig: PathBuf,
    /// The local clusters, if none was named: the one of `kubeconfig`, and for tests another one, for those that change the node.
    local: Vec<LocalCluster<'run>>,
    /// Held while local clusters are used; the system releases it when this process ends in any way.
    _lock: Option<File>,
}

impl<'run> TestCluster<'run> {
    /// For tests: the cluster of `FLARE_KUBE_TEST_KUBECONFIG`, otherwise two local ones, which are started unless they run. Nothing
    /// else decides where tests run.
    pub(crate) fn provide(context: &'run Context<'run>) -> Result<Self, Faults> {
        Self::named_or_local(context, None, &[NAME, SECOND])
    }

    /// For benches: the cluster of a flag or of `FLARE_KUBE_TEST_KUBECONFIG`, otherwise a local one.
    pub(crate) fn named_or_ours(context: &'run Context<'run>, named: Option<&Path>) -> Result<Self, Faults> {
        Self::named_or_local(context, named, &[NAME])
    }

    fn named_or_local(context: &'run Context<'run>, named: Option<&Path>, local: &[&str]) -> Result<Self, Faults> {
        if let Some(kubeconfig) = named.or(context.environment.test_kubeconfig.as_deref()) {
            let kubeconfig = context.environment.absolute(kubeconfig)?;
            return Ok(Self { context, kubeconfig, local: Vec::new(), _lock: None });
        }
        Self::start(context, local).map_err(|faults| faults.map(without_cluster))
    }

    fn start(context: &'run Context<'run>, local: &[&str]) -> Result<Self, Faults> {
        // Without the lock, the first run that is done would end the clusters while others use them.
        let lock = context.with_testbed(|testbed| {
            let busy = "another run uses the cluster of the tests: waiting for it";
            flare_testbed::lock_file(testbed, &testbed.cache.join("test-cluster.lock"), busy)
        })?;
        let local = local.iter().map(|name| LocalCluster::start(context, name)).collect::<Result<Vec<_>, _>>()?;
        let first = local.first().ok_or_else(|| Diagnostic::error(Code::Internal, "no cluster was asked for"))?;
        Ok(Self { context, kubeconfig: first.kubeconfig.clone(), local, _lock: Some(lock) })
    }

    /// The audit log of its API server, for a local cluster.
    pub(crate) fn audit_log(&self) -> Option<&Path> {
        self.local.first()?.audit_log.as_deref()
    }

    /// Sets a program's environment: which clusters to use, and the directory of a kubectl in case the machine has none.
    pub(crate) fn configure(&self, command: &mut Command) {
        command.env("FLARE_KUBE_TEST_KUBECONFIG", &self.kubeconfig);
        if let Some(second) = self.local.get(1) {
            command.env("FLARE_KUBE_TEST_SECOND_KUBECONFIG", &second.kubeconfig);
        }
        let kubectl = self.local.first().and_then(|cluster| cluster.kubectl.as_deref()?.parent()).map(Path::to_path_buf);
        if let Ok(path) = join_paths(self.context.environment.search_path.iter().chain(&kubectl)) {
            command.env("PATH", path);
        }
    }

    /// Ends the clusters that this run started.
    pub(crate) fn end(mut self) -> Result<(), Faults> {
        let ended: Vec<_> = self.local.iter_mut().map(LocalCluster::take_down).collect();
        ended.into_iter().collect()
    }
}

/// A local cluster. One that this run started ends when the value is dropped.
struct LocalCluster<'run> {
    context: &'run Context<'run>,
    kubeconfig: PathBuf,
    audit_log: Option<PathBuf>,
    /// A kubectl for machines that have none.
    kubectl: Option<PathBuf>,
    /// Its name, if this run started it.
    ours: Option<ClusterName>,
}

impl<'run> LocalCluster<'run> {
    /// Starts it, unless it runs.
    fn start(context: &'run Context<'run>, name: &str) -> Result<Self, Faults> {
        let name = ClusterName::new(name)?;
        let options = UpOptions {
            // The tests pull FLARE images, which clusters of other providers do not have.
            provider: Some(Provider::Source),
            images: FlareImage::ALL.to_vec(),
            timeout: Duration::from_mins(5),
            ..UpOptions::default()
        };
        let (before, status) = context.with_testbed(|testbed| -> Result<_, Faults> {
            let before = flare_testbed::status(testbed, &name)?.ready;
            Ok((before, flare_testbed::up(testbed, &name, &options)?.value))
        })?;
        let Status { kubeconfig, audit_log, kubectl, .. } = status;
        let kubeconfig = kubeconfig.ok_or_else(|| Diagnostic::error(Code::Internal, "a cluster that runs has no kubeconfig"))?;
        // A cluster that was already running is kept for whoever started it.
        Ok(Self { context, kubeconfig, audit_log, kubectl, ours: (!before).then_some(name) })
    }

    fn take_down(&mut self) -> Result<(), Faults> {
        let Some(name) = self.ours.take() else { return Ok(()) };
        self.context.with_testbed(|testbed| flare_testbed::down(testbed, &name)).map(drop).inspect_err(|faults| {
            write_to_stderr(&format!(
                "the cluster `{name}` is still there: {}\nrun `cargo xtask cluster down --name {name}`\n",
                faults.first()
            ));
        })
    }
}

impl Drop for LocalCluster<'_> {
    /// Ends the cluster after a run that failed or was interrupted; a failure to end it is only reported.
    fn drop(&mut self) {
        let _ = self.take_down();
    }
}

/// Adds an alternative to the hint of a cluster that cannot be provided, unless the run was interrupted.
fn without_cluster(fault: Diagnostic) -> Diagnostic {
    if !matches!(fault.code, Code::MachineNotReady | Code::ToolNotFound | Code::ClusterFailed | Code::TimedOut) {
        return fault;
    }
    let hint = fault.hint.clone().unwrap_or_default();
    fault.hint(format!("{hint}; or name a cluster by `FLARE_KUBE_TEST_KUBECONFIG`, or leave these tests out with `--no-cluster`"))
}

//! The cluster of tests and benches: the one that the user names, otherwise a local one that ends with the run.

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

/// The name of the local one, so that a developer's cluster `local` is left alone.
const NAME: &str = "tests";

/// A cluster in which tests may create and delete namespaces. One that this run started ends when the value is dropped.
pub(crate) struct TestCluster<'run> {
    context: &'run Context<'run>,
    pub(crate) kubeconfig: PathBuf,
    /// The audit log of its API server, for a local cluster.
    pub(crate) audit_log: Option<PathBuf>,
    /// The directory of a kubectl for machines that have none.
    kubectl_directory: Option<PathBuf>,
    /// The cluster to end, if this run started it.
    ours: Option<ClusterName>,
    /// Held while the local cluster is used; the system releases it when this process ends in any way.
    _lock: Option<File>,
}

impl<'run> TestCluster<'run> {
    /// The cluster of `FLARE_KUBE_TEST_KUBECONFIG`, otherwise the local one, which is started unless it runs. Nothing else
    /// decides where tests run.
    pub(crate) fn provide(context: &'run Context<'run>) -> Result<Self, Faults> {
        Self::named_or_ours(context, None)
    }

    /// Like [`Self::provide`], but a flag may name the cluster too.
    pub(crate) fn named_or_ours(context: &'run Context<'run>, named: Option<&Path>) -> Result<Self, Faults> {
        match named.or(context.environment.test_kubeconfig.as_deref()) {
            Some(kubeconfig) => {
                let kubeconfig = context.environment.absolute(kubeconfig)?;
                Ok(Self { context, kubeconfig, audit_log: None, kubectl_directory: None, ours: None, _lock: None })
            }
            None => Self::start(context).map_err(|faults| faults.map(without_cluster)),
        }
    }

    fn start(context: &'run Context<'run>) -> Result<Self, Faults> {
        let name = ClusterName::new(NAME)?;
        // Without the lock, the first run that is done would end the cluster while others use it.
        let lock = context.with_testbed(|testbed| {
            let busy = "another run uses the cluster of the tests: waiting for it";
            flare_testbed::lock_file(testbed, &testbed.cache.join("test-cluster.lock"), busy)
        })?;
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
        let kubectl_directory = kubectl.as_deref().and_then(Path::parent).map(Path::to_path_buf);
        // A cluster that was already running is kept for whoever started it.
        Ok(Self { context, kubeconfig, audit_log, kubectl_directory, ours: (!before).then_some(name), _lock: Some(lock) })
    }

    /// Sets a program's environment: which cluster to use, and the directory of a kubectl in case the machine has none.
    pub(crate) fn configure(&self, command: &mut Command) {
        command.env("FLARE_KUBE_TEST_KUBECONFIG", &self.kubeconfig);
        let search = self.context.environment.search_path.iter().chain(&self.kubectl_directory);
        if let Ok(path) = join_paths(search) {
            command.env("PATH", path);
        }
    }

    /// Ends the cluster, if this run started it.
    pub(crate) fn end(mut self) -> Result<(), Faults> {
        self.take_down()
    }

    fn take_down(&mut self) -> Result<(), Faults> {
        let Some(name) = self.ours.take() else { return Ok(()) };
        self.context.with_testbed(|testbed| flare_testbed::down(testbed, &name)).map(drop)
    }
}

impl Drop for TestCluster<'_> {
    /// Ends the cluster after a run that failed or was interrupted; a failure to end it is only reported.
    fn drop(&mut self) {
        if let Err(faults) = self.take_down() {
            write_to_stderr(&format!(
                "the cluster `{NAME}` is still there: {}\nrun `cargo xtask cluster down --name {NAME}`\n",
                faults.first()
            ));
        }
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

//! Runs the measuring programs of the test package, and returns what they measured.

use std::{path::Path, process::Command};

use flare_diagnostic::{Code, Diagnostic, Faults};
use serde_json::Value;

use super::{checks, programs, test_cluster::TestCluster};
use crate::{
    context::Context,
    output::{Outcome, VerbResult},
};

/// The fault of a cluster that is named by a file that is not there.
pub(super) fn missing_kubeconfig(cluster: &TestCluster<'_>) -> Option<Diagnostic> {
    missing(&cluster.kubeconfig, "kubeconfig", "name one by `--kubeconfig`, or leave it out for a cluster of our own")
}

/// The fault of a file that a bench needs and that is not there.
pub(super) fn missing(path: &Path, what: &str, hint: &str) -> Option<Diagnostic> {
    let message = || format!("there is no {what} at `{}`", path.display());
    (!programs::is_file(path)).then(|| Diagnostic::error(Code::InvalidArgs, message()).hint(hint))
}

/// Runs a bench on a cluster, ends the cluster if this run started it, and returns the bench's output.
pub(super) fn on_cluster(
    context: &Context<'_>,
    root: &Path,
    program: &str,
    cluster: TestCluster<'_>,
    runs: u16,
    with: impl FnOnce(&mut Command) -> &mut Command,
) -> VerbResult {
    let figures = root.join("target").join(program).with_extension("json");
    measure(context, root, program, |bench| {
        cluster.configure(bench);
        bench.arg("--kubeconfig").arg(&cluster.kubeconfig).args(["--runs", &runs.to_string()]).arg("--json").arg(&figures);
        with(bench)
    })?;
    cluster.end()?;
    outcome(&figures)
}

/// What a bench measured, from the file into which it wrote it.
pub(super) fn outcome(figures: &Path) -> VerbResult {
    let bytes = flare_file_tree::read_file(figures, 1 << 20, Code::CheckFailed, Code::CheckFailed)?;
    let data: Value = serde_json::from_slice(&bytes)
        .map_err(|error| Diagnostic::error(Code::Internal, format!("the figures are not JSON: {error}")))?;
    Ok(Outcome { data, text: String::new(), warnings: Vec::new() })
}

/// Builds all programs of the test package and runs one.
pub(super) fn measure(
    context: &Context<'_>,
    root: &Path,
    program: &str,
    with: impl FnOnce(&mut Command) -> &mut Command,
) -> Result<(), Faults> {
    checks::provide(context, root)?;
    let package = ["--quiet", "--locked", "--release", "--package", "integration-tests"];
    programs::run(&context.interrupt, programs::cargo(context, root).arg("build").args(package).arg("--bins"))?;
    let mut bench = programs::cargo(context, root);
    programs::run(&context.interrupt, with(bench.arg("run").args(package).args(["--bin", program, "--"])))
}

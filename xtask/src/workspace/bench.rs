//! `bench prepare`: builds and starts the measuring program of the test package.

use std::path::Path;

use flare_diagnostic::Faults;

use super::{checks, programs};
use crate::cli::Context;

/// Measure flare-kube against the reference.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// What is measured.
    #[arg(value_enum)]
    subject: Subject,
    /// Fail where a promised ratio is missed.
    #[arg(long)]
    check: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Subject {
    /// `prepare` against `nvflare deploy prepare` and `cp -r`.
    Prepare,
}

/// Runs the bench in a release build, with the reference from the cache.
pub(crate) fn run(context: &Context<'_>, root: &Path, arguments: &Arguments) -> Result<Vec<String>, Faults> {
    let Subject::Prepare = arguments.subject;
    let mut steps = checks::provide(context, root)?;
    programs::run(checks::cargo(context, root).args([
        "build",
        "--quiet",
        "--locked",
        "--release",
        "--package",
        "integration-tests",
        "--bins",
    ]))?;
    let mut bench = checks::cargo(context, root);
    bench.args(["run", "--quiet", "--locked", "--release", "--package", "integration-tests", "--bin", "bench-prepare", "--"]);
    bench.args(arguments.check.then_some("--check"));
    programs::run(&mut bench)?;
    steps.push("bench".to_owned());
    Ok(steps)
}

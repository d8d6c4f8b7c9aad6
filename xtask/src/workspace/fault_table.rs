//! `bench faults`: runs the cluster tests of the fault table, and then the program that shows what they wrote.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use clap::builder::NonEmptyStringValueParser;
use flare_diagnostic::{Code, Diagnostic, Faults};

use super::{
    checks,
    measuring::{missing_kubeconfig, outcome},
    programs,
    test_cluster::TestCluster,
};
use crate::{
    context::Context,
    output::{Failure, VerbResult},
};

/// Where the fault table is measured, and which part of it.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The cluster [default: that of `FLARE_KUBE_TEST_KUBECONFIG`, otherwise a local one that ends with the run].
    #[arg(long, value_name = "FILE")]
    kubeconfig: Option<PathBuf>,
    /// Set the faults up with the reference's chart as well, and try the user guide's section "Verify The Deployment" on them. Takes half an
    /// hour more.
    #[arg(long)]
    by_guide: bool,
    /// Try only the faults whose names in the table contain one of these texts, such as `wrong tag,LimitRange`. The page stays as it is.
    #[arg(long, value_name = "NAME", value_delimiter = ',', value_parser = NonEmptyStringValueParser::new())]
    only: Vec<String>,
    /// Fail if a target is missed or a fault is not named.
    #[arg(long)]
    check: bool,
}

/// The package with the tests and the program, built in the same way for both, since the tests measure a program of their own build.
const BUILT: [&str; 5] = ["--locked", "--package", "integration-tests", "--features", "cluster"];

/// Tries the faults, and shows the table also if some were missed.
pub(crate) fn run(context: &Context<'_>, root: &Path, arguments: &Arguments) -> VerbResult {
    let cluster = TestCluster::named_or_ours(context, arguments.kubeconfig.as_deref())?;
    Faults::check(missing_kubeconfig(&cluster).into_iter().collect(), || ())?;
    checks::provide(context, root)?;
    // What does not compile is not a missed row.
    programs::run(&context.interrupt, tests(context, root).arg("--no-run"))?;
    let [times, guide] = ["fault", "guide"].map(|what| root.join("target").join(format!("{what}-times.jsonl")));
    for file in [&times, &guide] {
        let emptied = flare_file_tree::write_file(file, b"", 0o644, true);
        emptied.map_err(|error| error.into_diagnostic(Code::CheckFailed))?;
    }
    let only = arguments.only.join(",");
    let mut tried = tests(context, root);
    tried.args(["--", "verify_faults::", "--test-threads=1", "--nocapture"]).env("FLARE_KUBE_FAULT_TIMES", &times);
    tried.env("FLARE_KUBE_FAULTS_ONLY", &only);
    if arguments.by_guide {
        tried.env("FLARE_KUBE_GUIDE_TIMES", &guide);
    }
    cluster.configure(&mut tried);
    let missed = match programs::run(&context.interrupt, &mut tried) {
        Ok(()) => None,
        Err(faults) if faults.all().iter().any(|fault| fault.code == Code::Interrupted) => return Err(faults.into()),
        Err(_) => Some(missed()),
    };
    let figures = root.join("target/bench-faults.json");
    let mut bench = programs::cargo(context, root);
    bench.args(["run", "--quiet"]).args(BUILT).args(["--bin", "bench-faults", "--"]);
    bench.arg("--kubeconfig").arg(&cluster.kubeconfig).arg("--times").arg(&times).arg("--json").arg(&figures);
    if arguments.by_guide {
        bench.arg("--guide").arg(&guide);
    }
    if !arguments.only.is_empty() {
        bench.args(["--only", &only]);
    }
    bench.args(arguments.check.then_some("--check"));
    cluster.configure(&mut bench);
    programs::run(&context.interrupt, &mut bench)?;
    cluster.end()?;
    let mut outcome = outcome(&figures)?;
    match missed {
        Some(missed) if arguments.check => Err(Failure { faults: missed.into(), shown: Some(Box::new(outcome)) }),
        missed => {
            outcome.warnings.extend(missed.map(|missed| Diagnostic::warning(missed.code, missed.message)));
            Ok(outcome)
        }
    }
}

fn tests(context: &Context<'_>, root: &Path) -> Command {
    let mut tests = programs::cargo(context, root);
    tests.arg("test").args(BUILT).args(["--test", "cluster"]);
    tests
}

fn missed() -> Diagnostic {
    Diagnostic::error(Code::CheckFailed, "tests of the fault table failed")
        .hint("their messages, and a list of the missed rows, stand above")
}

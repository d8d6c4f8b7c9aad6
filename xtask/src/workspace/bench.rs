//! `bench prepare`, `bench baseline`: build and start the measuring programs of the test package.

use std::path::{Path, PathBuf};

use flare_diagnostic::{Code, Diagnostic, Faults};
use serde_json::{Value, json};

use super::{checks, programs, test_cluster::TestCluster};
use crate::{
    context::Context,
    output::{Outcome, VerbResult, write_to_stderr},
};

/// What is measured.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Subject {
    /// `prepare` against `nvflare deploy prepare` and `cp -r`, in one paired run.
    Prepare {
        /// Fail where a promised ratio is missed.
        #[arg(long)]
        check: bool,
    },
    /// The user guide's manual procedure on a real cluster, and our charts beside it.
    ///
    /// Takes about ten minutes, uses kubectl and namespaces of its own, which it deletes, and writes a table into
    /// `docs/benchmarks.md`.
    Baseline(Baseline),
}

/// Where and how often the baseline is measured.
#[derive(Debug, clap::Args)]
pub(crate) struct Baseline {
    /// The cluster [default: that of `FLARE_KUBE_TEST_KUBECONFIG`, else one of our own that ends with the run].
    #[arg(long, value_name = "FILE")]
    kubeconfig: Option<PathBuf>,
    /// The audit log of its API server [default: that of our own cluster, else `audit.log` beside the kubeconfig].
    #[arg(long, value_name = "FILE")]
    audit_log: Option<PathBuf>,
    /// How often each step is measured; what takes half a minute by itself is measured once.
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..))]
    runs: u16,
}

/// Runs a bench in a release build, with the reference from the cache.
pub(crate) fn run(context: &Context<'_>, root: &Path, subject: &Subject) -> VerbResult {
    match subject {
        Subject::Prepare { check } => {
            let check: &[&str] = if *check { &["--check"] } else { &[] };
            measure(context, root, "bench-prepare", |bench| bench.args(check))?;
            Ok(Outcome { data: json!({ "steps": ["Helm", "bench"] }), text: String::new(), warnings: Vec::new() })
        }
        Subject::Baseline(arguments) => baseline(context, root, arguments),
    }
}

fn baseline(context: &Context<'_>, root: &Path, arguments: &Baseline) -> VerbResult {
    let environment = context.environment;
    let cluster = TestCluster::named_or_ours(context, arguments.kubeconfig.as_deref())?;
    let kubeconfig = &cluster.kubeconfig;
    let audit_log = arguments.audit_log.as_ref().map(|path| environment.absolute(path)).transpose()?;
    let audit_log = audit_log.or_else(|| cluster.audit_log.clone());
    let audit_log = audit_log.unwrap_or_else(|| kubeconfig.with_file_name("audit.log"));
    let files = [
        (kubeconfig, "kubeconfig", "name one by `--kubeconfig`, or leave it out for a cluster of our own"),
        (&audit_log, "audit log", "name the one of the cluster's API server by `--audit-log`"),
    ];
    let missing = files.into_iter().filter(|(path, ..)| !programs::is_file(path)).map(|(path, what, hint)| {
        Diagnostic::error(Code::InvalidArgs, format!("there is no {what} at `{}`", path.display())).hint(hint)
    });
    Faults::check(missing.collect(), || ())?;
    let figures = root.join("target/bench-baseline.json");
    measure(context, root, "bench-baseline", |bench| {
        cluster.configure(bench);
        bench.arg("--kubeconfig").arg(kubeconfig).arg("--audit-log").arg(&audit_log);
        bench.args(["--runs", &arguments.runs.to_string()]).arg("--json").arg(&figures)
    })?;
    cluster.end()?;
    let bytes = flare_file_tree::read_file(&figures, 1 << 20, Code::CheckFailed, Code::CheckFailed)?;
    let data: Value = serde_json::from_slice(&bytes)
        .map_err(|error| Diagnostic::error(Code::Internal, format!("the figures are no JSON: {error}")))?;
    write_to_stderr("done: the table is in `docs/benchmarks.md`\n");
    Ok(Outcome { data, text: String::new(), warnings: Vec::new() })
}

/// Builds all programs of the test package and runs one of them.
fn measure(
    context: &Context<'_>,
    root: &Path,
    program: &str,
    with: impl FnOnce(&mut std::process::Command) -> &mut std::process::Command,
) -> Result<(), Faults> {
    checks::provide(context, root)?;
    let package = ["--quiet", "--locked", "--release", "--package", "integration-tests"];
    programs::run(&context.interrupt, programs::cargo(context, root).arg("build").args(package).arg("--bins"))?;
    let mut bench = programs::cargo(context, root);
    programs::run(&context.interrupt, with(bench.arg("run").args(package).args(["--bin", program, "--"])))
}

//! `bench prepare`, `bench baseline`, `bench stage`, `bench launch`, `bench up`, `bench faults`: build and start the measuring programs of the test package.

use std::path::{Path, PathBuf};

use flare_diagnostic::Faults;
use serde_json::json;

use super::{
    fault_table,
    measuring::{measure, missing, missing_kubeconfig, on_cluster},
    test_cluster::TestCluster,
};
use crate::{
    context::Context,
    output::{Outcome, VerbResult},
};

/// What is measured.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Subject {
    /// Compare `prepare` with `nvflare deploy prepare` and with `cp -r`, in one paired run.
    Prepare {
        /// Fail if a promised ratio is missed.
        #[arg(long)]
        check: bool,
    },
    /// Measure the user guide's manual procedure on a real cluster, and compare it with flare-kube's charts
    ///
    /// Takes about ten minutes, uses kubectl and separate namespaces, which it deletes, and writes a table into
    /// `docs/benchmarks.md`.
    Baseline(Baseline),
    /// Compare `stage` with the guide's procedure and with `kubectl cp` on a real cluster, in one paired run
    ///
    /// One participant, 5,000 small files, 256 MiB and 1 GiB: time, and flare-kube's peak memory. Takes about ten minutes, uses kubectl and
    /// a separate namespace, which it deletes, and writes a table into `docs/benchmarks.md`.
    Stage(Stage),
    /// Compare the launcher of job pods with the reference's on a real cluster: many jobs at once, in one run
    ///
    /// Sleeping jobs on the node, then jobs whose pods only the API server knows, their status patched by the bench: the API server's requests by
    /// its audit log, memory for each job, and how soon an end is seen. Takes about twenty minutes, uses kubectl and separate namespaces,
    /// which it deletes, and writes a table into `docs/benchmarks.md`.
    Launch(Launch),
    /// Measure `up` of whole federations on a real cluster: a server with two sites, with half of the sites, and with all
    ///
    /// The parents are real. Measured are time, memory of flare-kube and of the Helm processes that it starts, and requests to the API server
    /// by its audit log; then `up` again with nothing to change, and `down`. Fifty sites take about half an hour and 12 GiB of memory on the
    /// node. Uses kubectl and separate namespaces, which it deletes, and writes a table into `docs/benchmarks.md`.
    Up(Up),
    /// Measure how soon the faults of the fault table are named, from the moment when Kubernetes itself knows them
    ///
    /// Runs the cluster tests of the table one by one, each fault set up for real; a fault that is not named does not keep the others from
    /// being tried, and is listed at the end. Takes about twenty minutes, uses kubectl and separate namespaces, which it deletes, and writes a
    /// table into `docs/verify.md`.
    Faults(fault_table::Arguments),
}

/// On which cluster, and how often.
#[derive(Debug, clap::Args)]
pub(crate) struct OnCluster {
    /// The cluster [default: that of `FLARE_KUBE_TEST_KUBECONFIG`, otherwise a local one that ends with the run].
    #[arg(long, value_name = "FILE")]
    kubeconfig: Option<PathBuf>,
    /// How often each step is measured; a step of half a minute may be measured only once.
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..))]
    runs: u16,
}

/// How staging is measured.
#[derive(Debug, clap::Args)]
pub(crate) struct Stage {
    #[command(flatten)]
    on: OnCluster,
    /// Fail if a promise is missed.
    #[arg(long)]
    check: bool,
}

/// How the baseline is measured.
#[derive(Debug, clap::Args)]
pub(crate) struct Baseline {
    #[command(flatten)]
    on: OnCluster,
    /// The audit log of its API server [default: that of the local cluster, otherwise `audit.log` beside the kubeconfig].
    #[arg(long, value_name = "FILE")]
    audit_log: Option<PathBuf>,
}

/// How launchers are measured.
#[derive(Debug, clap::Args)]
pub(crate) struct Launch {
    /// The cluster [default: that of `FLARE_KUBE_TEST_KUBECONFIG`, otherwise a local one that ends with the run].
    #[arg(long, value_name = "FILE")]
    kubeconfig: Option<PathBuf>,
    /// The audit log of its API server [default: that of the local cluster, otherwise `audit.log` beside the kubeconfig].
    #[arg(long, value_name = "FILE")]
    audit_log: Option<PathBuf>,
    /// Jobs that sleep on the node at once; 0 leaves this part out.
    #[arg(long, value_name = "N", default_value_t = 200)]
    jobs: u16,
    /// Jobs at once whose pods no kubelet takes; 0 leaves this part out.
    #[arg(long, value_name = "N", default_value_t = 2000)]
    without_kubelet: u16,
    /// How long requests are counted while all jobs run.
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u16).range(1..))]
    seconds: u16,
    /// Fail if a promise is missed.
    #[arg(long)]
    check: bool,
}

/// How `up` is measured.
#[derive(Debug, clap::Args)]
pub(crate) struct Up {
    /// The cluster [default: that of `FLARE_KUBE_TEST_KUBECONFIG`, otherwise a local one that ends with the run].
    #[arg(long, value_name = "FILE")]
    kubeconfig: Option<PathBuf>,
    /// The audit log of its API server [default: that of the local cluster, otherwise `audit.log` beside the kubeconfig].
    #[arg(long, value_name = "FILE")]
    audit_log: Option<PathBuf>,
    /// The sites of the largest federation.
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u16).range(2..))]
    sites: u16,
    /// How many sites are worked on at the same time, as for `up`.
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=64))]
    parallel: u16,
    /// Fail if a promise is missed.
    #[arg(long)]
    check: bool,
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
        Subject::Stage(arguments) => stage(context, root, arguments),
        Subject::Launch(arguments) => launch(context, root, arguments),
        Subject::Up(arguments) => up(context, root, arguments),
        Subject::Faults(arguments) => fault_table::run(context, root, arguments),
    }
}

fn baseline(context: &Context<'_>, root: &Path, arguments: &Baseline) -> VerbResult {
    let cluster = TestCluster::named_or_ours(context, arguments.on.kubeconfig.as_deref())?;
    let audit_log = audit_log(context, &cluster, arguments.audit_log.as_deref())?;
    on_cluster(context, root, "bench-baseline", cluster, arguments.on.runs, |bench| bench.arg("--audit-log").arg(&audit_log))
}

fn launch(context: &Context<'_>, root: &Path, arguments: &Launch) -> VerbResult {
    let cluster = TestCluster::named_or_ours(context, arguments.kubeconfig.as_deref())?;
    let audit_log = audit_log(context, &cluster, arguments.audit_log.as_deref())?;
    let check: &[&str] = if arguments.check { &["--check"] } else { &[] };
    let numbers =
        [("--jobs", arguments.jobs), ("--without-kubelet", arguments.without_kubelet), ("--seconds", arguments.seconds)];
    on_cluster(context, root, "bench-launch", cluster, 1, |bench| {
        bench.arg("--audit-log").arg(&audit_log).args(check);
        numbers.iter().fold(bench, |bench, (flag, number)| bench.args([*flag, &number.to_string()]))
    })
}

fn up(context: &Context<'_>, root: &Path, arguments: &Up) -> VerbResult {
    let cluster = TestCluster::named_or_ours(context, arguments.kubeconfig.as_deref())?;
    let audit_log = audit_log(context, &cluster, arguments.audit_log.as_deref())?;
    let check: &[&str] = if arguments.check { &["--check"] } else { &[] };
    on_cluster(context, root, "bench-up", cluster, 1, |bench| {
        bench.arg("--audit-log").arg(&audit_log).args(check);
        bench.args(["--sites", &arguments.sites.to_string(), "--parallel", &arguments.parallel.to_string()])
    })
}

/// The audit log of a cluster's API server, where the user said it is or where a local cluster keeps it.
fn audit_log(context: &Context<'_>, cluster: &TestCluster<'_>, named: Option<&Path>) -> Result<PathBuf, Faults> {
    let named = named.map(|path| context.environment.absolute(path)).transpose()?;
    let audit_log = named.or_else(|| cluster.audit_log().map(Path::to_path_buf));
    let audit_log = audit_log.unwrap_or_else(|| cluster.kubeconfig.with_file_name("audit.log"));
    let missing = [
        missing_kubeconfig(cluster),
        missing(&audit_log, "audit log", "name the one of the cluster's API server by `--audit-log`"),
    ];
    Faults::check(missing.into_iter().flatten().collect(), || audit_log)
}

fn stage(context: &Context<'_>, root: &Path, arguments: &Stage) -> VerbResult {
    let cluster = TestCluster::named_or_ours(context, arguments.on.kubeconfig.as_deref())?;
    Faults::check(missing_kubeconfig(&cluster).into_iter().collect(), || ())?;
    let check: &[&str] = if arguments.check { &["--check"] } else { &[] };
    on_cluster(context, root, "bench-stage", cluster, arguments.on.runs, |bench| bench.args(check))
}

//! `test` and `ci`: the one definition of what must pass.

use std::{path::Path, process::Command};

use flare_diagnostic::Faults;

use super::{programs, test_cluster::TestCluster};
use crate::{cli::Context, output::talk};

/// Tests of the cluster package that run at once; each has a namespace of its own.
const CLUSTER_TESTS_AT_ONCE: &str = "6";

/// Run all tests.
#[derive(Debug, clap::Args)]
pub(crate) struct TestArguments {
    /// Only tests whose name holds this text.
    #[arg(value_name = "FILTER")]
    filter: Option<String>,
    /// Leave out the tests that need a Kubernetes cluster, and say how many those are.
    #[arg(long)]
    no_cluster: bool,
}

/// All tests, after what they need is there; in CI the lints first. Gives the steps that were done.
pub(crate) fn test(context: &Context<'_>, root: &Path, arguments: &TestArguments) -> Result<Vec<String>, Faults> {
    let filter = arguments.filter.as_deref();
    // A machine that can have no cluster is told so before minutes of other tests, and the cluster's start compiles nothing.
    let cluster = if arguments.no_cluster { None } else { Some(TestCluster::provide(context)?) };
    let mut steps =
        if context.environment.continuous_integration && filter.is_none() { lints(context, root)? } else { Vec::new() };
    steps.extend(provide(context, root)?);
    let mut tests = runner(context, root);
    tests.args(["--workspace", "--locked"]);
    if !with_nextest(context) {
        tests.args(["--lib", "--bins", "--tests", "--examples", "--no-fail-fast"]);
    }
    programs::run(&context.interrupt, tests.args(filter))?;
    steps.push("tests".to_owned());
    if filter.is_none() {
        programs::run(&context.interrupt, cargo(context, root).args(["test", "--workspace", "--locked", "--doc"]))?;
        steps.push("doc tests".to_owned());
    }
    match cluster {
        Some(cluster) => {
            programs::run(&context.interrupt, &mut cluster_tests(context, root, &cluster, filter))?;
            cluster.end()?;
            steps.push("tests on a cluster".to_owned());
            programs::run(&context.interrupt, &mut testbed_tests(context, root, filter))?;
            steps.push("tests of local clusters".to_owned());
        }
        None => steps.push(format!("{} tests on a cluster left out", count_cluster_tests(context, root, filter)?)),
    }
    Ok(steps)
}

/// The tests that need a cluster. They run after all others, which would make what they measure slow.
fn cluster_tests(context: &Context<'_>, root: &Path, cluster: &TestCluster<'_>, filter: Option<&str>) -> Command {
    let mut tests = runner(context, root);
    tests.args(CLUSTER_TESTS).args(filter);
    cluster.name_to(&mut tests);
    if with_nextest(context) {
        tests.args(["--test-threads", CLUSTER_TESTS_AT_ONCE]);
    } else {
        tests.args(["--no-fail-fast", "--", "--test-threads", CLUSTER_TESTS_AT_ONCE]);
    }
    tests
}

/// The tests of local clusters themselves, of their images and their registries: they start their own and end them in every way,
/// and each takes the whole machine.
fn testbed_tests(context: &Context<'_>, root: &Path, filter: Option<&str>) -> Command {
    let mut tests = runner(context, root);
    tests.args(TESTBED_TESTS).args(filter);
    if with_nextest(context) {
        tests.args(["--test-threads", "1"]);
    } else {
        tests.args(["--no-fail-fast", "--", "--test-threads", "1"]);
    }
    tests
}

const TESTBED_TESTS: [&str; 13] = [
    "--package",
    "integration-tests",
    "--package",
    "flare-testbed",
    "--features",
    "integration-tests/cluster,flare-testbed/cluster",
    "--test",
    "lifecycle",
    "--test",
    "images",
    "--test",
    "registries",
    "--locked",
];

const CLUSTER_TESTS: [&str; 7] = ["--package", "integration-tests", "--features", "cluster", "--test", "cluster", "--locked"];

/// How many tests are left out without a cluster, as they themselves say.
fn count_cluster_tests(context: &Context<'_>, root: &Path, filter: Option<&str>) -> Result<usize, Faults> {
    let mut count = 0;
    for tests in [CLUSTER_TESTS.as_slice(), TESTBED_TESTS.as_slice()] {
        let mut list = programs::command(context.environment, root, "cargo");
        list.arg("test").arg("--quiet").args(tests).args(filter).args(["--", "--list", "--format", "terse"]);
        count += programs::output(&mut list)?.lines().filter(|line| line.ends_with(": test")).count();
    }
    talk(&format!("{count} tests that need a cluster are left out\n"));
    Ok(count)
}

fn with_nextest(context: &Context<'_>) -> bool {
    programs::find(context.environment, "cargo-nextest").is_some()
}

/// `cargo nextest run` with the profile of this place, else `cargo test`.
fn runner(context: &Context<'_>, root: &Path) -> Command {
    let mut runner = cargo(context, root);
    if with_nextest(context) {
        let profile = if context.environment.continuous_integration { "ci" } else { "default" };
        runner.args(["nextest", "run", "--profile", profile]);
    } else {
        runner.arg("test");
    }
    runner
}

/// Everything that must pass before a change lands.
pub(crate) fn ci(context: &Context<'_>, root: &Path, no_cluster: bool) -> Result<Vec<String>, Faults> {
    let mut steps = if context.environment.continuous_integration { Vec::new() } else { lints(context, root)? };
    for package in packages(context, root)? {
        programs::run(&context.interrupt, cargo(context, root).args(["check", "--quiet", "--locked", "--package", &package]))?;
    }
    steps.push("each crate alone".to_owned());
    if programs::find(context.environment, "cargo-deny").is_some() {
        programs::run(
            &context.interrupt,
            cargo(context, root).args(["deny", "--offline", "check", "bans", "licenses", "sources"]),
        )?;
        steps.push("licences, bans, sources".to_owned());
    }
    steps.extend(test(context, root, &TestArguments { filter: None, no_cluster })?);
    Ok(steps)
}

fn lints(context: &Context<'_>, root: &Path) -> Result<Vec<String>, Faults> {
    programs::run(&context.interrupt, cargo(context, root).args(["fmt", "--all", "--check"]))?;
    programs::run(
        &context.interrupt,
        cargo(context, root).args([
            "clippy",
            "--workspace",
            "--all-targets",
            "--all-features",
            "--locked",
            "--",
            "-D",
            "warnings",
        ]),
    )?;
    Ok(vec!["format".to_owned(), "lints".to_owned()])
}

/// Makes what tests need and the cache folder has not: real Helm, and the reference.
pub(crate) fn provide(context: &Context<'_>, root: &Path) -> Result<Vec<String>, Faults> {
    for script in ["tools/helm/build.sh", "tools/reference/install.sh"] {
        programs::run(&context.interrupt, talking(context, root, "sh").arg(script))?;
    }
    Ok(vec!["Helm".to_owned(), "the reference".to_owned()])
}

/// Cargo, as the one that runs us.
pub(crate) fn cargo(context: &Context<'_>, root: &Path) -> Command {
    talking(context, root, "cargo")
}

/// A program whose output is for people. It joins stderr in JSON mode, so that stdout stays one document.
fn talking(context: &Context<'_>, root: &Path, program: &str) -> Command {
    let mut command = programs::command(context.environment, root, program);
    if context.shared.format == crate::output::Format::Json {
        command.stdout(std::io::stderr());
    }
    command
}

fn packages(context: &Context<'_>, root: &Path) -> Result<Vec<String>, Faults> {
    let mut metadata = programs::command(context.environment, root, "cargo");
    let text = programs::output(metadata.args(["metadata", "--no-deps", "--format-version", "1", "--locked"]))?;
    let document: serde_json::Value = serde_json::from_str(&text).unwrap_or_default();
    let packages = document["packages"].as_array().map(Vec::as_slice).unwrap_or_default();
    Ok(packages.iter().filter_map(|package| package["name"].as_str()).map(str::to_owned).collect())
}

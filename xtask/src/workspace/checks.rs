//! `test` and `ci`: the one definition of what must pass.

use std::{
    num::NonZero,
    path::{Path, PathBuf},
    process::Command,
    thread,
};

use flare_diagnostic::Faults;

use super::{
    announcement::announcement,
    cargo_programs::CargoProgram,
    left_out::{self, BROWSER_TESTS, CLUSTER_TESTS, TESTBED_TESTS, TestProgram},
    packages::workspace,
    packaging,
    programs::{self, cargo, streaming},
    steps::Steps,
    test_cluster::TestCluster,
};
use crate::{
    context::Context,
    output::{VerbResult, write_to_stderr},
};

/// The number of cluster tests that run concurrently; each has its own namespace.
const CLUSTER_TESTS_AT_ONCE: &str = "6";

/// The number of tests of local clusters that run concurrently: beside the one that starts and ends clusters, one of the demo,
/// the images or the registries (`.config/nextest.toml`).
const TESTS_OF_CLUSTERS_AT_ONCE: &str = "2";

/// Run all tests.
#[derive(Debug, clap::Args)]
pub(crate) struct TestArguments {
    /// Only tests whose name contains this text.
    #[arg(value_name = "FILTER")]
    filter: Option<String>,
    /// Leave out the tests that need a Kubernetes cluster, and show how many those are.
    #[arg(long)]
    no_cluster: bool,
}

/// Provides what the tests need and runs all of them. Failures are listed at the end.
pub(crate) fn test(context: &Context<'_>, root: &Path, arguments: &TestArguments) -> VerbResult {
    let mut steps = Steps::new();
    let lints = context.environment.continuous_integration && arguments.filter.is_none();
    let checks = Checks { context, root, lints };
    checks.announce(!arguments.no_cluster)?;
    if lints {
        checks.lints(&mut steps)?;
    }
    checks.tests(&mut steps, arguments)?;
    steps.end()
}

/// Everything that must pass before a change lands.
pub(crate) fn ci(context: &Context<'_>, root: &Path, no_cluster: bool) -> VerbResult {
    let mut steps = Steps::new();
    let checks = Checks { context, root, lints: true };
    checks.announce(!no_cluster)?;
    checks.lints(&mut steps)?;
    for package in workspace(context, root)?.packages {
        let mut check = cargo(context, root);
        check.args(["check", "--quiet", "--locked", "--package", &package.name]);
        checks.step(&mut steps, &format!("`{}` alone", package.name), &mut check)?;
    }
    checks.tests(&mut steps, &TestArguments { filter: None, no_cluster })?;
    steps.end()
}

/// Builds what tests and benches need and the cache does not have: real Helm, and the reference.
pub(crate) fn provide(context: &Context<'_>, root: &Path) -> Result<(), Faults> {
    [HELM, REFERENCE].into_iter().try_for_each(|script| script_run(context, root, script))
}

const HELM: &str = "tools/helm/build.sh";
const REFERENCE: &str = "tools/reference/install.sh";

fn script_run(context: &Context<'_>, root: &Path, script: &str) -> Result<(), Faults> {
    programs::run(&context.interrupt, streaming(context, root, "sh").arg(script))
}

struct Checks<'run> {
    context: &'run Context<'run>,
    root: &'run Path,
    /// Whether this is all of CI, for which missing programs are installed; otherwise they are optional.
    lints: bool,
}

impl Checks<'_> {
    fn step(&self, steps: &mut Steps, name: &str, command: &mut Command) -> Result<bool, Faults> {
        Ok(steps.run(name, || programs::run(&self.context.interrupt, command))?.is_some())
    }

    /// Reports first what has to be built, and how long that takes.
    fn announce(&self, cluster: bool) -> Result<(), Faults> {
        let cache = &self.context.environment.cache_directory;
        if let Some(announcement) = announcement(cache, self.root, self.lints, cluster)? {
            write_to_stderr(&announcement);
        }
        Ok(())
    }

    fn lints(&self, steps: &mut Steps) -> Result<(), Faults> {
        let (context, root) = (self.context, self.root);
        self.step(steps, "format", cargo(context, root).args(["fmt", "--all", "--check"]))?;
        let clippy = ["clippy", "--workspace", "--all-targets", "--all-features", "--locked", "--", "-D", "warnings"];
        self.step(steps, "lints", cargo(context, root).args(clippy))?;
        // They are outside the workspace, so that nothing else compiles them.
        let fuzz = [
            "check",
            "--quiet",
            "--locked",
            "--manifest-path",
            "fuzz/Cargo.toml",
            "--no-default-features",
            "--bins",
            "--examples",
        ];
        let target = workspace(context, root)?.target_directory;
        self.step(steps, "fuzz targets", cargo(context, root).args(fuzz).arg("--target-dir").arg(target))?;
        let docs = ["doc", "--workspace", "--no-deps", "--locked", "--quiet"];
        self.step(steps, "docs", cargo(context, root).args(docs).env("RUSTDOCFLAGS", "-D warnings"))?;
        steps.run("packages", || packaging::check(context, root))?;
        let Some(deny) =
            steps.run("cargo-deny", || CargoProgram::deny(&context.environment.cache_directory, root)?.install(context, root))?
        else {
            steps.leave_out(LICENCES, "cargo-deny is not there");
            return Ok(());
        };
        // Packages for other platforms are checked too, so they are downloaded first.
        let fetched =
            self.step(steps, "packages of all platforms", cargo(context, root).args(["fetch", "--quiet", "--locked"]))?;
        if fetched {
            let mut command = streaming(context, root, deny);
            self.step(steps, LICENCES, command.args(["--offline", "check", "bans", "licenses", "sources"]))?;
        } else {
            steps.leave_out(LICENCES, "packages could not be downloaded");
        }
        Ok(())
    }

    /// The test runner, if it is installed or required.
    fn nextest(&self, steps: &mut Steps) -> Result<Option<PathBuf>, Faults> {
        let (context, root) = (self.context, self.root);
        let nextest = CargoProgram::nextest(&context.environment.cache_directory, root)?;
        if self.lints || nextest.is_there() {
            return steps.run("cargo-nextest", || nextest.install(context, root));
        }
        Ok(programs::find(context.environment, "cargo-nextest"))
    }

    fn tests(&self, steps: &mut Steps, arguments: &TestArguments) -> Result<(), Faults> {
        let (context, root) = (self.context, self.root);
        let filter = arguments.filter.as_deref();
        // First, so that a machine that cannot run a cluster fails before minutes of other tests.
        let cluster = if arguments.no_cluster { None } else { steps.run("cluster", || TestCluster::provide(context))? };
        let helm = steps.run("Helm", || script_run(context, root, HELM))?.is_some();
        let reference = steps.run("the reference", || script_run(context, root, REFERENCE))?.is_some();
        let runner = Runner { context, root, nextest: self.nextest(steps)?, cluster: !arguments.no_cluster };
        // Many of them wait for a deadline or for another process: with two for each core all take three quarters of the time.
        let at_once = (2 * thread::available_parallelism().map_or(1, NonZero::get)).to_string();
        let mut tests = runner.command(&[], filter, Some(&at_once));
        self.step(steps, "tests", &mut tests)?;
        if filter.is_none() {
            self.step(steps, "doc tests", cargo(context, root).args(["test", "--workspace", "--locked", "--doc"]))?;
        }
        self.browser_tests(steps, filter)?;
        if arguments.no_cluster {
            let count = left_out::count(root, CLUSTER_TESTS.iter().chain(&TESTBED_TESTS), filter)?;
            write_to_stderr(&format!("{count} tests that need a cluster are left out\n"));
            steps.leave_out(ON_A_CLUSTER, format!("{count} tests, left out by `--no-cluster`"));
            return Ok(());
        }
        let reason = match &cluster {
            None => Some("the cluster did not start"),
            Some(_) if !helm || !reference => Some("Helm or the reference is not there"),
            Some(_) => None,
        };
        if let Some(reason) = reason {
            for name in [ON_A_CLUSTER, OF_CLUSTERS] {
                steps.leave_out(name, reason);
            }
        }
        let Some(cluster) = cluster else { return Ok(()) };
        if reason.is_none() {
            // They run after all others, which would slow down what they measure.
            let mut tests = runner.command(&CLUSTER_TESTS, filter, Some(CLUSTER_TESTS_AT_ONCE));
            cluster.configure(&mut tests);
            self.step(steps, ON_A_CLUSTER, &mut tests)?;
        }
        steps.run("end of the cluster", || cluster.end())?;
        if reason.is_none() {
            let mut tests = runner.command(&TESTBED_TESTS, filter, Some(TESTS_OF_CLUSTERS_AT_ONCE));
            self.step(steps, OF_CLUSTERS, &mut tests)?;
        }
        Ok(())
    }

    /// A browser is too large a package to install for a few tests, so they run where there is one, and are counted elsewhere.
    fn browser_tests(&self, steps: &mut Steps, filter: Option<&str>) -> Result<(), Faults> {
        let count = left_out::count(self.root, &BROWSER_TESTS, filter)?;
        if count > 0 && programs::find(self.context.environment, BROWSER).is_none() {
            steps.leave_out(IN_A_BROWSER, format!("{count} tests, since there is no `{BROWSER}`"));
        } else if count > 0 {
            let mut tests = cargo(self.context, self.root);
            let chosen = BROWSER_TESTS.iter().flat_map(|program| ["--test", program.name]);
            tests.args(["test", "--workspace", "--locked", "--features", "flare-report/browser"]).args(chosen).args(filter);
            self.step(steps, IN_A_BROWSER, &mut tests)?;
        }
        Ok(())
    }
}

/// The browser of the tests in a browser.
const BROWSER: &str = "chromium";
const IN_A_BROWSER: &str = "tests in a browser";
const LICENCES: &str = "licences, bans, sources";
const ON_A_CLUSTER: &str = "tests on a cluster";
const OF_CLUSTERS: &str = "tests of local clusters";

/// The features that Cargo needs to build these programs.
const FEATURES: [&str; 2] = ["--features", "integration-tests/cluster,flare-testbed/cluster"];

/// How tests are run: by cargo-nextest, if installed, each in its own process and all concurrently.
struct Runner<'run> {
    context: &'run Context<'run>,
    root: &'run Path,
    nextest: Option<PathBuf>,
    /// Whether tests on a cluster run too, so that they are built at once.
    cluster: bool,
}

impl Runner<'_> {
    /// The command that runs some test programs, or all that need no cluster; `at_once` limits concurrent tests. All runs have the same
    /// packages and, if possible, the same features, so that nothing is compiled twice.
    fn command(&self, programs: &[TestProgram], filter: Option<&str>, at_once: Option<&str>) -> Command {
        let mut command = streaming(self.context, self.root, self.nextest.as_deref().unwrap_or(Path::new("cargo")));
        let chosen = programs.iter().flat_map(|program| ["--test", program.name]);
        if self.nextest.is_some() {
            let profile = if self.context.environment.continuous_integration { "ci" } else { "default" };
            // A filter may match only tests of other steps.
            command
                .args(["nextest", "run", "--profile", profile, "--no-tests", "pass", "--workspace", "--locked"])
                .args(self.cluster.then_some(FEATURES).into_iter().flatten());
            if programs.is_empty() && self.cluster {
                let left_out: Vec<_> =
                    CLUSTER_TESTS.iter().chain(&TESTBED_TESTS).map(|program| format!("binary(={})", program.name)).collect();
                command.args(["--filterset", &format!("not ({})", left_out.join(" | "))]);
            }
            command.args(chosen).args(filter).args(at_once.map(|count| ["--test-threads", count]).into_iter().flatten());
        } else {
            command.args(["test", "--workspace", "--locked", "--no-fail-fast"]).args(chosen);
            if programs.is_empty() {
                command.args(["--lib", "--bins", "--tests", "--examples"]);
            } else {
                command.args(FEATURES);
            }
            command.args(filter).args(at_once.map(|count| ["--", "--test-threads", count]).into_iter().flatten());
        }
        command
    }
}

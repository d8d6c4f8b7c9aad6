//! The cluster that the environment names, and how its programs are run.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use integration_tests::reference::Release;

/// A cluster for tests.
#[derive(Debug, Clone)]
pub(crate) struct Cluster {
    kubeconfig: PathBuf,
    registry: String,
}

impl Cluster {
    /// The cluster of `FLARE_KUBE_TEST_KUBECONFIG`, with its images below `FLARE_KUBE_TEST_REGISTRY` (`registry.example.com`).
    pub(crate) fn named() -> Self {
        let kubeconfig = std::env::var_os("FLARE_KUBE_TEST_KUBECONFIG").filter(|value| !value.is_empty()).expect(
            "FLARE_KUBE_TEST_KUBECONFIG names no cluster: these tests create and delete namespaces, so they take none by themselves",
        );
        let registry = std::env::var("FLARE_KUBE_TEST_REGISTRY").unwrap_or_else(|_| "registry.example.com".to_owned());
        Self { kubeconfig: PathBuf::from(kubeconfig), registry }
    }

    /// The FLARE image of a release: parents and job pods run it.
    pub(crate) fn image(&self, release: Release) -> String {
        format!("{}/nvflare/nvflare:{}", self.registry, release.version())
    }

    /// The user's kubectl, at this cluster alone.
    pub(crate) fn kubectl(&self) -> Command {
        self.program("kubectl")
    }

    /// Any program that reads `KUBECONFIG`, such as Helm.
    pub(crate) fn program(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        command.env("KUBECONFIG", &self.kubeconfig);
        command
    }
}

/// Runs a command to its end: its stdout, or all that it said.
pub(crate) fn attempt(command: &mut Command, input: &[u8]) -> Result<String, String> {
    let shown = format!("{command:?}");
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect(&shown);
    let mut stdin = child.stdin.take().expect("stdin is a pipe");
    let output = std::thread::scope(|scope| {
        // A program that ends before it has read everything says why on stderr.
        scope.spawn(move || stdin.write_all(input).ok());
        child.wait_with_output()
    })
    .unwrap();
    let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
    if output.status.success() {
        return Ok(stdout);
    }
    Err(format!("{shown}\n{}\n{stdout}{}", output.status, String::from_utf8_lossy(&output.stderr)))
}

/// As [`attempt`]; a failure ends the test.
pub(crate) fn succeed(command: &mut Command) -> String {
    succeed_with(command, &[])
}

/// As [`succeed`], with a text on the program's stdin.
pub(crate) fn succeed_with(command: &mut Command, input: &[u8]) -> String {
    attempt(command, input).unwrap_or_else(|said| panic!("{said}"))
}

/// Looks until `look` finds something; ends the test after `limit` with what `say` gives.
pub(crate) fn wait<T>(limit: Duration, say: impl Fn() -> String, look: impl Fn() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(began.elapsed() < limit, "not within {limit:?}: {}", say());
        std::thread::sleep(Duration::from_millis(200));
    }
}

/// Prints how long a step took, for `docs/benchmarks.md`, and passes its result on.
pub(crate) fn timed<T>(what: &str, step: impl FnOnce() -> T) -> T {
    let began = Instant::now();
    let result = step();
    println!("time: {what}: {:.2} s", began.elapsed().as_secs_f64());
    result
}

//! The process's environment, which only this module reads, once per run.

use std::{
    io::IsTerminal as _,
    path::{Path, PathBuf},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use flare_diagnostic::{Code, Diagnostic, shown};

/// The command that runs the program in a checkout.
const THROUGH_CARGO: &str = "cargo xtask";

/// The clock, for what is judged while time passes, such as the age of events.
pub(crate) fn now() -> jiff::Timestamp {
    jiff::Timestamp::now()
}

/// Measures how long a step takes, which a change of the clock does not alter.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stopwatch(Instant);

#[expect(clippy::disallowed_methods, reason = "this is the edge at which environment and clock are read")]
impl Stopwatch {
    /// Begins to measure.
    pub(crate) fn start() -> Self {
        Self(Instant::now())
    }

    /// The time since then.
    pub(crate) fn elapsed(self) -> Duration {
        self.0.elapsed()
    }
}

/// Working directory, clock and terminal of a run.
#[derive(Debug, Clone)]
pub struct Environment {
    /// The directory to which relative paths refer.
    pub working_directory: PathBuf,
    /// How the user runs this program: `cargo xtask` in the checkout, otherwise `flare-kube`.
    pub program: &'static str,
    /// The current time in seconds since 1970, for checking certificates.
    pub now: i64,
    /// Whether stderr is a terminal whose cursor can be moved (not `TERM=dumb`), for progress bars.
    pub stderr_is_terminal: bool,
    /// Whether to use colour: a terminal that supports it (not `TERM=dumb`), without `NO_COLOR`.
    pub colour: bool,
    /// The cache directory for what is built once: `FLARE_KUBE_CACHE`, otherwise `$XDG_CACHE_HOME/flare-kube`, otherwise
    /// `~/.cache/flare-kube`.
    pub cache_directory: PathBuf,
    /// `PATH`, for finding programs.
    pub search_path: Vec<PathBuf>,
    /// `HELM`: the path or name of the Helm program.
    pub helm: Option<PathBuf>,
    /// Whether this is a CI run (`CI` is set), in which nothing is skipped.
    pub continuous_integration: bool,
    /// The kubeconfig of the cluster that tests and benches may use: `FLARE_KUBE_TEST_KUBECONFIG`.
    pub test_kubeconfig: Option<PathBuf>,
    /// The settings about clusters: `KUBECONFIG`, the home directory, proxies.
    pub cluster: flare_cluster::ClusterEnvironment,
}

#[expect(clippy::disallowed_methods, reason = "this is the edge at which environment and clock are read")]
impl Environment {
    /// Reads the environment of this process.
    #[must_use]
    pub fn of_process() -> Self {
        let variable = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
        let is_dumb = variable("TERM").is_some_and(|terminal| terminal == "dumb");
        let stderr_is_terminal = std::io::stderr().is_terminal() && !is_dumb;
        let home = variable("HOME").map_or_else(|| PathBuf::from("/"), PathBuf::from);
        let user_cache = variable("XDG_CACHE_HOME").map_or_else(|| home.join(".cache"), PathBuf::from);
        let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        Self {
            working_directory: std::env::current_dir().unwrap_or_else(|_| PathBuf::from(".")),
            program: if variable("CARGO").is_some() { THROUGH_CARGO } else { "flare-kube" },
            now: i64::try_from(seconds).unwrap_or(i64::MAX),
            stderr_is_terminal,
            colour: stderr_is_terminal && variable("NO_COLOR").is_none(),
            cache_directory: variable("FLARE_KUBE_CACHE").map_or_else(|| user_cache.join("flare-kube"), PathBuf::from),
            search_path: variable("PATH").map(|path| std::env::split_paths(&path).collect()).unwrap_or_default(),
            helm: variable("HELM").map(PathBuf::from),
            continuous_integration: variable("CI").is_some(),
            test_kubeconfig: variable("FLARE_KUBE_TEST_KUBECONFIG").map(PathBuf::from),
            cluster: cluster_environment(&variable),
        }
    }
}

/// Reads the settings about clusters from the variables that kubectl reads.
fn cluster_environment(variable: &impl Fn(&str) -> Option<std::ffi::OsString>) -> flare_cluster::ClusterEnvironment {
    // Each in upper or lower case, as in Go programs.
    let text = |name: &str| {
        let value = variable(name).or_else(|| variable(&name.to_ascii_lowercase()))?;
        value.into_string().ok()
    };
    flare_cluster::ClusterEnvironment {
        kubeconfig_list: variable("KUBECONFIG"),
        home: variable("HOME").map(PathBuf::from),
        in_cluster: variable("KUBERNETES_SERVICE_HOST").is_some(),
        https_proxy: text("HTTPS_PROXY"),
        http_proxy: text("HTTP_PROXY"),
        no_proxy: text("NO_PROXY"),
    }
}

impl Environment {
    /// The clock now: for what is compared with the times of a cluster, which may be long after the start of the run.
    #[must_use]
    pub fn clock(&self) -> jiff::Timestamp {
        jiff::Timestamp::now()
    }

    /// Whether Cargo runs the program, so that it belongs to a checkout and is not an installed one.
    #[must_use]
    pub fn is_of_a_checkout(&self) -> bool {
        self.program == THROUGH_CARGO
    }

    /// A path as the user means it: relative paths refer to the working directory; links are resolved as far as the
    /// path exists, as are `.` and `..`. The reference does the same.
    ///
    /// # Errors
    ///
    /// The path is not UTF-8: see `utf8`; or it is relative, and the working directory was removed.
    pub fn absolute(&self, path: &Path) -> Result<PathBuf, Diagnostic> {
        if path.is_relative() && self.working_directory.is_relative() {
            let message =
                format!("the path `{}` is relative, and the working directory was removed", shown(&path.to_string_lossy()));
            return Err(Diagnostic::error(Code::InvalidArgs, message).hint("change to another directory, or give a whole path"));
        }
        utf8(shortest(&flare_file_tree::resolved(&self.working_directory.join(path))))
    }
}

/// Refuses a path that is not UTF-8, before anything is read or written: reports, markers, charts and `ConfigMap` keys are UTF-8
/// and could not contain it.
pub(crate) fn utf8(path: PathBuf) -> Result<PathBuf, Diagnostic> {
    if path.to_str().is_some() {
        return Ok(path);
    }
    let shown = path.as_os_str().as_encoded_bytes().utf8_chunks().fold(String::new(), |mut shown, chunk| {
        shown.push_str(chunk.valid());
        chunk.invalid().iter().for_each(|byte| shown.push_str(&format!("\\x{byte:02x}")));
        shown
    });
    Err(Diagnostic::error(Code::InvalidArgs, format!("the path `{shown}` is not UTF-8, and reports could not name it"))
        .hint("rename the part that is shown with `\\x`, or copy what it holds to a directory with a plain name"))
}

/// A path without `.` and `..`, which are resolved textually, so that the path need not exist.
///
/// Paths in a container are resolved in the same way by `flare_names::path_parts`; a path of this machine need not be UTF-8,
/// and `std::path` splits it.
pub(crate) fn shortest(path: &Path) -> PathBuf {
    let mut shortest = PathBuf::new();
    for component in path.components() {
        match component {
            std::path::Component::ParentDir => {
                shortest.pop();
            }
            std::path::Component::CurDir => {}
            other => shortest.push(other),
        }
    }
    shortest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_relative_path_in_a_removed_directory_is_refused_and_not_taken_for_another() {
        let environment = Environment { working_directory: PathBuf::from("."), ..Environment::of_process() };
        let refused = environment.absolute(Path::new("kit")).unwrap_err();
        assert!(refused.code == Code::InvalidArgs && refused.message.contains("was removed"), "{refused}");
        assert_eq!(environment.absolute(Path::new("/none/kit")), Ok(PathBuf::from("/none/kit")));
    }
}

//! Hermetic runs of programs: an empty environment, with a separate home and temporary directory.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;

use crate::cleanup::CleanupGuard;

/// A temporary directory for one test, and commands that are isolated from the machine's settings.
#[derive(Debug)]
pub struct Sandbox {
    directory: PathBuf,
    _end: CleanupGuard,
}

impl Sandbox {
    /// A new, empty sandbox.
    pub fn new() -> Self {
        let directory = tempfile::Builder::new().prefix("flare-kube-it-").tempdir().unwrap().keep();
        let ended = directory.clone();
        // A directory that cannot be removed does not fail the test.
        let end = CleanupGuard::plan(move || drop(std::fs::remove_dir_all(ended)));
        for name in ["home", "tmp"] {
            std::fs::create_dir(directory.join(name)).unwrap();
        }
        Self { directory, _end: end }
    }

    /// The directory of the test.
    pub fn path(&self) -> &Path {
        &self.directory
    }

    /// A path in the directory of the test.
    pub fn join(&self, relative: impl AsRef<Path>) -> PathBuf {
        self.directory.join(relative)
    }

    /// A command with a cleared environment: `PATH`, `HOME`, `TMPDIR`, a fixed width, no colour.
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        command
            .env_clear()
            .env("PATH", "/usr/local/bin:/usr/bin:/bin")
            .env("HOME", self.join("home"))
            .env("TMPDIR", self.join("tmp"))
            .env("COLUMNS", "100")
            .env("NO_COLOR", "1")
            .current_dir(self.path())
            .stdin(Stdio::null());
        command
    }

    /// Runs `program` with `arguments` to completion.
    pub fn run<A: AsRef<OsStr>>(&self, program: impl AsRef<OsStr>, arguments: impl IntoIterator<Item = A>) -> Finished {
        let output = self.command(program).args(arguments).output().unwrap();
        Finished::new(&output, self.path())
    }
}

impl Default for Sandbox {
    fn default() -> Self {
        Self::new()
    }
}

/// The result of a program. [`Finished::shown`] replaces the directory of the test by `$TEST`.
#[derive(Debug, Clone)]
#[must_use = "a run that nobody looks at proves nothing"]
pub struct Finished {
    /// The exit status; `None` if a signal ended the program.
    pub code: Option<i32>,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
    directory: PathBuf,
}

impl Finished {
    /// The result of a program that ran in the directory of a test.
    pub fn new(output: &Output, directory: &Path) -> Self {
        Self {
            code: output.status.code(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
            directory: directory.to_path_buf(),
        }
    }

    /// The single JSON document on standard output.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("stdout is not a JSON document: {error}\n{self:#?}"))
    }

    /// Fails the test unless the program exited with `code`.
    pub fn expect_code(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{self:#?}");
        self
    }

    /// Everything, with the directory of the test as `$TEST`: for snapshots.
    pub fn shown(&self) -> String {
        format!("exit {:?}\n--- stdout\n{}--- stderr\n{}", self.code, self.stdout, self.stderr)
            .replace(&self.directory.display().to_string(), "$TEST")
    }
}

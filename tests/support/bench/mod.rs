//! Shared code of benches: the machine, the cost of a program, rows of figures, promises, and the page with the results.

pub mod account;
pub mod cost;
pub mod fault_times;
pub mod guide_times;
pub mod machine;
pub mod page;
pub mod promise;
pub mod rows;

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::process::ExitCode;

use serde_json::Value;

use self::page::Page;
use self::promise::Promise;
use crate::cleanup;

/// Measures, and makes the exit status of it: a failure if it panicked or, with `--check`, if a promise was missed. `measure` returns whether
/// every promise was kept.
pub fn run(arguments: &Arguments, measure: impl FnOnce(&Arguments) -> bool) -> ExitCode {
    let ended = catch_unwind(AssertUnwindSafe(|| measure(arguments)));
    // The message of a panic has been printed, and the cleanup guards have run.
    cleanup::hold_if_interrupted();
    let good = ended.is_ok_and(|all_met| all_met || !arguments.has("--check"));
    if good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Shows the results, and writes them into the page and, with `--json FILE`, as JSON. Returns whether every promise was kept.
///
/// # Panics
/// If a file cannot be written.
pub fn publish(arguments: &Arguments, page: &Page, table: &str, document: &Value, promises: &[Promise]) -> bool {
    let kept = show(arguments, table, document, promises);
    page.write(table);
    kept
}

/// The same without a page, for results that are not whole.
///
/// # Panics
/// As [`publish`].
pub fn show(arguments: &Arguments, table: &str, document: &Value, promises: &[Promise]) -> bool {
    eprintln!("\n{table}");
    if let Some(file) = arguments.path_of("--json") {
        fs::write(file, format!("{document:#}\n")).unwrap();
    }
    promises.iter().all(Promise::is_met)
}

/// The path of flare-kube, which cargo builds beside the bench.
///
/// # Panics
/// If it is not built.
pub fn program() -> PathBuf {
    let program = std::env::current_exe().unwrap().with_file_name("flare-kube-under-test");
    assert!(program.is_file(), "no {}: run `cargo build --release -p integration-tests --bins`", program.display());
    program
}

/// The arguments of a bench, which its verb of `cargo xtask bench` documents and checks.
#[derive(Debug)]
pub struct Arguments(Vec<String>);

impl Arguments {
    /// The arguments of this process.
    pub fn read() -> Self {
        Self(std::env::args().skip(1).collect())
    }

    /// The value of a flag.
    pub fn value_of(&self, flag: &str) -> Option<String> {
        let at = self.0.iter().position(|argument| argument == flag)?;
        Some(self.0.get(at + 1).unwrap_or_else(|| panic!("{flag} has no value")).clone())
    }

    /// The path given with a flag.
    pub fn path_of(&self, flag: &str) -> Option<PathBuf> {
        self.value_of(flag).map(PathBuf::from)
    }

    /// Whether a flag is given.
    pub fn has(&self, flag: &str) -> bool {
        self.0.iter().any(|argument| argument == flag)
    }

    /// How often each step is measured: `--runs`, three times by default.
    pub fn runs(&self) -> usize {
        self.value_of("--runs").map_or(3, |runs| runs.parse().expect("--runs is a number"))
    }
}

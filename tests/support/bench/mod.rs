//! What benches share: on what is measured, what a program costs, rows of figures, promises, and the page that keeps them.

pub mod cost;
pub mod machine;
pub mod page;
pub mod promise;
pub mod rows;

use std::path::PathBuf;

/// Our program, which cargo builds beside the bench.
///
/// # Panics
/// Where it is not built.
pub fn program() -> PathBuf {
    let program = std::env::current_exe().unwrap().with_file_name("flare-kube-under-test");
    assert!(program.is_file(), "no {}: run `cargo build --release -p integration-tests --bins`", program.display());
    program
}

/// The arguments of a bench, which its verb of `cargo xtask bench` explains and checks.
#[derive(Debug)]
pub struct Arguments(Vec<String>);

impl Arguments {
    /// Those of this process.
    pub fn read() -> Self {
        Self(std::env::args().skip(1).collect())
    }

    /// The value behind a flag.
    pub fn value_of(&self, flag: &str) -> Option<String> {
        let at = self.0.iter().position(|argument| argument == flag)?;
        Some(self.0.get(at + 1).unwrap_or_else(|| panic!("{flag} has no value")).clone())
    }

    /// The path behind a flag.
    pub fn path_of(&self, flag: &str) -> Option<PathBuf> {
        self.value_of(flag).map(PathBuf::from)
    }

    /// Whether a flag is given.
    pub fn has(&self, flag: &str) -> bool {
        self.0.iter().any(|argument| argument == flag)
    }

    /// How often each step is measured: `--runs`, else three times.
    pub fn runs(&self) -> usize {
        self.value_of("--runs").map_or(3, |runs| runs.parse().expect("--runs is a number"))
    }
}

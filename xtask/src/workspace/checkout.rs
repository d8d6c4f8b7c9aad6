//! Finds the checkout that a developer's verb works in.

use std::path::PathBuf;

use flare_diagnostic::{Code, Diagnostic, Faults};

use super::programs::is_file;
use crate::Environment;

/// The root of the checkout: the directory at or above the working directory that contains this workspace.
///
/// Not the checkout that the program was built from, since a developer may be working in another one.
pub(crate) fn root(environment: &Environment) -> Result<PathBuf, Faults> {
    environment
        .working_directory
        .ancestors()
        .find(|directory| is_file(&directory.join("xtask/Cargo.toml")) && is_file(&directory.join("ARCHITECTURE.md")))
        .map(PathBuf::from)
        .ok_or_else(|| {
            Diagnostic::error(Code::InvalidArgs, "this verb works in a checkout of flare-kube, and there is none here")
                .hint("run it as `cargo xtask …` inside a clone of the repository")
                .into()
        })
}

#[cfg(test)]
mod tests {
    use crate::Environment;

    #[test]
    fn a_checkout_is_the_one_that_the_working_directory_is_in_and_no_other() {
        let other = tempfile::tempdir().unwrap();
        let below = other.path().join("below/deeper");
        flare_file_tree::write_file(&below.join("file"), b"", 0o644, false).unwrap();
        let environment = Environment { working_directory: below, ..Environment::of_process() };
        assert!(super::root(&environment).is_err(), "the checkout of the build is not meant");
        for path in ["xtask/Cargo.toml", "ARCHITECTURE.md"] {
            flare_file_tree::write_file(&other.path().join(path), b"", 0o644, false).unwrap();
        }
        assert_eq!(super::root(&environment).unwrap(), other.path());
    }
}

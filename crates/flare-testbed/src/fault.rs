//! Short ways to the faults of this crate.

use std::{fmt, path::Path};

use flare_diagnostic::{Code, Diagnostic};

/// What a person does about a cluster that is broken.
const TAKE_DOWN: &str = "run `cargo xtask cluster down`, then `up` again";

/// A cluster that could not be started, reached or ended.
pub(crate) fn failed(message: impl fmt::Display) -> Diagnostic {
    Diagnostic::error(Code::ClusterFailed, message.to_string()).hint(TAKE_DOWN)
}

/// A file of a cluster's state that the disk refused.
pub(crate) fn disk(what: &str, path: &Path, error: &std::io::Error) -> Diagnostic {
    Diagnostic::error(Code::ClusterFailed, format!("`{}` cannot be {what}: {error}", path.display()))
        .hint("check the directory's owner and the free space of its disk, and run again")
}

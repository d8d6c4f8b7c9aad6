//! Constructors for the faults of this crate.

use std::{fmt, path::Path};

use flare_diagnostic::{Code, Diagnostic};

/// The hint for a broken cluster.
const TAKE_DOWN: &str = "run `cluster down`, then `cluster up` again";

/// A cluster that could not be started, reached or ended.
pub(crate) fn failed(message: impl fmt::Display) -> Diagnostic {
    Diagnostic::error(Code::ClusterFailed, message.to_string()).hint(TAKE_DOWN)
}

/// An I/O error on a file of a cluster's state.
pub(crate) fn disk(what: &str, path: &Path, error: &std::io::Error) -> Diagnostic {
    Diagnostic::error(Code::ClusterFailed, format!("`{}` cannot be {what}: {error}", path.display()))
        .hint("check the directory's owner and the free space of its disk, and run again")
}

/// An I/O error on a file or directory of the cache.
pub(crate) fn cache_disk(done: &str, path: &Path, error: &std::io::Error) -> Diagnostic {
    let hint = match error.kind() {
        std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => {
            "free some disk, and run again: what was finished is kept"
        }
        std::io::ErrorKind::PermissionDenied => {
            "run it as the user who owns the cache directory, or name another one with FLARE_KUBE_CACHE"
        }
        _ => "check the disk of the cache directory, or name another one with FLARE_KUBE_CACHE",
    };
    Diagnostic::error(Code::MachineNotReady, format!("`{}` cannot be {done}: {error}", path.display())).hint(hint)
}

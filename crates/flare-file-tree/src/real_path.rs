//! Paths with their links resolved.

use std::path::{Path, PathBuf};

/// The path with all links resolved, as far as it exists.
#[expect(clippy::disallowed_methods, reason = "this crate is where the disk is read")]
pub(crate) fn canonical(path: &Path) -> PathBuf {
    for existing in path.ancestors() {
        if let (Ok(resolved), Ok(rest)) = (std::fs::canonicalize(existing), path.strip_prefix(existing)) {
            return resolved.components().chain(rest.components()).collect();
        }
    }
    path.to_owned()
}

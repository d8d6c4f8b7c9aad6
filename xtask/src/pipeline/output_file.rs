//! A file that a verb writes because it is asked to, into a directory that is named with `--output`.

use std::path::Path;

use flare_diagnostic::{Code, Diagnostic};

/// The permission bits, which the process's umask reduces.
const MODE: u32 = 0o644;

/// Writes a file; an existing one is replaced.
///
/// # Errors
/// What keeps it from being written, with the path as its place.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> Result<(), Diagnostic> {
    let written = flare_file_tree::write_file(path, bytes, MODE, true);
    written.map_err(|error| error.into_diagnostic_or(Code::InvalidArgs, "name another directory with `--output`"))
}

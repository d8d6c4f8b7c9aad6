//! The files of the registries in a state directory. Only their owner can read them.

use std::{
    fs,
    io::Write as _,
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use flare_diagnostic::Diagnostic;

use crate::fault::cache_disk;

/// The directory in the state directory for the registries' files, except containerd's `certs.d`.
pub(super) const DIRECTORY: &str = "registries";

/// The file that [`super::credentials`] reads.
pub(crate) fn credentials_file(state_directory: &Path) -> PathBuf {
    state_directory.join(DIRECTORY).join("credentials.json")
}

/// Writes a file that only its owner can read, and makes its directory.
pub(super) fn write_private(path: &Path, content: &str) -> Result<(), Diagnostic> {
    let write = || {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(path.parent().unwrap_or(Path::new(".")))?;
        let mut file = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
        file.write_all(content.as_bytes())
    };
    write().map_err(|error: std::io::Error| cache_disk("written", path, &error))
}

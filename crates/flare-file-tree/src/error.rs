//! What the disk refused.

use std::{
    io,
    path::{Path, PathBuf},
};

use flare_diagnostic::{Code, Diagnostic, Place, printable};

/// One call that the disk refused: what was tried, where, and the system's reason.
#[derive(Debug, thiserror::Error)]
#[error("cannot {action} `{}`: {}", shown(.path), reason(.source))]
pub struct DiskError {
    /// What was tried, as a verb: `create`, `write`, `rename`.
    pub action: &'static str,
    /// The file or folder.
    pub path: PathBuf,
    /// The system's reason.
    pub source: io::Error,
}

impl DiskError {
    pub(crate) fn new(action: &'static str, path: impl Into<PathBuf>, source: impl Into<io::Error>) -> Self {
        Self { action, path: path.into(), source: source.into() }
    }

    /// A file that is not what it was when the tree was read.
    pub(crate) fn changed(path: &Path) -> Self {
        Self::new("copy", path, io::Error::other("it was changed after it was first looked at"))
    }

    /// The error as a diagnostic of the given code, with a hint where the reason is one that the user can mend.
    pub fn into_diagnostic(self, code: Code) -> Diagnostic {
        let diagnostic = Diagnostic::error(code, self.to_string()).at(Place::from(self.path.as_path()));
        match hint(&self.source) {
            Some(text) => diagnostic.hint(text),
            None => diagnostic,
        }
    }
}

/// A path for people: what is not UTF-8 is replaced, control characters are escaped.
pub(crate) fn shown(path: &Path) -> String {
    printable(&path.to_string_lossy()).into_owned()
}

/// The system's reason as a fragment: lower case, without the number that std appends.
pub(crate) fn reason(error: &io::Error) -> String {
    let text = error.to_string();
    let text = text.split(" (os error ").next().unwrap_or_default();
    let mut characters = text.chars();
    match characters.next() {
        Some(first) => first.to_lowercase().chain(characters).collect(),
        None => String::new(),
    }
}

fn hint(error: &io::Error) -> Option<&'static str> {
    Some(match error.kind() {
        io::ErrorKind::PermissionDenied => "run as a user who may read and write there, or change the permissions",
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => "free some space, or choose another place",
        io::ErrorKind::ReadOnlyFilesystem => "choose a place that can be written",
        io::ErrorKind::NotADirectory => "choose a path whose upper parts are folders",
        io::ErrorKind::InvalidFilename => "use shorter names",
        io::ErrorKind::ResourceBusy | io::ErrorKind::CrossesDevices => {
            "choose a folder that is not a mount point itself, such as one below it"
        }
        _ => return None,
    })
}

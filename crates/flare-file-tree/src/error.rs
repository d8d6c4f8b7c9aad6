//! Why a call on the disk failed, and why a tree was not put in place.

use std::{
    io,
    path::{Path, PathBuf},
    time::Duration,
};

use flare_diagnostic::{Code, Diagnostic, Faults, Place, printable};
use rustix::io::Errno;

/// One failed call on the disk: what was tried, where, and the system's reason.
#[derive(Debug, thiserror::Error)]
#[error("cannot {action} `{}`: {}", shown(.path), reason(.source))]
pub struct DiskError {
    /// What was tried, as a verb: `create`, `write`, `rename`.
    pub action: &'static str,
    /// The file or directory.
    pub path: PathBuf,
    /// The system's reason.
    pub source: io::Error,
}

impl DiskError {
    pub(crate) fn new(action: &'static str, path: impl Into<PathBuf>, source: impl Into<io::Error>) -> Self {
        Self { action, path: path.into(), source: source.into() }
    }

    /// The error of a file that has changed since the tree was read.
    pub(crate) fn changed(path: &Path) -> Self {
        Self::new("copy", path, io::Error::other("it was changed after it was first looked at"))
    }

    /// The error as a diagnostic about a directory left beside a destination, in which private keys may remain.
    pub fn into_leftover(self, code: Code) -> Diagnostic {
        let message = format!("{self}; it holds copies of the files that were written, private keys included");
        let hint = "remove it yourself, with the rights that it takes; each later run tries too, and says so";
        Diagnostic::error(code, message).hint(hint).at(Place::from(self.path.as_path()))
    }

    /// As [`Self::into_diagnostic`], with `otherwise` as the hint about a cause for which there is none.
    pub fn into_diagnostic_or(self, code: Code, otherwise: &str) -> Diagnostic {
        let hint = hint(&self.source).unwrap_or(otherwise);
        self.into_diagnostic(code).hint(hint)
    }

    /// The error as a diagnostic of the given code, with a hint if the user can remove the cause.
    pub fn into_diagnostic(self, code: Code) -> Diagnostic {
        let diagnostic = Diagnostic::error(code, self.to_string()).at(Place::from(self.path.as_path()));
        match hint(&self.source) {
            Some(text) => diagnostic.hint(text),
            None => diagnostic,
        }
    }
}

/// Why a tree was not put in place; the destination is as before.
#[derive(Debug, thiserror::Error)]
pub enum CommitError {
    /// The run was interrupted.
    #[error("interrupted; nothing was changed")]
    Interrupted,
    /// Other runs wrote to the destination, and none of them ended in time.
    #[error("other runs {}are writing to `{}`, and none of them ended within {} s", processes_shown(.processes), shown(.path), .waited.as_secs_f64())]
    Busy {
        /// The destination.
        path: PathBuf,
        /// How long the run waited.
        waited: Duration,
        /// The ids of their processes, as far as the system reports them.
        processes: Vec<u32>,
    },
    /// A call on the disk failed.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// In addition, what had been written could not be removed.
    #[error("{error}; and {leftover}")]
    LeftBehind {
        /// Why the tree was not put in place.
        error: Box<Self>,
        /// The directory that remains, with a part of the tree in it.
        leftover: DiskError,
    },
}

impl CommitError {
    /// The error of a separate step that leaves the result whole.
    pub(crate) fn into_disk_error(self, action: &'static str, path: &Path) -> DiskError {
        match self {
            Self::Disk(error) => error,
            Self::Interrupted => DiskError::new(action, path, Errno::INTR),
            Self::Busy { .. } => DiskError::new(action, path, Errno::BUSY),
            Self::LeftBehind { error, .. } => error.into_disk_error(action, path),
        }
    }

    /// The error as faults: [`Code::Interrupted`], or the given code if a call on the disk failed.
    pub fn into_faults(self, code: Code) -> Faults {
        match self {
            Self::Interrupted => Diagnostic::error(Code::Interrupted, self.to_string()).into(),
            Self::Busy { ref path, .. } => Diagnostic::error(code, self.to_string())
                .at(Place::from(path.as_path()))
                .hint("wait until they have ended, or end them, and run again; or choose another output")
                .into(),
            Self::Disk(error) => error.into_diagnostic(code).into(),
            Self::LeftBehind { error, leftover } => error.into_faults(code).and(leftover.into_leftover(code).into()),
        }
    }
}

fn processes_shown(processes: &[u32]) -> String {
    match processes {
        [] => String::new(),
        [one] => format!("(process {one}) "),
        many => format!("(processes {}) ", many.iter().map(u32::to_string).collect::<Vec<_>>().join(", ")),
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
        io::ErrorKind::NotADirectory => "choose a path whose upper parts are directories",
        io::ErrorKind::InvalidFilename => "use shorter names",
        io::ErrorKind::ResourceBusy | io::ErrorKind::CrossesDevices => {
            "choose a directory that is not a mount point itself, such as one below it"
        }
        _ => return None,
    })
}

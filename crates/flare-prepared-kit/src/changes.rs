//! What has changed in a prepared kit since it was made.

use std::{collections::BTreeMap, fmt};

use flare_diagnostic::{Code, Diagnostic, Place, printable};
use flare_file_tree::{Digest, RelativePath};
use serde::Serialize;

use crate::{
    CHART, LOCAL, STARTUP,
    fingerprint::{FileDigests, key},
    values,
};

/// How a file differs from what `prepare` wrote.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ChangeKind {
    /// Its content differs.
    Edited,
    /// `prepare` did not write it.
    Added,
    /// It is missing.
    Removed,
}

impl fmt::Display for ChangeKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Edited => "changed",
            Self::Added => "added",
            Self::Removed => "removed",
        })
    }
}

/// A file that differs from what `prepare` wrote.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FileChange {
    /// Its path below the prepared kit.
    pub file: String,
    /// How it differs.
    pub kind: ChangeKind,
}

/// Compares the digests in a marker with those of the files that are there. Sorted by path.
pub(crate) fn compare(mut written: BTreeMap<String, String>, found: &FileDigests) -> Vec<FileChange> {
    let differs = |(path, digest): (&RelativePath, &Digest)| {
        let file = key(path);
        let kind = match written.remove(&file) {
            None => ChangeKind::Added,
            Some(written) if written == digest.to_string() => return None,
            Some(_) => ChangeKind::Edited,
        };
        Some(FileChange { file, kind })
    };
    let mut changes: Vec<_> = found.iter().filter_map(differs).collect();
    changes.extend(written.into_keys().map(|file| FileChange { file, kind: ChangeKind::Removed }));
    changes.sort_by(|one, other| one.file.cmp(&other.file));
    changes
}

impl FileChange {
    /// What the change means for staging or installing the kit: nothing if the user may make it, a warning if it may be
    /// intended, otherwise an error.
    pub(crate) fn diagnostic(&self) -> Option<Diagnostic> {
        let is_below = |directory: &str| self.file.strip_prefix(directory).is_some_and(|rest| rest.starts_with('/'));
        if is_below(LOCAL) || self.file == values::FILE && self.kind == ChangeKind::Edited {
            return None;
        }
        let message = format!("`{}` was {} after the kit was prepared", printable(&self.file), self.kind);
        if is_below(CHART) && self.kind == ChangeKind::Edited {
            let warning = Diagnostic::warning(Code::Notice, message)
                .hint("prepare the kit again to undo it, and use values where they suffice");
            return Some(warning.at(Place::file(&self.file)));
        }
        let hint = if is_below(STARTUP) {
            "prepare again from the startup kit; certificates and scripts are changed there, by provisioning"
        } else {
            "prepare the kit again; what the chart should do otherwise is said by values"
        };
        Some(Diagnostic::error(Code::InvalidPreparedKit, message).hint(hint).at(Place::file(&self.file)))
    }
}

//! The marker file: proof that `prepare` made a folder, and what it looked like then. It holds digests and decided facts,
//! never a key; paths in it are compared with those of a tree and never opened.

use std::collections::BTreeMap;

use flare_diagnostic::{Code, Diagnostic, Faults, Place};
use flare_file_tree::{Digest, FileTree, RelativePath};
use flare_site_plan::SitePlan;
use serde::{Deserialize, Serialize};

use crate::{CHART, LOCAL, STARTUP};

/// Where the marker stands in a prepared kit.
pub const MARKER_FILE: &str = ".flare-kube.json";

/// The format that this release writes, and the newest one that it reads.
pub const FORMAT_VERSION: u64 = 1;

/// What the marker says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Marker {
    /// The format of the marker.
    pub format_version: u64,
    /// The release of flare-kube that made the folder.
    pub flare_kube: String,
    /// The fingerprint of the kit as it was made, 64 hex digits.
    pub fingerprint: String,
    /// Every decided fact.
    pub plan: SitePlan,
    /// SHA-256 (hex) of each file in `startup/`, `local/` and `helm_chart/`; a path that is not UTF-8 as `bytes:` and hex.
    pub files: BTreeMap<String, String>,
}

/// The part that every format has.
#[derive(Deserialize)]
struct Head {
    format_version: u64,
}

impl Marker {
    /// Reads a marker.
    ///
    /// # Errors
    /// `INVALID_PREPARED_KIT`: of a newer format, or no marker of ours.
    pub fn parse(bytes: &[u8]) -> Result<Self, Faults> {
        let fault = |message: String, hint: &str| {
            Faults::from(Diagnostic::error(Code::InvalidPreparedKit, message).hint(hint).at(Place::file(MARKER_FILE)))
        };
        // The parser's message may quote the file, which is not known to be ours: it is not passed on.
        let broken = || fault(format!("`{MARKER_FILE}` is no marker of flare-kube"), "prepare the kit again");
        let head: Head = serde_json::from_slice(bytes).map_err(|_| broken())?;
        if head.format_version > FORMAT_VERSION {
            let message =
                format!("a newer flare-kube made this folder (format {}, known is {FORMAT_VERSION})", head.format_version);
            return Err(fault(
                message,
                "use that release of flare-kube, or prepare the kit again with this one to another folder",
            ));
        }
        if head.format_version != FORMAT_VERSION {
            return Err(broken());
        }
        serde_json::from_slice(bytes).map_err(|_| broken())
    }

    /// The marker as it is written.
    pub(crate) fn write(&self) -> Vec<u8> {
        let mut bytes = serde_json::to_vec_pretty(self).expect("a plan has string keys and always serializes");
        bytes.push(b'\n');
        bytes
    }
}

/// The digests of all files that a prepared kit answers for, by path as in [`Marker::files`].
pub(crate) fn digests(tree: &FileTree, code: Code) -> Result<BTreeMap<String, Digest>, Faults> {
    let mut digests = BTreeMap::new();
    for (path, content, _) in tree.files() {
        if [STARTUP, LOCAL, CHART].iter().any(|folder| path.as_path().starts_with(folder)) {
            digests.insert(key(path), content.digest().map_err(|error| error.into_diagnostic(code))?);
        }
    }
    Ok(digests)
}

fn key(path: &RelativePath) -> String {
    match path.as_path().to_str() {
        Some(text) => text.to_owned(),
        None => path.as_bytes().iter().fold("bytes:".to_owned(), |hex, byte| format!("{hex}{byte:02x}")),
    }
}

//! The marker file: proof that `prepare` made a directory, and what it contained then. It has digests and decided facts,
//! never a key; paths in it are compared with those of a tree and never opened.
//!
//! It is a file format: later releases read what this one writes. [`MarkerHead`] is the part that every format has and that
//! decides whether a directory may be *replaced*; [`Marker::parse`] decides whether it can be *opened*: formats up to
//! [`FORMAT_VERSION`] can. A key that is added to a format has a default, and a key that earlier releases refuse needs the next format,
//! so that they can tell that the directory is of a newer release; `fixtures/markers/` has markers of every format.

use std::collections::BTreeMap;

use flare_diagnostic::{Code, Diagnostic, Faults, Place};
use flare_names::{Target, release_of};
use flare_site_plan::SitePlan;
pub use flare_startup_kit::MARKER_FILE;
use serde::{Deserialize, Serialize};

/// The newest format that this release writes and opens.
pub const FORMAT_VERSION: u64 = 2;

/// The first format, which every release opens.
const FIRST_FORMAT: u64 = 1;

/// The format of a marker with this plan: the first one as long as that can hold it. Releases that know only the first one refuse the
/// key `job_launcher` in a plan.
pub(crate) fn format_of(plan: &SitePlan) -> u64 {
    if plan.job_launcher.is_flare() { FIRST_FORMAT } else { FORMAT_VERSION }
}

/// The part of a marker that every format has: enough to replace the directory, whatever else the marker contains.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct MarkerHead {
    /// The format of the marker, from 1.
    pub format_version: u64,
    /// The release of flare-kube that made the directory.
    #[serde(default)]
    pub flare_kube: String,
    /// See [`Marker::files`].
    #[serde(default)]
    pub files: BTreeMap<String, String>,
    /// See [`Marker::other_files`].
    #[serde(default)]
    pub other_files: BTreeMap<String, String>,
}

/// The content of the marker.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Marker {
    /// The format of the marker.
    pub format_version: u64,
    /// The release of flare-kube that made the directory.
    pub flare_kube: String,
    /// The fingerprint of the kit as prepared, 64 hex digits.
    pub fingerprint: String,
    /// Every decided fact.
    pub plan: SitePlan,
    /// SHA-256 (hex) of each file in `startup/`, `local/` and `helm_chart/`; a path that is not UTF-8 as `bytes:` and hex.
    pub files: BTreeMap<String, String>,
    /// The same for each other file that `prepare` wrote, except the marker itself and files in `transfer/`. Release 0.1.0
    /// did not write it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub other_files: BTreeMap<String, String>,
}

impl MarkerHead {
    /// The digest that a file had when it was written; `None` if `prepare` did not write it.
    pub(crate) fn written(&self, file: &str) -> Option<&String> {
        self.files.get(file).or_else(|| self.other_files.get(file))
    }

    /// Reads the head of a marker; `None` if the bytes are not a marker.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        serde_json::from_slice(bytes).ok().filter(|head: &Self| head.format_version > 0)
    }
}

impl Marker {
    /// Reads a marker.
    ///
    /// # Errors
    /// `INVALID_PREPARED_KIT`: not a marker, or one of a format that this release cannot open.
    pub fn parse(bytes: &[u8]) -> Result<Self, Faults> {
        let fault = |message: String, hint: &str| {
            Faults::from(Diagnostic::error(Code::InvalidPreparedKit, message).hint(hint).at(Place::file(MARKER_FILE)))
        };
        // The parser's message is not passed on: it may quote the file, which may be anything.
        let Some(format) = MarkerHead::parse(bytes).map(|head| head.format_version) else {
            let message = format!("`{MARKER_FILE}` is not a marker of flare-kube");
            return Err(fault(message, "name the output of `prepare`, or prepare the kit again to another directory"));
        };
        if format > FORMAT_VERSION {
            let message = format!("a newer flare-kube made this directory (format {format}, known is {FORMAT_VERSION})");
            return Err(fault(message, OF_A_NEWER_RELEASE));
        }
        serde_json::from_slice(bytes).map_err(|_| {
            if let Some(release) = unknown_release(bytes) {
                let message = format!("a newer flare-kube made this directory, for FLARE {release}");
                return fault(message, OF_A_NEWER_RELEASE);
            }
            let message = format!("`{MARKER_FILE}` cannot be read: it is damaged, or of a release that wrote it otherwise");
            fault(message, "prepare the kit again to the same output")
        })
    }

    /// The marker as it is written.
    pub(crate) fn write(&self) -> Vec<u8> {
        let mut bytes = serde_json::to_vec_pretty(self).expect("a plan has string keys and always serializes");
        bytes.push(b'\n');
        bytes
    }
}

/// What to do about a directory that a newer flare-kube made.
const OF_A_NEWER_RELEASE: &str = "use that release of flare-kube, or prepare the kit again with this one";

/// The release of FLARE for which the plan of a marker was made, if this flare-kube does not know it. A new release of FLARE is
/// therefore not a new format.
fn unknown_release(bytes: &[u8]) -> Option<String> {
    let marker: serde_json::Value = serde_json::from_slice(bytes).ok()?;
    let target = marker.pointer("/plan/target")?.as_str()?;
    release_of(target).filter(|release| release == target && release.parse::<Target>().is_err())
}

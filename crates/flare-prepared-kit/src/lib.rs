//! Writing and reading the prepared directory: [`PreparedKit::assemble`] builds it, [`PreparedKit::open`] reads it back
//! and reports what has changed since.
//!
//! Source: `docs/behaviour.md` sections 3, 4 and 6; defects 8, 11, 14, 33, 34.
#![doc = include_str!("../README.md")]

mod changes;
mod existing_output;
mod facts;
mod fingerprint;
mod losses;
mod marker;
mod prepared;
mod staged;
mod values;

pub use changes::{ChangeKind, FileChange};
pub use existing_output::{ExistingOutput, check_replaceable, inspect_output};
pub use fingerprint::{FingerprintedKit, fingerprint};
pub use losses::check_losses;
pub use marker::{FORMAT_VERSION, MARKER_FILE, Marker, MarkerHead};
pub use prepared::{OpenOptions, PreparedKit};
pub use staged::{StagedItem, StagedRecord};

/// The directory that belongs to the site: its content is never recorded, checked or removed.
pub const TRANSFER: &str = "transfer";

/// The three directories whose content a prepared kit guarantees.
const STARTUP: &str = "startup";
const LOCAL: &str = "local";
const CHART: &str = "helm_chart";

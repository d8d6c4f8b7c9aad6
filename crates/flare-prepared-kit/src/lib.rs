//! The prepared folder in both directions: [`PreparedKit::assemble`] puts it together, [`PreparedKit::open`] reads back what
//! was written and says what has changed since.
//!
//! Source: `docs/behaviour.md` sections 3, 4 and 6; defects 8, 11, 14, 33, 34.
#![doc = include_str!("../README.md")]

mod changes;
mod facts;
mod fingerprint;
mod json;
mod marker;
mod occupant;
mod prepared;
mod values;

pub use changes::{Change, ChangeKind};
pub use fingerprint::fingerprint;
pub use marker::{FORMAT_VERSION, MARKER_FILE, Marker};
pub use occupant::{Occupant, check_replaceable, occupant};
pub use prepared::{Acceptance, PreparedKit};

/// The three folders that a prepared kit answers for.
const STARTUP: &str = "startup";
const LOCAL: &str = "local";
const CHART: &str = "helm_chart";

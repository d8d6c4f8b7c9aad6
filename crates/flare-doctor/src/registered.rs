//! Reads from a parent's log whether the participant has joined, and if not, why.
//!
//! FLARE has no other sign of it. The lines are those of 2.8.3 and 2.9.0, taken from real parents; a log without any of them is inconclusive.

mod cause;
mod patience;
mod reader;

pub use self::{
    cause::{Cause, CauseKind, cause},
    patience::Patience,
    reader::{Joined, LogReader, joined},
};

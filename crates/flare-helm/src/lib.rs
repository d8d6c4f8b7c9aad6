#![doc = include_str!("../README.md")]
#![allow(clippy::disallowed_methods, reason = "this crate is an edge: it starts Helm and ends it when its time is up")]

mod answer;
mod dialect;
mod fault;
mod find;
mod lock;
mod place;
mod process;
mod release;
mod values;

pub use answer::{ReleaseStatus, Revision};
pub use dialect::{Dialect, Wait};
pub use find::Helm;
pub use lock::{Lock, Unlock, last_good};
pub use place::ReleaseId;
pub use process::RunLimits;
pub use release::{Release, Upgrade, Upgraded};
pub use values::{Setting, Values};

//! The crate on a real disk: what is read, what is refused, and what an interrupted run leaves.

#![allow(clippy::disallowed_methods, reason = "these tests look at the disk behind the crate's back")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by them")]

mod commit;
mod faults;
mod file;
mod keep;
mod kill;
mod many;
mod properties;
mod read;
mod seam;
mod support;

#![doc = include_str!("../README.md")]

mod checks;
mod finding;
pub mod joining;
pub mod offline;
pub mod online;
mod proven;
pub mod registered;
pub mod rollout;
pub mod state;
mod texts;

pub use checks::{CHECKS, Check, KitCheck, Needs};
pub use finding::{Counts, Finding, Severity, log_line};
pub use proven::Proven;

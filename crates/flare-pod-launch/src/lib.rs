#![doc = include_str!("../README.md")]

mod classify;
mod ended;
mod events;
mod limits;
mod not_started;
mod situation;
mod verdict;

pub use classify::classify;
pub use limits::Limits;
pub use situation::{Look, Memory, Situation};
pub use verdict::{Class, Verdict};

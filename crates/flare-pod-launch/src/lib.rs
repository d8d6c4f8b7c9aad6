#![doc = include_str!("../README.md")]

mod classify;
mod ended;
mod events;
mod evidence;
mod lifecycle;
mod limits;
mod moment;
mod not_started;
mod observation;
mod removal;
mod report;
mod situation;
mod verdict;
mod view;

pub use classify::classify;
pub use lifecycle::Lifecycle;
pub use limits::Limits;
pub use moment::Moment;
pub use observation::{Action, Observation, Step};
pub use report::{End, Evidence, Notice, Settlement, State, Transition};
pub use situation::{Look, Memory, Situation};
pub use verdict::{Class, Verdict};

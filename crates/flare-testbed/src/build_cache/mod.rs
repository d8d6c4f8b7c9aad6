//! Builds that take minutes: done once, complete or not at all, and interruptible.

mod failure;
mod get_or_build;
mod long_run;

pub(crate) use get_or_build::{get_or_build, key};
pub(crate) use long_run::{LongRun, seconds};

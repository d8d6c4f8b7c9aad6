//! Making things that take minutes: once, whole or not at all, and with an end when the user asks for it.

mod failure;
mod get_or_build;
mod long_run;

pub(crate) use get_or_build::{get_or_build, key};
pub(crate) use long_run::{LongRun, seconds};

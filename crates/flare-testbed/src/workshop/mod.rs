//! Making things that take minutes: once, whole or not at all, and with an end when the user asks for it.

mod failure;
mod kept;
mod long_run;

pub(crate) use failure::disk;
pub(crate) use kept::{kept, key};
pub(crate) use long_run::{LongRun, seconds};

//! The plan: every fact decided once, and what only kit and config together show.
#![allow(clippy::unwrap_used, clippy::panic, reason = "clippy.toml's allowance does not reach the helpers of tests")]
#![allow(clippy::format_collect, clippy::too_many_lines, reason = "tables of cases and small texts")]

mod faults;
mod plans;
mod support;

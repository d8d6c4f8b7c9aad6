//! The plan: every decided fact, and faults that can only be found from kit and config together.
#![allow(clippy::unwrap_used, clippy::panic, reason = "clippy.toml's allowance does not reach the helpers of tests")]
#![allow(clippy::format_collect, clippy::too_many_lines, reason = "tables of cases and small texts")]

mod faults;
mod plans;
mod support;

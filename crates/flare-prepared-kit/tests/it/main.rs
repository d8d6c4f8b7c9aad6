//! Writing and reading the prepared directory.
#![allow(clippy::unwrap_used, clippy::panic, reason = "clippy.toml's allowance does not reach the helpers of tests")]
#![allow(clippy::format_collect, clippy::too_many_lines, reason = "tables of cases and small texts")]
#![allow(clippy::disallowed_methods, reason = "tests make directories to look at")]

mod directories;
mod open;
mod properties;
mod staged;
mod support;

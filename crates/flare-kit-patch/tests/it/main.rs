//! The patcher through its public API: a kit in, a prepared copy out.
#![allow(clippy::unwrap_used, clippy::panic, reason = "clippy.toml's allowance does not reach the helpers of tests")]
#![allow(clippy::format_collect, clippy::too_many_lines, reason = "tables of cases and small texts")]

mod comm_config;
mod components;
mod dropped;
mod parts;
mod properties;
mod support;

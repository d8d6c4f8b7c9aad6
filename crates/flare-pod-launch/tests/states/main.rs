//! The state machine of one job pod: its notices and actions step by step, and what holds for any observations in any order.
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests: a failure is a failed test")]

mod beginnings;
mod ends;
mod looks;
mod properties;
mod scene;

//! The prepared folder in both directions.
#![allow(clippy::disallowed_methods, reason = "tests make folders to look at")]

mod folders;
mod open;
mod properties;
mod support;

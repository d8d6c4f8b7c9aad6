//! The volume's program on a local directory, with this machine's Python: what a killed run leaves, what is refused, and
//! hostile trees.
#![allow(
    clippy::disallowed_methods,
    clippy::expect_fun_call,
    reason = "these tests start Python and look at the disk behind its back"
)]

mod again;
mod ending;
mod full;
mod kit;
mod python;
mod repair;
mod support;

//! The volume's program on a local directory, by this machine's Python: what it leaves wherever it is killed, what it refuses, and
//! trees that are meant to break it.
#![allow(
    clippy::disallowed_methods,
    clippy::expect_fun_call,
    reason = "these tests start Python and look at the disk behind its back"
)]

mod kit;
mod repair;
mod support;

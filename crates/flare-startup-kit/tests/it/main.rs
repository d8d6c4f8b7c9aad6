//! Tests of the reader on the real kits of `fixtures/kits` and on certificates with one fault each.
#![allow(clippy::disallowed_methods, reason = "tests read fixtures and run openssl")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails so")]

mod certificates;
mod fixtures;
mod hostile;
mod role_files;
mod support;

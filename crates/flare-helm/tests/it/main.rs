//! Tests with real Helm 3 and 4, as far as no cluster is needed, and with programs that misbehave.
//! Releases in a cluster are tested in `tests/cluster`.
#![allow(clippy::disallowed_methods, reason = "tests write programs and charts, and look at processes")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod ending;
mod finding;
mod rendering;
mod support;

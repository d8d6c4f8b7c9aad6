//! Charts as real Helm reads them. A process is started because only Helm can tell what Helm renders.
#![allow(clippy::disallowed_methods, reason = "tests write charts and start Helm")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod charts;
mod defects;
mod names;
mod refusals;
mod security;
mod support;
mod values;

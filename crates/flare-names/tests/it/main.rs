//! The naming rules against the reference's tables, against Kubernetes' rules, and for arbitrary names.

#![allow(clippy::disallowed_methods, reason = "the tables of the reference are read from disk")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by them")]

mod kinds;
mod properties;
mod reference;

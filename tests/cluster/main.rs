//! Tests on a real Kubernetes with real FLARE parents: what the charts promise, a kubelet has to confirm.
//!
//! The cluster is named by `FLARE_KUBE_TEST_KUBECONFIG`, never guessed. Each test has a namespace of its own, which is deleted at its
//! end, whatever that is; of a failed one the logs, events and objects are kept in a folder that is named on stderr.
#![allow(clippy::disallowed_methods, reason = "tests stand at the edge: they make kits on disk and start processes")]
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, clippy::print_stderr, reason = "these are tests")]

mod acceptance;
mod cluster;
mod federation;
mod install;
mod job;
mod jobs;
mod namespace;
mod restart;
mod restricted;
mod stage;
mod upgrade;

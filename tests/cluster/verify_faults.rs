//! A table of faults: each is created in the cluster, and `verify` reports its cause. A line with the time is printed for each.
//!
//! No test asserts that time, but each asserts that a cause known to Kubernetes was reported before the timeout. `cargo xtask bench faults`
//! runs these tests for the figures; the reference's chart and the user guide's commands are tried on the same rows only there.

mod fault;
mod gone;
mod guide;
mod helm;
mod kit;
mod parent;
mod pod;
mod road;
mod site;
mod table;

use std::path::Path;

use integration_tests::cluster::federation::Federation;
use integration_tests::cluster::install::upgrade;
use integration_tests::cluster::namespace::Namespace;
use integration_tests::cluster::run::succeed;
use integration_tests::cluster::stage;
use integration_tests::reference::Release;
use serde_json::json;

use crate::PROGRAM;

const SERVER: &str = "nvflare-server";
const SITE: &str = "site-1";
const CLAIM: &str = "nvflws";
const PYTHON: &str = "/usr/local/bin/python3";
const SMALL: &str = "{requests: {cpu: 50m, memory: 256Mi}}";

/// A Helm setting with the parent's command.
fn command(program: &[&str]) -> String {
    format!("command={}", json!(program))
}

/// A federation, and a first namespace with nothing in it.
fn without_server(test: &str) -> (Namespace, Federation) {
    (Namespace::open(test), Federation::provision(Release::V28))
}

/// A running server in the first namespace, with a Service.
fn with_server(test: &str) -> (Namespace, Federation) {
    let (first, federation) = without_server(test);
    let prepared = federation.prepare(&first, Path::new(PROGRAM)).join(SERVER);
    stage::by_program(&first, Path::new(PROGRAM), &prepared);
    succeed(&mut upgrade(&first, SERVER, &prepared));
    first.wait_for_rollout(SERVER);
    (first, federation)
}

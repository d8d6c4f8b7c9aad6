//! Classes of pods, which belong to the whole cluster: made for one test and deleted at its end.

use std::process::Stdio;

use serde_json::{Value, json};

use super::Cluster;
use super::namespace::{Namespace, RUN};
use super::run::{succeed_json, succeed_with};
use crate::cleanup::{self, CleanupGuard};

/// The kinds, as kubectl names them.
const KINDS: &str = "priorityclasses,runtimeclasses";

/// A `PriorityClass` and a `RuntimeClass` that are deleted when this value is dropped.
#[derive(Debug)]
pub struct Classes {
    /// The name of both.
    pub name: String,
    _end: CleanupGuard,
}

impl Classes {
    /// The priority of pods of this class, which preempt nothing.
    pub const PRIORITY: i32 = 1000;

    /// Makes both with the name of the namespace, which is unique. Pods of the `RuntimeClass` run as all others do.
    pub fn of(namespace: &Namespace) -> Self {
        let (cluster, name) = (namespace.cluster.clone(), namespace.name.clone());
        let ended = (cluster.clone(), name.clone());
        let end = CleanupGuard::plan(move || delete(&ended.0, &ended.1));
        let metadata = json!({"name": name, "labels": {RUN: cleanup::run_id()}});
        let objects = json!({"apiVersion": "v1", "kind": "List", "items": [
            {"apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass", "metadata": metadata, "value": Self::PRIORITY,
             "preemptionPolicy": "Never"},
            {"apiVersion": "node.k8s.io/v1", "kind": "RuntimeClass", "metadata": metadata, "handler": "runc"},
        ]});
        succeed_with(cluster.kubectl().args(["create", "--filename", "-"]), objects.to_string().as_bytes());
        Self { name, _end: end }
    }
}

fn delete(cluster: &Cluster, name: &str) {
    for kind in KINDS.split(',') {
        let output = cluster.kubectl().args(["delete", kind, name, "--ignore-not-found"]).stdin(Stdio::null()).output();
        if output.as_ref().map_or(true, |output| !output.status.success()) {
            eprintln!("{kind} {name} may still be there: {output:?}");
        }
    }
}

/// Deletes the classes of runs that were killed.
pub(super) fn sweep(cluster: &Cluster) {
    let found = succeed_json(cluster.kubectl().args(["get", KINDS, "--output", "json", "--selector", RUN]));
    for class in found["items"].as_array().into_iter().flatten() {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let metadata = &class["metadata"];
        if cleanup::is_gone(&text(&metadata["labels"][RUN])) == Some(true) {
            delete(cluster, &text(&metadata["name"]));
        }
    }
}

//! Changes of the node for a test: fake devices, a taint, a cordon. All are marked with their run and removed at its end.

use std::process::Stdio;

use serde_json::{Value, json};

use super::Cluster;
use super::namespace::Namespace;
use super::run::{succeed, succeed_json};
use crate::cleanup::{self, CleanupGuard};

/// The taint of tests; its value is the run.
const TAINT: &str = "flare-kube/test";
/// The annotation with the run that made the node unschedulable.
const CORDON_OF: &str = "flare-kube/cordon-of";
/// The annotation with the run that added devices.
const DEVICES_OF: &str = "flare-kube/devices-of";
const GPU: &str = "nvidia.com/gpu";
/// The resource of the smallest MIG profile.
pub const MIG_SLICE: &str = "nvidia.com/mig-1g.5gb";

/// A change of a node that is reverted when this value is dropped.
#[derive(Debug)]
pub struct NodeChange {
    /// The node.
    pub node: String,
    _end: CleanupGuard,
}

/// Adds whole GPUs to a node, `nvidia.com/gpu`. Only with an exclusive lock.
pub fn with_gpus(namespace: &Namespace, count: u32) -> NodeChange {
    with_devices(namespace, GPU, count)
}

/// Adds slices of a GPU to a node, [`MIG_SLICE`]. Only with an exclusive lock.
pub fn with_mig_slices(namespace: &Namespace, count: u32) -> NodeChange {
    with_devices(namespace, MIG_SLICE, count)
}

fn with_devices(namespace: &Namespace, resource: &str, count: u32) -> NodeChange {
    let (cluster, node) = only_node(namespace);
    let (ended, of) = (cluster.clone(), node.clone());
    let end = CleanupGuard::plan(move || remove_devices(&ended, &of));
    succeed(cluster.kubectl().args(["annotate", "node", &node, "--overwrite", &format!("{DEVICES_OF}={}", cleanup::run_id())]));
    let count = count.to_string();
    let status = json!({"status": {"capacity": {resource: count}, "allocatable": {resource: count}}});
    patch(&cluster, &node, &status);
    NodeChange { node, _end: end }
}

/// Adds a taint to a node that keeps away pods without a toleration of `flare-kube/test`. Only with an exclusive lock.
pub fn with_taint(namespace: &Namespace) -> NodeChange {
    let (cluster, node) = only_node(namespace);
    let (ended, of) = (cluster.clone(), node.clone());
    let end = CleanupGuard::plan(move || remove_taint(&ended, &of));
    let taint = format!("{TAINT}={}:NoSchedule", cleanup::run_id());
    succeed(cluster.kubectl().args(["taint", "node", &node, "--overwrite", &taint]));
    NodeChange { node, _end: end }
}

/// Makes a node unschedulable, as `kubectl cordon` does. Only with an exclusive lock.
pub fn cordoned(namespace: &Namespace) -> NodeChange {
    let (cluster, node) = only_node(namespace);
    let (ended, of) = (cluster.clone(), node.clone());
    let end = CleanupGuard::plan(move || uncordon(&ended, &of));
    succeed(cluster.kubectl().args(["annotate", "node", &node, "--overwrite", &format!("{CORDON_OF}={}", cleanup::run_id())]));
    succeed(cluster.kubectl().args(["cordon", &node]));
    NodeChange { node, _end: end }
}

fn only_node(namespace: &Namespace) -> (Cluster, String) {
    assert!(namespace.is_exclusive(), "a test that changes the node disturbs others: use Namespace::exclusive");
    let nodes = nodes(&namespace.cluster);
    let name = nodes.first().and_then(|node| node["metadata"]["name"].as_str()).expect("a cluster has a node");
    (namespace.cluster.clone(), name.to_owned())
}

fn nodes(cluster: &Cluster) -> Vec<Value> {
    let mut nodes = succeed_json(cluster.kubectl().args(["get", "nodes", "--output", "json"]));
    serde_json::from_value(nodes["items"].take()).expect("a list has items")
}

fn patch(cluster: &Cluster, node: &str, status: &Value) {
    succeed(cluster.kubectl().args(["patch", "node", node, "--subresource=status", "--patch", &status.to_string()]));
}

fn remove_devices(cluster: &Cluster, node: &str) {
    let nothing = json!({GPU: null, MIG_SLICE: null});
    let status = json!({"status": {"capacity": nothing, "allocatable": nothing}}).to_string();
    quietly(cluster, &["patch", "node", node, "--subresource=status", "--patch", &status]);
    quietly(cluster, &["annotate", "node", node, &format!("{DEVICES_OF}-")]);
}

fn remove_taint(cluster: &Cluster, node: &str) {
    quietly(cluster, &["taint", "node", node, &format!("{TAINT}-")]);
}

fn uncordon(cluster: &Cluster, node: &str) {
    quietly(cluster, &["uncordon", node]);
    quietly(cluster, &["annotate", "node", node, &format!("{CORDON_OF}-")]);
}

/// Runs a cleanup step; errors are ignored.
fn quietly(cluster: &Cluster, arguments: &[&str]) {
    let output = cluster.kubectl().args(arguments).stdin(Stdio::null()).output();
    if output.as_ref().map_or(true, |output| !output.status.success()) {
        eprintln!("the node may still be changed: kubectl {}: {output:?}", arguments.join(" "));
    }
}

/// Reverts what killed runs changed.
pub(super) fn sweep(cluster: &Cluster) {
    for node in nodes(cluster) {
        let name = node["metadata"]["name"].as_str().expect("a node has a name");
        let is_gone = |run: &Value| run.as_str().and_then(cleanup::is_gone) == Some(true);
        if is_gone(&node["metadata"]["annotations"][DEVICES_OF]) {
            remove_devices(cluster, name);
        }
        if is_gone(&node["metadata"]["annotations"][CORDON_OF]) {
            uncordon(cluster, name);
        }
        let mut taints = node["spec"]["taints"].as_array().into_iter().flatten();
        if taints.any(|taint| taint["key"] == TAINT && is_gone(&taint["value"])) {
            remove_taint(cluster, name);
        }
    }
}

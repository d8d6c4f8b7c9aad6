//! A cluster without a default `StorageClass` for a test. The class is marked with the run, and is the default again at its end.

use std::process::Stdio;

use serde_json::Value;

use super::Cluster;
use super::namespace::Namespace;
use super::run::{succeed, succeed_json};
use crate::cleanup::{self, CleanupGuard};

/// The annotation that makes a class the default.
const DEFAULT: &str = "storageclass.kubernetes.io/is-default-class";
/// The annotation with the run that took it away.
const TAKEN_BY: &str = "flare-kube/default-taken-by";

/// Takes the default from the `StorageClass` that has it, until the returned value is dropped. Only with an exclusive lock.
pub fn without_default_class(namespace: &Namespace) -> CleanupGuard {
    assert!(namespace.is_exclusive(), "a test that changes the cluster disturbs others: use Namespace::exclusive");
    let cluster = namespace.cluster.clone();
    let all = classes(&cluster);
    let class = all.iter().find(|class| class["metadata"]["annotations"][DEFAULT] == "true").expect("a default StorageClass");
    let name = class["metadata"]["name"].as_str().expect("a class has a name").to_owned();
    let ended = (cluster.clone(), name.clone());
    let end = CleanupGuard::plan(move || give_back(&ended.0, &ended.1));
    let (taken, no_default) = (format!("{TAKEN_BY}={}", cleanup::run_id()), format!("{DEFAULT}=false"));
    succeed(cluster.kubectl().args(["annotate", "storageclass", &name, "--overwrite", &taken, &no_default]));
    end
}

fn classes(cluster: &Cluster) -> Vec<Value> {
    let mut classes = succeed_json(cluster.kubectl().args(["get", "storageclasses", "--output", "json"]));
    serde_json::from_value(classes["items"].take()).expect("a list has items")
}

fn give_back(cluster: &Cluster, class: &str) {
    let arguments = ["annotate", "storageclass", class, "--overwrite", &format!("{DEFAULT}=true"), &format!("{TAKEN_BY}-")];
    let output = cluster.kubectl().args(arguments).stdin(Stdio::null()).output();
    if output.as_ref().map_or(true, |output| !output.status.success()) {
        eprintln!("the StorageClass {class} may not be the default any more: kubectl {}: {output:?}", arguments.join(" "));
    }
}

/// Reverts what killed runs changed.
pub(super) fn sweep(cluster: &Cluster) {
    for class in classes(cluster) {
        let run = class["metadata"]["annotations"][TAKEN_BY].as_str();
        if run.and_then(cleanup::is_gone) == Some(true) {
            give_back(cluster, class["metadata"]["name"].as_str().expect("a class has a name"));
        }
    }
}

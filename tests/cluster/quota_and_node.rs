//! What tests can set up in a namespace, a node and a registry: quotas, GPUs, a taint, an image that cannot be pulled.

use std::time::Duration;

use integration_tests::cluster::namespace::Namespace;
use integration_tests::cluster::node;
use integration_tests::cluster::parent::wait_for_reason;
use integration_tests::cluster::run::{attempt, succeed, wait};
use serde_json::{Value, json};

/// A pod that sleeps.
fn sleeper(name: &str, image: &str, gpus: Option<u32>) -> Value {
    let limits = gpus.map_or_else(|| json!({}), |count| json!({"nvidia.com/gpu": count}));
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": {
        "terminationGracePeriodSeconds": 0,
        "containers": [{"name": "sleeper", "image": image, "command": ["sleep", "600"], "resources": {"limits": limits}}],
    }})
}

const BUSYBOX: &str = "busybox:1.36";

fn wait_until_ready(namespace: &Namespace, pod: &str) {
    succeed(namespace.kubectl().args(["wait", "--for=condition=Ready", &format!("pod/{pod}"), "--timeout=60s"]));
}

/// Waits until the scheduler has reported why it cannot place a pod.
fn why_unscheduled(namespace: &Namespace, pod: &str) -> String {
    let condition = || {
        let mut status = namespace.pod(pod)["status"]["conditions"].take();
        let conditions = status.as_array_mut().map(std::mem::take).unwrap_or_default();
        conditions.into_iter().find(|condition| condition["reason"] == "Unschedulable")
    };
    let said = wait(Duration::from_secs(30), || namespace.pod(pod).to_string(), condition);
    said["message"].as_str().expect("the scheduler says why").to_owned()
}

#[test]
fn a_quota_is_enforced() {
    let namespace = Namespace::with_quota("quota", &json!({"pods": "1"}));
    namespace.apply(&sleeper("first", BUSYBOX, None));
    let second = sleeper("second", BUSYBOX, None).to_string();
    let said = attempt(namespace.kubectl().args(["apply", "--filename", "-"]), second.as_bytes()).unwrap_err();
    assert!(said.contains("exceeded quota: quota, requested: pods=1, used: pods=1, limited: pods=1"), "{said}");
}

#[test]
fn a_node_with_gpus_runs_what_fits_and_has_none_afterwards() {
    let namespace = Namespace::exclusive("gpus");
    let gpus = |node: &str| {
        let path = "jsonpath={.status.capacity.nvidia\\.com/gpu}";
        succeed(namespace.cluster.kubectl().args(["get", "node", node, "--output", path]))
    };
    let change = node::with_gpus(&namespace, 4);
    let node = change.node.clone();
    assert_eq!(gpus(&node), "4");
    namespace.apply(&sleeper("four", BUSYBOX, Some(4)));
    wait_until_ready(&namespace, "four");
    namespace.apply(&sleeper("one-more", BUSYBOX, Some(1)));
    let said = why_unscheduled(&namespace, "one-more");
    assert!(said.contains("Insufficient nvidia.com/gpu"), "{said}");
    drop(change);
    assert_eq!(gpus(&node), "");
}

#[test]
fn a_tainted_node_takes_nothing_until_the_taint_is_gone() {
    let namespace = Namespace::exclusive("taint");
    let change = node::with_taint(&namespace);
    namespace.apply(&sleeper("stranger", BUSYBOX, None));
    let said = why_unscheduled(&namespace, "stranger");
    assert!(said.contains("untolerated taint"), "{said}");
    let mut tolerant = sleeper("tolerant", BUSYBOX, None);
    tolerant["spec"]["tolerations"] = json!([{"key": "flare-kube/test", "operator": "Exists"}]);
    namespace.apply(&tolerant);
    wait_until_ready(&namespace, "tolerant");
    drop(change);
    wait_until_ready(&namespace, "stranger");
}

#[test]
fn an_image_without_its_tag_shows_the_reason_of_the_kubelet() {
    let namespace = Namespace::open("no-image");
    let image = namespace.cluster.image_with_tag("no-such-tag");
    namespace.apply(&sleeper("unpullable", &image, None));
    let (_, message) = wait_for_reason(&namespace, "unpullable", &["ErrImagePull"]);
    assert!(message.contains(&image) && message.contains("not found"), "{message}");
}

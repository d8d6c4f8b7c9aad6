//! The options and features of a cluster, as its kubelet and scheduler see them: GPUs, a taint, storage classes, registries, the audit log.

use std::time::{Duration, Instant};

use flare_testbed::audit::{Filter, Log};
use integration_tests::cluster::run::{succeed_json, succeed_with, wait};
use serde_json::{Value, json};

use super::{Cluster, down_without_a_trace, machine, up_with};

/// A running cluster, with its own kubectl.
struct Running {
    status: Value,
}

impl Running {
    fn path(&self, key: &str) -> &str {
        self.status[key].as_str().unwrap_or_else(|| panic!("no `{key}` in {}", self.status))
    }

    fn kubectl(&self, arguments: &[&str]) -> std::process::Command {
        let mut command = std::process::Command::new(self.path("kubectl"));
        command.arg("--kubeconfig").arg(self.path("kubeconfig")).args(arguments);
        command
    }

    fn get(&self, what: &[&str]) -> Value {
        succeed_json(&mut self.kubectl(&[&["get", "--output", "json"], what].concat()))
    }

    fn create(&self, object: &Value) {
        succeed_with(&mut self.kubectl(&["create", "--filename", "-"]), object.to_string().as_bytes());
    }

    /// A pod that tolerates every taint and sleeps.
    fn pod(&self, name: &str, image: &str, more: &Value) {
        let mut pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": {
            "terminationGracePeriodSeconds": 0, "tolerations": [{"operator": "Exists"}],
            "containers": [{"name": "main", "image": image, "command": ["sleep", "600"]}],
        }});
        for (key, value) in more.as_object().into_iter().flatten() {
            pod["spec"][key] = value.clone();
        }
        self.create(&pod);
    }

    /// Waits until the state of a pod's container satisfies a condition.
    fn wait_for_container(&self, pod: &str, is_meant: impl Fn(&Value) -> bool) {
        let state = || self.get(&["pod", pod])["status"]["containerStatuses"][0]["state"].take();
        wait(Duration::from_mins(1), || format!("{pod}: {}", state()), || is_meant(&state()).then_some(()));
    }

    fn wait_until_it_runs(&self, pod: &str) {
        self.wait_for_container(pod, |state| state["running"].is_object());
    }
}

#[test]
fn a_cluster_is_as_it_was_asked_for() {
    let _machine = machine();
    let cluster = Cluster::new("life-asked");
    let options = ["--gpus", "4", "--taint", "example.com/site=a:NoSchedule", "--default-storage-class", "local-path-immediate"];
    let running = Running { status: up_with(&cluster, &[&options[..], &["--registry-port", "5500"]].concat()) };

    let node = &running.get(&["nodes"])["items"][0];
    assert_eq!(node["status"]["allocatable"]["nvidia.com/gpu"], "4", "{node}");
    assert_eq!(node["spec"]["taints"], json!([{"key": "example.com/site", "value": "a", "effect": "NoSchedule"}]));

    // The default class binds without a pod, the other one waits for it.
    let claim = |name: &str, class: Option<&str>| {
        let mut claim = json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": name}, "spec": {
            "accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Mi"}}}});
        if let Some(class) = class {
            claim["spec"]["storageClassName"] = json!(class);
        }
        running.create(&claim);
    };
    claim("later", Some("local-path"));
    claim("at-once", None);
    let phase = |name: &str| running.get(&["pvc", name])["status"]["phase"].as_str().unwrap_or_default().to_owned();
    wait(Duration::from_mins(1), || phase("at-once"), || (phase("at-once") == "Bound").then_some(()));
    assert_eq!(phase("later"), "Pending");

    registries_are_what_they_are_called(&running);

    // The log has the requests of this test, and distinguishes them from others.
    let log = Log::open(running.path("audit_log").as_ref()).unwrap();
    let created =
        |resource| Filter { user_agent: Some("kubectl"), verb: Some("create"), resource: Some(resource), ..Filter::default() };
    assert_eq!(log.count(&created("persistentvolumeclaims")).unwrap(), 2);
    assert_eq!(log.count(&created("deployments")).unwrap(), 0);
    down_without_a_trace(&cluster);
}

/// Seen by the kubelet: a missing tag, a required password, a slow registry.
fn registries_are_what_they_are_called(running: &Running) {
    let said = |pod: &str, words: &str| {
        let is_meant = |state: &Value| state["waiting"]["message"].as_str().is_some_and(|message| message.contains(words));
        running.wait_for_container(pod, is_meant);
    };
    running.pod("missing", "registry.example.com/library/busybox:none", &json!({}));
    said("missing", "not found");

    let image = "private.example.com/library/busybox:1.36";
    running.pod("stranger", image, &json!({}));
    said("stranger", "401 Unauthorized");
    let credentials: Value =
        serde_json::from_str(&std::fs::read_to_string(running.path("private_credentials")).unwrap()).unwrap();
    let text = |key: &str| credentials[key].as_str().unwrap().to_owned();
    let login = json!({"auths": {"private.example.com": {"username": text("user"), "password": text("password")}}});
    running.create(&json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "login"},
        "type": "kubernetes.io/dockerconfigjson", "stringData": {".dockerconfigjson": login.to_string()}}));
    running.pod("guest", image, &json!({"imagePullSecrets": [{"name": "login"}]}));
    running.wait_until_it_runs("guest");

    // 1 MiB at 256 KiB a second.
    let began = Instant::now();
    running.pod("patient", "slow.example.com/lab/heavy:1", &json!({}));
    running.wait_until_it_runs("patient");
    assert!(began.elapsed() > Duration::from_secs(3), "{:?}", began.elapsed());
}

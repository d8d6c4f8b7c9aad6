//! The site's defaults for job pods, from `k8s.yaml` to the pod that the cluster holds.

use std::fs;

use integration_tests::cluster::classes::Classes;
use integration_tests::cluster::namespace::Namespace;
use integration_tests::cluster::node::{self, MIG_SLICE};
use integration_tests::cluster::run::{succeed, succeed_json};
use integration_tests::command::Sandbox;
use integration_tests::reference::Release;
use serde_json::{Value, json};

use super::canary::{canary, prepare};
use super::{document, jobs};
use crate::PROGRAM;

/// All defaults, which fit only onto a node with the taint of tests and a slice of a GPU.
fn configuration(classes: &Classes) -> String {
    let class = &classes.name;
    format!(
        "job_launcher:
  cpu: 1
  cpu_request: 50m
  memory: 1Gi
  memory_request: 128Mi
  shm_size: 96Mi
  gpu_resource_name: {MIG_SLICE}
  node_selector: {{kubernetes.io/os: linux}}
  tolerations: [{{key: flare-kube/test, operator: Exists, effect: NoSchedule}}]
  affinity: {{nodeAffinity: {{requiredDuringSchedulingIgnoredDuringExecution:
    {{nodeSelectorTerms: [{{matchExpressions: [{{key: kubernetes.io/hostname, operator: Exists}}]}}]}}}}}}
  runtime_class_name: {class}
  priority_class_name: {class}
  image_pull_policy: Always
"
    )
}

/// The part of a pod that the defaults decide.
fn decided(pod: &Value) -> Value {
    let (spec, container) = (&pod["spec"], &pod["spec"]["containers"][0]);
    let named = |list: &Value, key: &str, name: &str| {
        list.as_array().unwrap().iter().find(|item| item[key] == name).cloned().unwrap_or_default()
    };
    json!({
        "nodeSelector": spec["nodeSelector"], "affinity": spec["affinity"],
        "toleration": named(&spec["tolerations"], "key", "flare-kube/test"),
        "runtimeClassName": spec["runtimeClassName"], "priorityClassName": spec["priorityClassName"],
        "priority": spec["priority"], "preemptionPolicy": spec["preemptionPolicy"],
        "imagePullPolicy": container["imagePullPolicy"], "resources": container["resources"],
        "sharedMemory": named(&spec["volumes"], "name", "shared-memory"),
        "sharedMemoryMount": named(&container["volumeMounts"], "name", "shared-memory"),
    })
}

fn expected(class: &str) -> Value {
    json!({
        "nodeSelector": {"kubernetes.io/os": "linux"},
        "affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms":
            [{"matchExpressions": [{"key": "kubernetes.io/hostname", "operator": "Exists"}]}]}}},
        "toleration": {"key": "flare-kube/test", "operator": "Exists", "effect": "NoSchedule"},
        "runtimeClassName": class, "priorityClassName": class,
        "priority": Classes::PRIORITY, "preemptionPolicy": "Never",
        "imagePullPolicy": "Always",
        "resources": {
            "limits": {"cpu": "1", "memory": "1Gi", "ephemeral-storage": "1Gi", MIG_SLICE: "1"},
            "requests": {"cpu": "50m", "memory": "128Mi", "ephemeral-storage": "1Gi", MIG_SLICE: "1"},
        },
        "sharedMemory": {"name": "shared-memory", "emptyDir": {"medium": "Memory", "sizeLimit": "96Mi"}},
        "sharedMemoryMount": {"name": "shared-memory", "mountPath": "/dev/shm"},
    })
}

#[test]
fn a_prepared_kits_defaults_are_in_the_pod_that_runs_and_its_canary_proves_them() {
    let (namespace, sandbox) = (Namespace::exclusive("launch-defaults"), Sandbox::new());
    let (classes, taint, slice) = (Classes::of(&namespace), node::with_taint(&namespace), node::with_mig_slices(&namespace, 1));
    let kit = prepare(&namespace, &sandbox, Release::V29, &configuration(&classes), &["--launcher", "flare-kube"]);
    // A template of the site beside its defaults: the job's own log shows the memory that the pod got.
    let look = json!({"exec": {"command": ["sh", "-c", "df -k /dev/shm > /proc/1/fd/1"]}});
    let container = json!({"name": "nvflare_job", "lifecycle": {"postStart": look}});
    let studies = json!({"format_version": 2, "studies": {"look": {"pod_template": {"spec": {"containers": [container]}}}}});
    fs::write(kit.join("local/study_runtime.yaml"), studies.to_string()).unwrap();
    let image = namespace.cluster.image(Release::V29);
    let meta = json!({"job_id": "defaults", "launcher_spec": {"default": {"k8s": {"image": image, "num_of_gpus": 1}}}});
    fs::write(sandbox.join("meta.json"), meta.to_string()).unwrap();
    let mut run = namespace.cluster.program(PROGRAM);
    run.current_dir(sandbox.path()).args([
        "launch",
        "run",
        "prepared",
        "--job",
        "meta.json",
        "--study",
        "look",
        "--keep",
        "-o",
        "json",
    ]);
    // It finds no parent, and ends by itself.
    let ran = document(&run.output().unwrap(), 1);
    let job = &jobs(&ran)[0];
    assert_eq!((&job["state"], &job["reason"], &job["removed"]), (&json!("failed"), &json!("Error"), &json!(false)), "{job}");
    let log = job["evidence"]["log"].to_string();
    assert!(log.contains("98304") && log.contains("/dev/shm"), "{log}");
    // The kubelet reports the end of the container before that of the pod.
    succeed(namespace.kubectl().args(["wait", "--for=jsonpath={.status.phase}=Failed", "pods", "--all", "--timeout=60s"]));
    let pods = succeed_json(namespace.kubectl().args(["get", "pods", "--output", "json"]));
    assert_eq!(decided(&pods["items"][0]), expected(&classes.name), "{pods}");
    assert_eq!(pods["items"][0]["metadata"]["uid"], job["uid"]);

    let found = canary(&namespace, &kit, &["--gpus", "1"], 1);
    let message = |id: &str| {
        let row = found.iter().find(|row| row["id"] == id).unwrap_or_else(|| panic!("{id}: {found:?}"));
        format!("{}: {}", row["severity"].as_str().unwrap(), row["message"].as_str().unwrap())
    };
    assert_eq!(message("J08"), "ok: /dev/shm has 96 MiB");
    assert_eq!(
        message("J09"),
        format!("error: 1 {MIG_SLICE} was asked for, and no GPU is in /dev"),
        "the slice is only a number"
    );
    assert_eq!(message("J01").split(':').next(), Some("ok"), "{found:?}");
    drop(slice);
    let found = canary(&namespace, &kit, &["--gpus", "1", "--pending-timeout", "10"], 1);
    assert!(found[0]["message"].as_str().unwrap().contains(&format!("Insufficient {MIG_SLICE}")), "{found:?}");
    drop(taint);
}

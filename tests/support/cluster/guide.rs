//! The user guide's procedure for staging a workspace claim, command by command ("Workspace PVC" of "Running FLARE in Kubernetes").

use std::fs;
use std::path::Path;
use std::time::Duration;

use serde_json::json;

use super::federation::Federation;
use super::namespace::Namespace;
use super::run::{measured, succeed, succeed_with};
use crate::command::Sandbox;

/// The guide's helper pod.
const POD: &str = "nvflare-pvc-copy";

/// A step of the guide, with its time.
pub type Step = (&'static str, Duration);

/// Stages a prepared kit as the guide says; returns the time of each step.
pub fn stage(namespace: &Namespace, participant: &str, prepared: &Path) -> Vec<Step> {
    let claim = Federation::claim(participant);
    let sandbox = Sandbox::new();
    let claim_file = sandbox.join("workspace-pvc.yaml");
    fs::write(&claim_file, format!(
        "apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata:\n  name: {claim}\nspec:\n  accessModes:\n    - ReadWriteOnce\n  \
         resources:\n    requests:\n      storage: 10Gi\n"
    ))
    .unwrap();
    let overrides = json!({"spec": {
        "restartPolicy": "Never",
        "volumes": [{"name": "ws", "persistentVolumeClaim": {"claimName": claim}}],
        "containers": [{
            "name": POD,
            "image": "busybox:1.36",
            "command": ["sleep", "600"],
            "volumeMounts": [{"name": "ws", "mountPath": "/mnt/nvflws"}],
        }],
    }});
    let name = namespace.name.as_str();
    let kubectl = |arguments: &[&str]| succeed(namespace.kubectl().args(arguments));
    let copy = |directory: &str| {
        let from = prepared.join(directory).display().to_string();
        kubectl(&["cp", &from, &format!("{POD}:/mnt/nvflws/{directory}")])
    };
    let mut steps = Vec::new();
    let mut step = |what: &'static str, step: &mut dyn FnMut()| steps.push((what, measured(step).0));
    step("namespace and claim", &mut || {
        let object = kubectl(&["create", "namespace", name, "--dry-run=client", "-o", "yaml"]);
        succeed_with(namespace.cluster.kubectl().args(["apply", "-f", "-"]), object.as_bytes());
        kubectl(&["apply", "-f", &claim_file.display().to_string()]);
        kubectl(&["get", "pvc", &claim]);
    });
    step("helper pod until Ready", &mut || {
        kubectl(&["delete", "pod", POD, "--ignore-not-found=true"]);
        let overrides = format!("--overrides={overrides}");
        kubectl(&["run", POD, "--image=busybox:1.36", "--restart=Never", &overrides]);
        kubectl(&["wait", "--for=condition=Ready", &format!("pod/{POD}"), "--timeout=120s"]);
    });
    step("copy and look", &mut || {
        kubectl(&["exec", POD, "--", "rm", "-rf", "/mnt/nvflws/startup", "/mnt/nvflws/local"]);
        copy("startup");
        copy("local");
        kubectl(&["exec", POD, "--", "mkdir", "-p", "/mnt/nvflws/transfer"]);
        let listed = kubectl(&["exec", POD, "--", "ls", "-la", "/mnt/nvflws"]);
        assert!(["startup", "local", "transfer"].iter().all(|directory| listed.contains(directory)), "not staged:\n{listed}");
    });
    step("delete the helper pod", &mut || drop(kubectl(&["delete", "pod", POD])));
    steps
}

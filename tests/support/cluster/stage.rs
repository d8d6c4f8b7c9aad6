//! Stages a prepared kit into its claim: with flare-kube, or as the user guide's steps do, for tests about files of a foreign
//! owner or about charts of the reference.

use std::path::Path;
use std::process::Command;

use serde_json::json;

use super::federation::Federation;
use super::namespace::Namespace;
use super::run::{succeed, succeed_with};
use crate::cleanup;

const MOUNT: &str = "/mnt/nvflws";

/// Stages with flare-kube, which creates the claim.
pub fn by_program(namespace: &Namespace, program: &Path, prepared: &Path) {
    let mut stage = namespace.cluster.program(program);
    succeed(stage.arg("stage").arg(prepared).args(["--create-pvc", "1Gi", "--timeout", "300"]));
}

/// Stages as the guide does, with a busybox pod that runs as root. The files have a foreign owner and the modes of the kit, as
/// after `kubectl cp` of a user's kit.
pub fn as_root(namespace: &Namespace, participant: &str, prepared: &Path) {
    as_root_to(namespace, &Federation::claim(participant), participant, prepared);
}

/// The same with another claim.
pub fn as_root_to(namespace: &Namespace, claim: &str, participant: &str, prepared: &Path) {
    let pod = format!("copy-{participant}");
    let objects = json!({"apiVersion": "v1", "kind": "List", "items": [
        {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": claim},
         "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}},
        {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": pod},
         // Not the guide's 30 seconds, which are irrelevant here: `sleep` ignores SIGTERM.
         "spec": {"restartPolicy": "Never", "terminationGracePeriodSeconds": 1,
            "volumes": [{"name": "ws", "persistentVolumeClaim": {"claimName": claim}}],
            "containers": [{"name": "copy", "image": "busybox:1.36", "command": ["sleep", "600"],
                "volumeMounts": [{"name": "ws", "mountPath": MOUNT}]}]}},
    ]});
    namespace.apply(&objects);
    succeed(namespace.kubectl().args(["wait", "--for=condition=Ready", &format!("pod/{pod}"), "--timeout=300s"]));
    let script = format!(
        "rm -rf {MOUNT}/startup {MOUNT}/local && tar -xmf - -C {MOUNT} && mkdir -p {MOUNT}/transfer && ls -ln {MOUNT}/startup"
    );
    let archive = archive(prepared, &["startup", "local"]);
    let unpack = ["exec", "--stdin", &pod, "--", "sh", "-c", &script];
    let listed = succeed_with(namespace.kubectl().args(unpack), &archive);
    succeed(namespace.kubectl().args(["delete", "pod", &pod]));
    let key = listed.lines().find(|line| line.contains("server.key") || line.contains("client.key")).expect("the kit has a key");
    assert!(key.starts_with("-rw-------") && key.contains("12345"), "not the scene that this test is about: {key}");
}

/// A tar archive of some entries of a directory, with an owner that does not exist in the cluster.
pub fn archive(directory: &Path, entries: &[&str]) -> Vec<u8> {
    let mut tar = Command::new("tar");
    tar.args(["--create", "--owner=12345", "--group=54321", "--numeric-owner", "--directory"]).arg(directory).args(entries);
    let output = cleanup::unless_interrupted(|| tar.output()).unwrap();
    assert!(output.status.success(), "{tar:?}: {}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

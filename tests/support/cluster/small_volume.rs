//! A volume that a test can fill and make read-only.

use std::process::Command;

use serde_json::json;

use super::Cluster;
use super::namespace::Namespace;
use super::run::{attempt, succeed};
use crate::cleanup::CleanupGuard;

/// A volume on the node for one claim: an in-memory file system of 8 MiB, mounted by a privileged pod. Dropped before its namespace.
#[derive(Debug)]
pub struct SmallVolume {
    cluster: Cluster,
    namespace: String,
    _end: CleanupGuard,
}

impl SmallVolume {
    /// Makes it for a claim without a `StorageClass`, which is not made.
    pub fn new(namespace: &Namespace, claim: &str) -> Self {
        let name = namespace.name.clone();
        let on_node = format!("/var/tmp/flare-kube-{name}");
        let volume = json!({"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": name}, "spec": {
            "capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOnce"], "storageClassName": "",
            "persistentVolumeReclaimPolicy": "Retain", "claimRef": {"namespace": name, "name": claim},
            "hostPath": {"path": format!("{on_node}/volume"), "type": "DirectoryOrCreate"}}});
        let (cluster, gone) = (namespace.cluster.clone(), name.clone());
        let end = CleanupGuard::plan(move || {
            let _ = attempt(cluster.kubectl().args(["delete", "persistentvolume", &gone, "--wait=false"]), &[]);
        });
        namespace.apply(&volume);
        let mount =
            "mkdir -p /node/volume && mount -t tmpfs -o size=8m,mode=0777 small /node/volume && touch /tmp/mounted && sleep 3600";
        let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "disk"}, "spec": {
            "terminationGracePeriodSeconds": 1,
            "volumes": [{"name": "node", "hostPath": {"path": on_node, "type": "DirectoryOrCreate"}}],
            "containers": [{"name": "disk", "image": "busybox:1.36", "securityContext": {"privileged": true},
                "command": ["sh", "-c", mount],
                "lifecycle": {"preStop": {"exec": {"command": ["umount", "-l", "/node/volume"]}}},
                "volumeMounts": [{"name": "node", "mountPath": "/node", "mountPropagation": "Bidirectional"}],
                "readinessProbe": {"exec": {"command": ["test", "-e", "/tmp/mounted"]}, "periodSeconds": 1}}]}});
        namespace.apply(&pod);
        succeed(namespace.kubectl().args(["wait", "--for=condition=Ready", "pod/disk", "--timeout=60s"]));
        Self { cluster: namespace.cluster.clone(), namespace: name, _end: end }
    }

    /// Runs a script on the node beside the volume, which is at `/node/volume`.
    pub fn run(&self, script: &str) {
        succeed(self.exec().args(["sh", "-c", script]));
    }

    fn exec(&self) -> Command {
        let mut command = self.cluster.kubectl();
        command.args(["--namespace", &self.namespace, "exec", "disk", "--"]);
        command
    }
}

impl Drop for SmallVolume {
    fn drop(&mut self) {
        // The node keeps the mount until it is unmounted, even without the pod.
        let _ = attempt(self.exec().args(["umount", "-l", "/node/volume"]), &[]);
    }
}

//! `stage` onto a full volume and onto a read-only one.

use std::fs;
use std::process::Stdio;
use std::time::Duration;

use integration_tests::cleanup::CleanupGuard;
use integration_tests::cluster::namespace::Namespace;
use integration_tests::cluster::run::{attempt, succeed, wait};
use serde_json::{Value, json};

use crate::PROGRAM;
use crate::staging::Scene;
use crate::staging_faults::{digests, on_volume, write};

/// A volume on the node that a test can fill and make read-only: a small in-memory file system, mounted by a privileged pod.
struct SmallVolume<'scene> {
    scene: &'scene Scene,
    volume: Value,
    _end: CleanupGuard,
}

impl<'scene> SmallVolume<'scene> {
    fn new(scene: &'scene Scene) -> Self {
        let name = &scene.namespace.name;
        let on_node = format!("/var/tmp/flare-kube-{name}");
        let volume = json!({"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": name}, "spec": {
            "capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOnce"], "storageClassName": "",
            "persistentVolumeReclaimPolicy": "Retain", "claimRef": {"namespace": name, "name": "nvflws"},
            "hostPath": {"path": format!("{on_node}/volume"), "type": "DirectoryOrCreate"}}});
        let (cluster, gone) = (scene.namespace.cluster.clone(), name.clone());
        let end = CleanupGuard::plan(move || {
            let gone = ["delete", "persistentvolume", &gone, "--wait=false", "--ignore-not-found"];
            let _ = attempt(cluster.kubectl().args(gone), &[]);
        });
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
        scene.namespace.apply(&pod);
        succeed(scene.namespace.kubectl().args(["wait", "--for=condition=Ready", "pod/disk", "--timeout=60s"]));
        Self { scene, volume, _end: end }
    }

    /// Makes the `PersistentVolume`, which only the claim of the scene can have.
    fn make(&self) {
        self.scene.namespace.apply(&self.volume);
    }

    fn run(&self, script: &str) {
        succeed(self.scene.namespace.kubectl().args(["exec", "disk", "--", "sh", "-c", script]));
    }
}

impl Drop for SmallVolume<'_> {
    fn drop(&mut self) {
        // The node keeps the mount until it is unmounted, even without the pod.
        let off = ["exec", "disk", "--", "umount", "-l", "/node/volume"];
        let _ = attempt(self.scene.namespace.kubectl().args(off), &[]);
    }
}

#[test]
fn a_full_volume_and_one_that_can_only_be_read_keep_the_old_kit() {
    let scene = Scene::new(Namespace::open("staging-disk"), "site-1");
    let disk = SmallVolume::new(&scene);
    disk.make();
    succeed(&mut scene.stage(&["--create-pvc", "1Gi", "--storage-class", ""]));
    let old = digests(&scene.prepared);
    let big = scene.prepared.join("local/custom/model.bin");
    write(&big, &vec![7; 12 << 20], 0o644);
    let refused = scene.refused(&[]);
    assert_eq!(refused["error_code"], "STAGE_FAILED", "{refused}");
    assert!(refused["message"].as_str().unwrap().contains("ENOSPC"), "{refused}");
    assert!(refused["hint"].as_str().unwrap().contains("make room"), "{refused}");
    assert_eq!(on_volume(&scene), old);
    // Nothing of the attempt fills the volume.
    disk.run("! ls -A /node/volume | grep '^.flare-stage-'");
    fs::remove_dir_all(scene.prepared.join("local/custom")).unwrap();
    write(&scene.prepared.join("local/note"), b"new", 0o644);
    disk.run("mount -o remount,ro /node/volume");
    let before = scene.noted("fingerprint");
    let refused = scene.refused(&[]);
    assert_eq!(refused["error_code"], "STAGE_FAILED", "{refused}");
    assert!(refused["message"].as_str().unwrap().contains("EROFS"), "{refused}");
    assert!(!before.is_empty() && scene.noted("fingerprint") == before, "the old kit is still there");
    assert_eq!(on_volume(&scene), old);
    disk.run("mount -o remount,rw /node/volume");
    succeed(&mut scene.stage(&[]));
    assert_eq!(on_volume(&scene), digests(&scene.prepared));
    scene.namespace.kubectl().args(["delete", "pod", "disk"]).output().unwrap();
    scene.nothing_is_left();
}

#[test]
fn without_a_storage_class_a_claim_waits_for_a_volume_that_is_made_by_hand_and_then_says_so() {
    let scene = Scene::new(Namespace::open("staging-by-hand"), "site-1");
    let disk = SmallVolume::new(&scene);
    let refused = scene.refused(&["--create-pvc", "1Gi", "--storage-class", ""]);
    assert_eq!(refused["error_code"], "CLAIM_NOT_USABLE", "{refused}");
    assert!(refused["message"].as_str().unwrap().contains("no storage class is set"), "{refused}");
    assert!(refused["hint"].as_str().unwrap().contains("make a volume"), "{refused}");
    scene.nothing_is_left_but(&["pod/disk"]);
    // A run that ends earlier names the reason as well.
    let mut late = scene.namespace.cluster.program(PROGRAM);
    let late = late.arg("stage").arg(&scene.prepared).args(["--timeout", "10", "-o", "json"]).output().unwrap();
    let late: Value = serde_json::from_slice(&late.stdout).expect("an envelope");
    assert_eq!(late["error_code"], "TIMED_OUT", "{late}");
    assert!(late["message"].as_str().unwrap().contains("no storage class is set"), "{late}");
    scene.nothing_is_left_but(&["pod/disk"]);
    let run = scene.stage(&[]).stdout(Stdio::piped()).spawn().unwrap();
    let pods = || succeed(scene.namespace.kubectl().args(["get", "pods", "--output", "name"]));
    wait(Duration::from_secs(30), pods, || (pods().lines().count() == 2).then_some(()));
    disk.make();
    let output = run.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    assert_eq!(on_volume(&scene), digests(&scene.prepared));
    scene.namespace.kubectl().args(["delete", "pod", "disk"]).output().unwrap();
    scene.nothing_is_left();
}

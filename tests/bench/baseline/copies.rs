//! `kubectl cp` into a pod with a claim, as the guide copies kits: many small files, and a large one.

use std::fs;
use std::path::Path;

use integration_tests::cluster::Cluster;
use integration_tests::cluster::namespace::Namespace;
use integration_tests::cluster::run::{measured, succeed};
use integration_tests::command::Sandbox;
use integration_tests::random::Random;
use serde_json::json;

use crate::figures::Figures;

const FILES: usize = 5_000;
const SMALL: usize = 2_000;
const LARGE: usize = 256 << 20;

/// Measures both, `runs` times each, into an empty directory each time.
pub(crate) fn measure(cluster: &Cluster, runs: usize, figures: &mut Figures) {
    let namespace = Namespace::alone_in(cluster.clone(), "copies");
    let sandbox = Sandbox::new();
    make_files(&sandbox);
    start_helper(&namespace);
    for _ in 0..runs {
        for (from, what, expected) in [
            ("small", "`kubectl cp` of 5,000 files of 2 kB", FILES * SMALL),
            ("large", "`kubectl cp` of one file of 256 MiB", LARGE),
        ] {
            let (time, ()) = measured(|| copy(&namespace, &sandbox.join(from), "helper:/mnt/claim/copy"));
            let count = "cat $(find /mnt/claim/copy -type f) | wc -c";
            let arrived = succeed(namespace.kubectl().args(["exec", "helper", "--", "sh", "-c", count]));
            assert_eq!(arrived.trim(), expected.to_string(), "bytes of {from}");
            succeed(namespace.kubectl().args(["exec", "helper", "--", "rm", "-rf", "/mnt/claim/copy"]));
            figures.add(what, "into a pod with a claim of local-path storage", time);
        }
    }
}

fn copy(namespace: &Namespace, from: &Path, to: &str) {
    succeed(namespace.kubectl().arg("cp").arg(from).arg(to));
}

/// Bytes that no one can compress.
fn make_files(sandbox: &Sandbox) {
    let mut random = Random::new(1);
    let mut bytes =
        |count: usize| -> Vec<u8> { std::iter::repeat_with(|| random.next_bits().to_le_bytes()).flatten().take(count).collect() };
    for directory in ["small", "large"] {
        fs::create_dir(sandbox.join(directory)).unwrap();
    }
    for index in 0..FILES {
        fs::write(sandbox.join(format!("small/file-{index}")), bytes(SMALL)).unwrap();
    }
    fs::write(sandbox.join("large/file"), bytes(LARGE)).unwrap();
}

fn start_helper(namespace: &Namespace) {
    namespace.apply(&json!({"apiVersion": "v1", "kind": "List", "items": [
        {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "claim"},
         "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}},
        {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "helper"},
         "spec": {"restartPolicy": "Never", "volumes": [{"name": "claim", "persistentVolumeClaim": {"claimName": "claim"}}],
            "containers": [{"name": "helper", "image": "busybox:1.36", "command": ["sleep", "3600"],
                "volumeMounts": [{"name": "claim", "mountPath": "/mnt/claim"}]}]}},
    ]}));
    succeed(namespace.kubectl().args(["wait", "--for=condition=Ready", "pod/helper", "--timeout=300s"]));
}

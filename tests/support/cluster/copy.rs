//! `kubectl cp` into a pod with a claim, as the guide copies kits: many small files and a large one.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::Path;
use std::time::Duration;

use serde_json::json;

use super::namespace::Namespace;
use super::run::{measured, succeed};
use crate::random::Random;

/// What is copied.
#[derive(Debug, Clone, Copy)]
pub struct Load {
    /// The name for tables.
    pub shown: &'static str,
    /// The number of files.
    pub files: usize,
    /// The size of each, in bytes.
    pub each: usize,
}

/// Many files, whose number dominates.
pub const SMALL: Load = Load { shown: "5,000 files of 2 kB", files: 5_000, each: 2_000 };
/// A file whose size dominates.
pub const LARGE: Load = Load { shown: "one file of 256 MiB", files: 1, each: 256 << 20 };
/// A file that must not be held in memory.
pub const HUGE: Load = Load { shown: "one file of 1 GiB", files: 1, each: 1 << 30 };

/// The size of one piece of a large file, in bytes.
const PIECE: usize = 1 << 20;

impl Load {
    /// Writes the files into a new directory: incompressible bytes, all pieces different.
    pub fn make(self, directory: &Path) {
        let mut random = Random::new(1);
        let mut piece: Vec<u8> =
            std::iter::repeat_with(|| random.next_bits().to_le_bytes()).flatten().take(PIECE.min(self.each)).collect();
        let mut count = 0_u64;
        fs::create_dir_all(directory).unwrap();
        for index in 0..self.files {
            let mut file = File::create(directory.join(format!("file-{index}"))).unwrap();
            let mut left = self.each;
            while left > 0 {
                count += 1;
                piece[..8].copy_from_slice(&count.to_le_bytes());
                let now = left.min(piece.len());
                file.write_all(&piece[..now]).unwrap();
                left -= now;
            }
        }
    }
}

/// A busybox pod with its own claim.
#[derive(Debug)]
pub struct CopyPod<'a>(&'a Namespace);

impl<'a> CopyPod<'a> {
    /// Starts it.
    pub fn start(namespace: &'a Namespace) -> Self {
        namespace.apply(&json!({"apiVersion": "v1", "kind": "List", "items": [
            {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "claim"},
             "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}},
            {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "copy"},
             "spec": {"restartPolicy": "Never", "volumes": [{"name": "claim", "persistentVolumeClaim": {"claimName": "claim"}}],
                "containers": [{"name": "copy", "image": "busybox:1.36", "command": ["sleep", "7200"],
                    "volumeMounts": [{"name": "claim", "mountPath": "/mnt/claim"}]}]}},
        ]}));
        succeed(namespace.kubectl().args(["wait", "--for=condition=Ready", "pod/copy", "--timeout=300s"]));
        Self(namespace)
    }

    /// Copies a directory with a load, checks that all bytes arrived, and removes them; returns the time of only the copy.
    pub fn copy(&self, directory: &Path, load: Load) -> Duration {
        let (time, _) = measured(|| succeed(self.0.kubectl().arg("cp").arg(directory).arg("copy:/mnt/claim/copy")));
        let arrived = self.run("cat $(find /mnt/claim/copy -type f) | wc -c");
        assert_eq!(arrived.trim(), (load.files * load.each).to_string(), "bytes of {}", load.shown);
        self.run("rm -rf /mnt/claim/copy");
        time
    }

    /// Waits until the node has written everything to its disk, so that earlier writes do not affect the next measurement.
    pub fn settle(&self) {
        self.run("sync");
    }

    fn run(&self, script: &str) -> String {
        succeed(self.0.kubectl().args(["exec", "copy", "--", "sh", "-c", script]))
    }
}

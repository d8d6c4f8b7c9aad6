//! `kubectl cp` into a pod with a claim, as the guide copies kits: many small files and a large one.

use std::cell::Cell;
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
pub struct CopyPod<'a> {
    namespace: &'a Namespace,
    /// The number of copies that were made.
    copies: Cell<usize>,
}

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
        Self { namespace, copies: Cell::new(0) }
    }

    /// Copies a directory with a load into a new one, and checks that all bytes arrived; returns the time of only the copy.
    ///
    /// Small files stay until the namespace ends: an ext4 without a journal uses no inode of a file that was deleted in the last minutes, and
    /// looks at each of them whenever it creates another, so 5,000 files take seconds longer after 5,000 were deleted.
    pub fn copy(&self, directory: &Path, load: Load) -> Duration {
        self.copies.update(|copies| copies + 1);
        let copy = format!("/mnt/claim/copy-{}", self.copies.get());
        let (time, _) = measured(|| succeed(self.namespace.kubectl().arg("cp").arg(directory).arg(format!("copy:{copy}"))));
        let arrived = self.run(&format!("cat $(find {copy} -type f) | wc -c"));
        assert_eq!(arrived.trim(), (load.files * load.each).to_string(), "bytes of {}", load.shown);
        if load.files == 1 {
            self.run(&format!("rm -rf {copy}"));
        }
        time
    }

    /// Waits until the node has written everything to its disk, so that earlier writes do not affect the next measurement.
    pub fn settle(&self) {
        self.run("sync");
    }

    fn run(&self, script: &str) -> String {
        succeed(self.namespace.kubectl().args(["exec", "copy", "--", "sh", "-c", script]))
    }
}

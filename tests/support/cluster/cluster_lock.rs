//! Who may use the cluster at one time: many that share it, or one that measures or changes the node.
//!
//! A file lock, since nextest gives each test a process of its own; the machine has one, as what is measured is the machine.

use std::fs::{self, File};

use crate::cache_directory;

/// A lock on the tests' cluster, shared or exclusive, which is released with this value.
#[derive(Debug)]
pub struct ClusterLock {
    /// Whether nobody else has one.
    pub exclusive: bool,
    _lock: File,
}

impl ClusterLock {
    /// Waits until nobody holds it exclusively.
    pub fn shared() -> Self {
        let lock = file();
        lock.lock_shared().unwrap();
        Self { exclusive: false, _lock: lock }
    }

    /// Waits until nobody else holds it.
    pub fn exclusive() -> Self {
        let lock = file();
        lock.lock().unwrap();
        Self { exclusive: true, _lock: lock }
    }
}

fn file() -> File {
    let directory = cache_directory();
    fs::create_dir_all(&directory).unwrap();
    File::create(directory.join("cluster-tests.lock")).unwrap()
}

//! A lock on the cluster: shared by many tests, or exclusive for one that measures or changes the node.
//!
//! A file lock, since nextest runs each test in its own process; there is one per machine, since it is the machine that is measured.

use std::fs::{self, File};

use crate::cache_directory;

/// A lock on the tests' cluster, shared or exclusive, which is released when this value is dropped.
#[derive(Debug)]
pub struct ClusterLock {
    /// Whether it is exclusive.
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

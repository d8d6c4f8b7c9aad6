//! A lock on the clusters of the tests: shared by many tests, exclusive for one that changes the node, or for one that measures.
//!
//! File locks, since nextest runs each test in its own process; there is one set per machine, since it is the machine that is measured.

use std::fs::{self, File};

use crate::cache_directory;

/// A lock on the tests' clusters, which is released when this value is dropped.
#[derive(Debug)]
pub struct ClusterLock {
    /// Whether no other test uses the cluster.
    pub exclusive: bool,
    _locks: Vec<File>,
}

impl ClusterLock {
    /// Waits until nobody holds the machine.
    pub fn shared() -> Self {
        Self { exclusive: false, _locks: vec![shared_machine()] }
    }

    /// Waits until nobody uses the second cluster or holds the machine.
    pub fn second() -> Self {
        let machine = shared_machine();
        let cluster = file("second-cluster-tests.lock");
        cluster.lock().unwrap();
        Self { exclusive: true, _locks: vec![cluster, machine] }
    }

    /// Waits until nobody else uses a cluster of the tests.
    pub fn machine() -> Self {
        let machine = file("cluster-tests.lock");
        machine.lock().unwrap();
        Self { exclusive: true, _locks: vec![machine] }
    }
}

fn shared_machine() -> File {
    let machine = file("cluster-tests.lock");
    machine.lock_shared().unwrap();
    machine
}

fn file(name: &str) -> File {
    let directory = cache_directory();
    fs::create_dir_all(&directory).unwrap();
    File::create(directory.join(name)).unwrap()
}

//! Who may use the cluster at one time: many that share it, or one that measures or changes the node.
//!
//! A file lock, since nextest gives each test a process of its own; the machine has one, as what is measured is the machine.

use std::fs::{self, File};

use crate::cache_folder;

/// A turn on the cluster, which ends with this value.
#[derive(Debug)]
pub struct Turn {
    /// Whether nobody else has one.
    pub alone: bool,
    _lock: File,
}

impl Turn {
    /// Waits until nobody is alone.
    pub fn shared() -> Self {
        let lock = file();
        lock.lock_shared().unwrap();
        Self { alone: false, _lock: lock }
    }

    /// Waits until nobody else has a turn.
    pub fn alone() -> Self {
        let lock = file();
        lock.lock().unwrap();
        Self { alone: true, _lock: lock }
    }
}

fn file() -> File {
    let folder = cache_folder();
    fs::create_dir_all(&folder).unwrap();
    File::create(folder.join("cluster-tests.lock")).unwrap()
}

//! The report of a removal.

use serde::Serialize;

/// What was removed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unstaged {
    /// The namespace.
    pub namespace: String,
    /// What was removed, or with `dry_run` would be.
    pub removed: Vec<Removed>,
}

/// Something that was removed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Removed {
    /// The kind of an object, or a part of one, such as `annotations of PersistentVolumeClaim`.
    pub kind: &'static str,
    /// Its name.
    pub name: String,
}

//! Reads fixture kits into trees and changes them.

use std::path::{Path, PathBuf};

use flare_diagnostic::{Checked, Code, Faults};
use flare_file_tree::{FileTree, ReadOptions, RelativePath};
use flare_startup_kit::StartupKit;

/// 2027-01-15: after the fixtures were made, and long before their certificates expire.
pub(crate) const NOW: i64 = 1_800_000_000;

pub(crate) fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/kits")
}

pub(crate) fn tree(kit: &str) -> FileTree {
    FileTree::read(&fixtures().join(kit), &ReadOptions::new(Code::InvalidKit)).unwrap_or_else(|faults| panic!("{faults}"))
}

pub(crate) fn put(tree: &mut FileTree, path: &str, bytes: impl Into<Vec<u8>>) {
    tree.insert_file(RelativePath::new(path).unwrap(), bytes, 0o644);
}

pub(crate) fn read(tree: &FileTree) -> Result<Checked<StartupKit>, Faults> {
    StartupKit::read(tree, "directory", NOW)
}

/// The messages of all faults; none if the kit is valid.
pub(crate) fn faults(tree: &FileTree) -> Vec<String> {
    read(tree).err().map(|faults| faults.all().iter().map(ToString::to_string).collect()).unwrap_or_default()
}

pub(crate) fn warnings(tree: &FileTree) -> Vec<String> {
    read(tree).unwrap().warnings.iter().map(ToString::to_string).collect()
}

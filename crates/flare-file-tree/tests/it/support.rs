//! Trees, and views of the disk, that several tests share.

use std::path::Path;

use flare_diagnostic::Code;
use flare_file_tree::{Destination, FileTree, ReadOptions, RelativePath};

pub(crate) fn path(text: &str) -> RelativePath {
    RelativePath::new(text).unwrap()
}

/// A small kit; `mark` is in its content, and decides a part of its shape.
pub(crate) fn kit(mark: &str) -> FileTree {
    let mut tree = FileTree::new();
    tree.insert_file(path("startup/client.key"), format!("key {mark}"), 0o600);
    tree.insert_file(path("startup/start.sh"), "#!/bin/sh\n", 0o755);
    tree.insert_file(path("local/resources.json.default"), mark.repeat(100), 0o644);
    tree.insert_file(path("local/empty"), "", 0o400);
    tree.insert_directory(path("transfer"), 0o700);
    tree.insert_file(path(&format!("only-{mark}/deep/er/file")), mark, 0o640);
    tree.insert_directory(path(&format!("only-{mark}/deep")), 0o500);
    tree.set_mode(0o750);
    tree
}

pub(crate) fn options() -> ReadOptions {
    ReadOptions::new(Code::InvalidKit)
}

pub(crate) fn read(directory: &Path) -> FileTree {
    FileTree::read(directory, &options()).unwrap()
}

/// The tree at a path; `None` if there is nothing.
pub(crate) fn standing(directory: &Path) -> Option<FileTree> {
    match Destination::inspect(directory).unwrap() {
        Destination::Absent => None,
        _ => Some(read(directory)),
    }
}

/// The names in a directory, sorted.
pub(crate) fn names(directory: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

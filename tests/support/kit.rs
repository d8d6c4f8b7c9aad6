//! A startup kit in memory, which can be changed and written to disk.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use serde_json::Value;

/// An entry of a kit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entry {
    /// A directory and its mode.
    Directory(u32),
    /// A file and its mode.
    File(Vec<u8>, u32),
    /// A symbolic link and its target.
    Link(String),
}

/// A directory tree: entries by relative path with `/`; the root is the empty path.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tree(pub BTreeMap<String, Entry>);

impl Tree {
    /// Reads a directory, including modes.
    pub fn read(directory: &Path) -> Self {
        let mut tree = Self::default();
        tree.read_below(directory, "");
        tree
    }

    fn read_below(&mut self, path: &Path, relative: &str) {
        let metadata = fs::symlink_metadata(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let mode = metadata.permissions().mode() & 0o7777;
        if metadata.is_symlink() {
            let target = fs::read_link(path).unwrap().to_string_lossy().into_owned();
            self.0.insert(relative.to_owned(), Entry::Link(target));
        } else if metadata.is_dir() {
            self.0.insert(relative.to_owned(), Entry::Directory(mode));
            for child in fs::read_dir(path).unwrap() {
                let child = child.unwrap();
                let name = child.file_name().to_string_lossy().into_owned();
                let below = if relative.is_empty() { name } else { format!("{relative}/{name}") };
                self.read_below(&child.path(), &below);
            }
        } else {
            self.0.insert(relative.to_owned(), Entry::File(fs::read(path).unwrap(), mode));
        }
    }

    /// Writes the tree as `directory`, which must not exist; its parents are made.
    pub fn write(&self, directory: &Path) {
        fs::create_dir_all(directory.parent().expect("a kit has a parent directory")).unwrap();
        for (relative, entry) in &self.0 {
            let path = if relative.is_empty() { directory.to_path_buf() } else { directory.join(relative) };
            match entry {
                Entry::Directory(_) => fs::create_dir_all(&path).unwrap(),
                Entry::Link(target) => symlink(target, &path).unwrap(),
                Entry::File(bytes, mode) => {
                    fs::create_dir_all(path.parent().unwrap()).unwrap();
                    fs::write(&path, bytes).unwrap();
                    fs::set_permissions(&path, fs::Permissions::from_mode(*mode)).unwrap();
                }
            }
        }
        // Directory modes last, and children before parents: a directory without write permission accepts no children.
        for (relative, entry) in self.0.iter().rev() {
            if let Entry::Directory(mode) = entry {
                let path = if relative.is_empty() { directory.to_path_buf() } else { directory.join(relative) };
                fs::set_permissions(path, fs::Permissions::from_mode(*mode)).unwrap();
            }
        }
    }

    /// Whether there is an entry at `path`.
    pub fn has(&self, path: &str) -> bool {
        self.0.contains_key(path)
    }

    /// Puts a file at `path`, with the mode of the previous one or 0644; directories above it are made.
    pub fn put(&mut self, path: &str, bytes: impl Into<Vec<u8>>) {
        let mode = match self.0.get(path) {
            Some(Entry::File(_, mode)) => *mode,
            _ => 0o644,
        };
        self.put_mode(path, bytes, mode);
    }

    /// Puts a file at `path` with this mode; directories above it are made.
    pub fn put_mode(&mut self, path: &str, bytes: impl Into<Vec<u8>>, mode: u32) {
        self.put_directories_above(path);
        self.0.insert(path.to_owned(), Entry::File(bytes.into(), mode));
    }

    /// Puts an empty directory at `path`; directories above it are made.
    pub fn put_directory(&mut self, path: &str, mode: u32) {
        self.put_directories_above(path);
        self.0.insert(path.to_owned(), Entry::Directory(mode));
    }

    fn put_directories_above(&mut self, path: &str) {
        for (end, _) in path.match_indices('/') {
            self.0.entry(path[..end].to_owned()).or_insert(Entry::Directory(0o755));
        }
    }

    /// Removes the entries at and below `path`.
    pub fn remove(&mut self, path: &str) {
        let below = format!("{path}/");
        self.0.retain(|key, _| key != path && !key.starts_with(&below));
    }

    /// The bytes of a file.
    pub fn bytes(&self, path: &str) -> &[u8] {
        match self.0.get(path) {
            Some(Entry::File(bytes, _)) => bytes,
            other => panic!("`{path}` is not a file of the kit: {other:?}"),
        }
    }

    /// A JSON file of the kit.
    pub fn json(&self, path: &str) -> Value {
        serde_json::from_slice(self.bytes(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    /// Puts a JSON file at `path`.
    pub fn put_json(&mut self, path: &str, value: &Value) {
        self.put(path, serde_json::to_vec_pretty(value).unwrap());
    }

    /// Changes a JSON file of the kit.
    pub fn edit_json(&mut self, path: &str, edit: impl FnOnce(&mut Value)) {
        let mut value = self.json(path);
        edit(&mut value);
        self.put_json(path, &value);
    }
}

#[cfg(test)]
mod tests {
    use super::{Entry, Tree};

    #[test]
    fn a_tree_is_read_as_it_was_written() {
        let mut tree = Tree::default();
        tree.put_directory("", 0o750);
        tree.put_mode("startup/a.sh", "x", 0o700);
        tree.put_directory("read-only/empty", 0o500);
        tree.0.insert("link".to_owned(), Entry::Link("startup/a.sh".to_owned()));
        let directory = tempfile::tempdir().unwrap();
        tree.write(&directory.path().join("kit"));
        assert_eq!(Tree::read(&directory.path().join("kit")), tree);
        tree.remove("startup");
        assert!(!tree.has("startup/a.sh"));
    }
}

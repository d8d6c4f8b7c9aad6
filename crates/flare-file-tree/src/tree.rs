//! The tree itself.

use std::{collections::BTreeMap, path::{Path, PathBuf}};

use crate::RelativePath;

/// What a file holds.
#[derive(Clone, PartialEq, Eq)]
pub enum Content {
    /// The bytes.
    Bytes(Vec<u8>),
    /// A large file that stays where it is until it is copied at commit: its absolute path and its length in bytes.
    OnDisk {
        /// Where the file stands.
        source: PathBuf,
        /// Its length when it was found.
        length: u64,
    },
}

/// A file or a folder of a tree. Modes are the permission bits (`0o7777`) of Unix.
#[derive(Clone, PartialEq, Eq)]
pub enum Entry {
    /// A regular file.
    File {
        /// What it holds.
        content: Content,
        /// Its permission bits.
        mode: u32,
    },
    /// A folder, listed so that empty ones and modes survive.
    Folder {
        /// Its permission bits.
        mode: u32,
    },
}

/// A folder as a sorted map of paths to entries. Every folder on the way to a file is listed itself.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct FileTree {
    entries: BTreeMap<RelativePath, Entry>,
}

impl FileTree {
    /// An empty folder.
    pub fn new() -> Self {
        Self::default()
    }

    /// The bytes of a file; `None` where there is no file of that path, or it is one that stays on disk.
    pub fn bytes(&self, path: &str) -> Option<&[u8]> {
        match self.get(path)? {
            Entry::File { content: Content::Bytes(bytes), .. } => Some(bytes),
            _ => None,
        }
    }

    /// The entry of a path.
    pub fn get(&self, path: &str) -> Option<&Entry> {
        self.entries.get(Path::new(path))
    }

    /// Whether there is a file of that path.
    pub fn is_file(&self, path: &str) -> bool {
        matches!(self.get(path), Some(Entry::File { .. }))
    }

    /// Puts a file in, in place of what stood there; the folders above it are made with mode 0755 where missing.
    pub fn insert_file(&mut self, path: RelativePath, bytes: impl Into<Vec<u8>>, mode: u32) {
        self.make_parents(&path);
        self.entries.insert(path, Entry::File { content: Content::Bytes(bytes.into()), mode });
    }

    /// Takes an entry out, a folder with all that is below it.
    pub fn remove(&mut self, path: &str) -> bool {
        let root = Path::new(path);
        let before = self.entries.len();
        self.entries.retain(|entry, _| !entry.as_path().starts_with(root));
        self.entries.len() < before
    }

    /// All entries, sorted by path, a folder before what is in it.
    pub fn iter(&self) -> impl Iterator<Item = (&RelativePath, &Entry)> {
        self.entries.iter()
    }

    fn make_parents(&mut self, path: &RelativePath) {
        for folder in path.as_path().ancestors().skip(1).filter(|folder| *folder != Path::new("")) {
            if let Ok(folder) = RelativePath::new(folder) {
                self.entries.entry(folder).or_insert(Entry::Folder { mode: 0o755 });
            }
        }
    }
}

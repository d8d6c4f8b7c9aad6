//! The tree itself: what it holds and the operations that need no disk.

use std::{
    collections::BTreeMap,
    fmt,
    ops::Bound,
    path::{Path, PathBuf},
};

use crate::RelativePath;

/// The default mode of a directory: readable by all, writable by its owner.
const DIRECTORY_MODE: u32 = 0o755;

/// The content of a file.
#[derive(Clone, PartialEq, Eq)]
pub enum Content {
    /// The bytes.
    Bytes(Vec<u8>),
    /// A large file that stays on disk until it is copied at commit.
    OnDisk {
        /// The absolute path of the file.
        source: PathBuf,
        /// Its length in bytes when it was found.
        length: u64,
    },
}

impl Content {
    /// The length in bytes.
    pub fn len(&self) -> u64 {
        match self {
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::OnDisk { length, .. } => *length,
        }
    }

    /// Whether it is empty.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Shows the length and never the bytes, which may be a private key.
impl fmt::Debug for Content {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bytes(bytes) => write!(formatter, "{} bytes", bytes.len()),
            Self::OnDisk { source, length } => write!(formatter, "{length} bytes in {source:?}"),
        }
    }
}

/// A file or a directory of a tree. Modes are the permission bits (`0o7777`) of Unix.
#[derive(Clone, PartialEq, Eq)]
pub enum Entry {
    /// A regular file.
    File {
        /// What it holds.
        content: Content,
        /// Its permission bits.
        mode: u32,
    },
    /// A directory, listed so that empty ones and modes survive.
    Directory {
        /// Its permission bits.
        mode: u32,
    },
}

impl Entry {
    /// The permission bits.
    pub fn mode(&self) -> u32 {
        match self {
            Self::File { mode, .. } | Self::Directory { mode } => *mode,
        }
    }

    /// Whether it is a directory.
    pub fn is_directory(&self) -> bool {
        matches!(self, Self::Directory { .. })
    }
}

impl fmt::Debug for Entry {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { content, mode } => write!(formatter, "file {mode:04o}, {content:?}"),
            Self::Directory { mode } => write!(formatter, "directory {mode:04o}"),
        }
    }
}

/// A directory as a sorted map of paths to entries.
///
/// Every directory above an entry is an entry itself, and nothing is ever below a file: each operation preserves this,
/// so that a tree can always be written.
#[derive(Clone, PartialEq, Eq)]
pub struct FileTree {
    entries: BTreeMap<RelativePath, Entry>,
    mode: u32,
}

impl Default for FileTree {
    fn default() -> Self {
        Self { entries: BTreeMap::new(), mode: DIRECTORY_MODE }
    }
}

/// Lists paths, modes and lengths, never content.
impl fmt::Debug for FileTree {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let entries = self.entries.iter().map(|(path, entry)| (path.as_path(), entry));
        write!(formatter, "directory {:04o} ", self.mode)?;
        formatter.debug_map().entries(entries).finish()
    }
}

impl FileTree {
    /// An empty directory of mode 0755.
    pub fn new() -> Self {
        Self::default()
    }

    /// The permission bits of the directory itself.
    pub fn mode(&self) -> u32 {
        self.mode
    }

    /// Sets the permission bits of the directory itself.
    pub fn set_mode(&mut self, mode: u32) {
        self.mode = mode & 0o7777;
    }

    /// How many files and directories there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is neither a file nor a directory.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The bytes of a file; `None` if there is no file of that path, or it stays on disk.
    pub fn bytes(&self, path: impl AsRef<Path>) -> Option<&[u8]> {
        match self.get(path)? {
            Entry::File { content: Content::Bytes(bytes), .. } => Some(bytes),
            _ => None,
        }
    }

    /// The entry of a path.
    pub fn get(&self, path: impl AsRef<Path>) -> Option<&Entry> {
        self.entries.get(path.as_ref())
    }

    /// Whether there is a file of that path.
    pub fn is_file(&self, path: impl AsRef<Path>) -> bool {
        matches!(self.get(path), Some(Entry::File { .. }))
    }

    /// Whether there is a directory of that path.
    pub fn is_directory(&self, path: impl AsRef<Path>) -> bool {
        matches!(self.get(path), Some(Entry::Directory { .. }))
    }

    /// Inserts a file, replacing what was there (including a whole directory). Missing directories above it are made
    /// with mode 0755, replacing files that are in the way.
    pub fn insert_file(&mut self, path: RelativePath, bytes: impl Into<Vec<u8>>, mode: u32) {
        self.insert(path, Entry::File { content: Content::Bytes(bytes.into()), mode });
    }

    /// Inserts a directory, or sets the mode of an existing one; the directories above it as in [`Self::insert_file`].
    pub fn insert_directory(&mut self, path: RelativePath, mode: u32) {
        self.insert(path, Entry::Directory { mode });
    }

    /// Inserts an entry, as [`Self::insert_file`] and [`Self::insert_directory`] do.
    pub fn insert(&mut self, path: RelativePath, entry: Entry) {
        let entry = match entry {
            Entry::File { content, mode } => Entry::File { content, mode: mode & 0o7777 },
            Entry::Directory { mode } => Entry::Directory { mode: mode & 0o7777 },
        };
        self.make_parents(&path);
        if !entry.is_directory() && self.is_directory(&path) {
            self.remove(&path);
        }
        self.entries.insert(path, entry);
    }

    /// Removes an entry, with everything below it if it is a directory. Returns whether there was one.
    pub fn remove(&mut self, path: impl AsRef<Path>) -> bool {
        match self.entries.remove(path.as_ref()) {
            None => return false,
            Some(Entry::File { .. }) => return true,
            Some(Entry::Directory { .. }) => {}
        }
        let below: Vec<_> = self.below(path.as_ref()).map(|(path, _)| path.clone()).collect();
        for path in below {
            self.entries.remove(&path);
        }
        true
    }

    /// All entries, sorted by path, a directory before what is in it.
    pub fn iter(&self) -> impl Iterator<Item = (&RelativePath, &Entry)> {
        self.entries.iter()
    }

    /// All files, sorted by path, with content and mode.
    pub fn files(&self) -> impl Iterator<Item = (&RelativePath, &Content, u32)> {
        self.entries.iter().filter_map(|(path, entry)| match entry {
            Entry::File { content, mode } => Some((path, content, *mode)),
            Entry::Directory { .. } => None,
        })
    }

    /// All entries below a directory, without the directory itself, with their full paths, sorted.
    pub fn below<'tree>(&'tree self, directory: &'tree Path) -> impl Iterator<Item = (&'tree RelativePath, &'tree Entry)> {
        self.entries
            .range::<Path, _>((Bound::Excluded(directory), Bound::Unbounded))
            .take_while(move |(path, _)| path.as_path().starts_with(directory))
    }

    /// A copy of a directory as a separate tree; `None` if there is no such directory.
    pub fn subtree(&self, directory: impl AsRef<Path>) -> Option<Self> {
        let directory = directory.as_ref();
        let Entry::Directory { mode } = self.get(directory)? else { return None };
        let entries = self.below(directory).filter_map(|(path, entry)| Some((path.below(directory)?, entry.clone()))).collect();
        Some(Self { entries, mode: *mode })
    }

    /// Merges another tree into a directory; entries that the other tree does not have stay. The
    /// directory gets the other tree's mode.
    pub fn graft(&mut self, directory: &RelativePath, tree: Self) {
        self.insert_directory(directory.clone(), tree.mode);
        for (path, entry) in tree.entries {
            self.insert(directory.join(&path), entry);
        }
    }

    /// Merges another tree over this one; entries that it does not have stay, as does the mode of the directory itself.
    pub fn merge(&mut self, tree: Self) {
        for (path, entry) in tree.entries {
            self.insert(path, entry);
        }
    }

    fn make_parents(&mut self, path: &RelativePath) {
        let parents = path.as_path().ancestors().skip(1).filter(|directory| *directory != Path::new(""));
        for directory in parents {
            // Its parents exist too: every operation preserves this.
            if self.is_directory(directory) {
                return;
            }
            let directory = RelativePath::new(directory).expect("what is above a relative path is one, or empty");
            self.entries.insert(directory, Entry::Directory { mode: DIRECTORY_MODE });
        }
    }
}

impl AsRef<Path> for RelativePath {
    fn as_ref(&self) -> &Path {
        self.as_path()
    }
}

//! Which parts of a directory are read, and which stay on disk.

use std::{ffi::OsString, path::PathBuf};

use flare_diagnostic::Code;

/// Options of [`crate::FileTree::read`].
#[derive(Debug, Clone)]
pub struct ReadOptions {
    /// The code of every fault, for example [`Code::InvalidKit`].
    pub code: Code,
    /// Paths that are left out with everything below them: relative to the directory, or absolute.
    pub excluded: Vec<PathBuf>,
    /// Files longer than this, in bytes, stay on disk until they are copied.
    pub on_disk_above: u64,
    /// The memory limit, in bytes, for all files together that may stay on disk; the rest stays there.
    pub memory: u64,
    /// Directories whose files are always read into memory, because their content is needed.
    pub in_memory: Vec<PathBuf>,
    /// A file that stands in one of those directories itself and is longer than this, in bytes, is a fault; further down it stays on disk.
    pub in_memory_limit: u64,
    /// Directories whose own files are read into memory even if the memory of [`Self::memory`] is used up, because their content is
    /// needed. Those longer than [`Self::on_disk_above`] stay on disk.
    pub own_files_in_memory: Vec<PathBuf>,
    /// More files and directories than this are a fault: the path is probably the wrong one.
    pub entries: usize,
    /// A directory below the root that contains a file of this name is left out, because it belongs to
    /// something else.
    pub not_with: Option<OsString>,
}

impl ReadOptions {
    /// Leaves nothing out; files above 4 `MiB` each or 64 `MiB` together stay on disk.
    pub fn new(code: Code) -> Self {
        Self {
            code,
            excluded: Vec::new(),
            on_disk_above: 4 << 20,
            memory: 64 << 20,
            in_memory: Vec::new(),
            in_memory_limit: 64 << 20,
            own_files_in_memory: Vec::new(),
            entries: 1_000_000,
            not_with: None,
        }
    }

    /// Leaves a path out, with everything below it.
    #[must_use]
    pub fn exclude(mut self, path: impl Into<PathBuf>) -> Self {
        self.excluded.push(path.into());
        self
    }

    /// Leaves out every directory below the root that contains a file of this name.
    #[must_use]
    pub fn not_with(mut self, file: impl Into<OsString>) -> Self {
        self.not_with = Some(file.into());
        self
    }

    /// Reads the files of a directory into memory, up to `in_memory_limit` each.
    #[must_use]
    pub fn in_memory(mut self, directory: impl Into<PathBuf>) -> Self {
        self.in_memory.push(directory.into());
        self
    }

    /// Reads the files that stand in a directory itself into memory, up to `on_disk_above` each.
    #[must_use]
    pub fn own_files_in_memory(mut self, directory: impl Into<PathBuf>) -> Self {
        self.own_files_in_memory.push(directory.into());
        self
    }
}

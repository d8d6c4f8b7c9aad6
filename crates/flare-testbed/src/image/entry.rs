//! The content of a layer: directories, files and links, in the order of their paths.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    fs, io,
    os::unix::fs::{FileTypeExt as _, MetadataExt as _},
    path::{Path, PathBuf},
};

/// One entry of a layer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct LayerEntry {
    /// The permission bits.
    pub(super) mode: u32,
    /// Numbers of user and group.
    pub(super) owner: (u32, u32),
    /// What it is.
    pub(super) content: LayerContent,
}

/// The kind of an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum LayerContent {
    /// A directory.
    Directory,
    /// A file, with the path of its bytes.
    File(PathBuf),
    /// A hard link to an earlier file.
    SameAs(String),
    /// A symbolic link.
    Link(PathBuf),
}

/// Entries by path: relative, without `.` and `..`, with `/` between names. A directory comes before its content.
pub(super) type Entries = BTreeMap<String, LayerEntry>;

impl LayerEntry {
    /// An entry that belongs to root.
    pub(super) fn of_root(mode: u32, content: LayerContent) -> Self {
        Self { mode, owner: (0, 0), content }
    }
}

/// Reads a directory. `keep` is called for everything except directories, and for directories in which nothing was kept; the
/// directories above a kept entry are kept too. Devices and sockets are left out.
pub(super) fn read(root: &Path, keep: &dyn Fn(&str) -> bool) -> io::Result<Entries> {
    let mut all = BTreeMap::new();
    list(root, "", &mut all)?;
    let kept: BTreeSet<&str> = all.keys().map(String::as_str).filter(|path| keep(path)).flat_map(with_those_above).collect();
    let mut first_names = HashMap::new();
    let mut entries = Entries::new();
    for (path, metadata) in &all {
        if kept.contains(path.as_str())
            && let Some(content) = content(root, path, metadata, &mut first_names)?
        {
            let owner = (metadata.uid(), metadata.gid());
            entries.insert(path.clone(), LayerEntry { mode: metadata.mode() & 0o7777, owner, content });
        }
    }
    Ok(entries)
}

fn list(root: &Path, below: &str, all: &mut BTreeMap<String, fs::Metadata>) -> io::Result<()> {
    for entry in fs::read_dir(root.join(below))? {
        let entry = entry?;
        let name = entry.file_name();
        let not_text = || io::Error::other(format!("the name `{}` in `{below}` is not UTF-8", name.display()));
        let name = name.to_str().ok_or_else(not_text)?;
        let path = if below.is_empty() { name.to_owned() } else { format!("{below}/{name}") };
        let metadata = entry.path().symlink_metadata()?;
        if metadata.is_dir() {
            list(root, &path, all)?;
        }
        all.insert(path, metadata);
    }
    Ok(())
}

/// A path and the directories above it.
fn with_those_above(path: &str) -> impl Iterator<Item = &str> {
    path.match_indices('/').map(|(end, _)| &path[..end]).chain([path])
}

fn content(
    root: &Path,
    path: &str,
    metadata: &fs::Metadata,
    first_names: &mut HashMap<(u64, u64), String>,
) -> io::Result<Option<LayerContent>> {
    let place = root.join(path);
    let kind = metadata.file_type();
    Ok(if kind.is_dir() {
        Some(LayerContent::Directory)
    } else if kind.is_symlink() {
        Some(LayerContent::Link(fs::read_link(place)?))
    } else if kind.is_block_device() || kind.is_char_device() || kind.is_fifo() || kind.is_socket() {
        None
    } else if metadata.nlink() == 1 {
        Some(LayerContent::File(place))
    } else {
        let first = first_names.entry((metadata.dev(), metadata.ino())).or_insert_with(|| path.to_owned());
        Some(if first == path { LayerContent::File(place) } else { LayerContent::SameAs(first.clone()) })
    })
}

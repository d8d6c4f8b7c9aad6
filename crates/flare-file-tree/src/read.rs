//! Takes a folder in, strictly.
//!
//! Folders and files are opened relative to their open parent and never through a link, so that somebody who swaps
//! names while we read can make us fail but cannot lead us elsewhere.

use std::{
    ffi::{OsStr, OsString},
    os::{
        fd::{AsFd as _, BorrowedFd, OwnedFd},
        unix::ffi::{OsStrExt as _, OsStringExt as _},
    },
    path::{Component, Path, PathBuf},
};

use flare_diagnostic::{Code, Diagnostic, Faults, Place};
use rustix::{
    fs::{AtFlags, CWD, Dir, FileType, Mode, OFlags, fstat, openat, statat},
    io::Errno,
};

use crate::{
    Content, Entry, FileTree, RelativePath,
    error::{reason, shown},
    place::is_temporary,
    source::{READ_STRICTLY, kind, kind_name, length, read_open},
};

/// Folders may be nested this deep: far more than any kit, and so few that open folders cannot run out.
const DEEPEST: usize = 128;

/// How [`FileTree::read`] reads.
#[derive(Debug, Clone)]
pub struct ReadOptions {
    /// The code of every fault, for example [`Code::InvalidKit`].
    pub code: Code,
    /// Paths that are left out with all that is below them: relative to the folder, or absolute.
    pub excluded: Vec<PathBuf>,
    /// Files longer than this, in bytes, stay on disk until they are copied.
    pub on_disk_above: u64,
    /// All files that may stay on disk take at most this much memory together, in bytes; the rest stays there.
    pub memory: u64,
    /// Folders whose files are always taken into memory, since somebody looks into them.
    pub in_memory: Vec<PathBuf>,
    /// A file in one of those folders that is longer than this, in bytes, is a fault.
    pub in_memory_limit: u64,
    /// More files and folders than this are a fault: the path is not the one that was meant.
    pub entries: usize,
}

impl ReadOptions {
    /// Leaves nothing out; large files stay on disk: above 4 `MiB` each, or 64 `MiB` together.
    pub fn new(code: Code) -> Self {
        Self {
            code,
            excluded: Vec::new(),
            on_disk_above: 4 << 20,
            memory: 64 << 20,
            in_memory: Vec::new(),
            in_memory_limit: 64 << 20,
            entries: 1_000_000,
        }
    }

    /// Leaves a path out, with all that is below it.
    #[must_use]
    pub fn exclude(mut self, path: impl Into<PathBuf>) -> Self {
        self.excluded.push(path.into());
        self
    }

    /// Takes the files of a folder into memory, however long they are.
    #[must_use]
    pub fn in_memory(mut self, folder: impl Into<PathBuf>) -> Self {
        self.in_memory.push(folder.into());
        self
    }
}

impl FileTree {
    /// Reads a folder with modes, empty folders and all.
    ///
    /// The folder itself may be given through a link. Below it everything but files and folders is a fault, and so is
    /// what cannot be read or vanishes meanwhile; all faults are reported, sorted by path, each with its path. Nothing
    /// that is a pipe or a device is opened. Temporary folders that a killed [`commit`](crate::commit) left are passed over.
    pub fn read(root: &Path, options: &ReadOptions) -> Result<Self, Faults> {
        let folder = open_root(root, options.code)?;
        let mut reader =
            Reader { root, options, excluded: excluded(root, options), tree: Self::new(), faults: Vec::new(), memory: 0 };
        match fstat(&folder) {
            Ok(stat) => reader.tree.set_mode(stat.st_mode),
            Err(errno) => reader.unreadable(Path::new(""), errno),
        }
        reader.folder(folder, Path::new(""), 1);
        if reader.tree.len() > options.entries {
            reader.fault(
                Path::new(""),
                &format!("has more than {} files and folders", options.entries),
                "check that it is the folder you meant",
            );
        }
        let Reader { tree, mut faults, .. } = reader;
        faults.sort_by(|(left, _), (right, _)| left.cmp(right));
        Faults::check(faults.into_iter().map(|(_, fault)| fault).collect(), || tree)
    }
}

fn open_root(root: &Path, code: Code) -> Result<OwnedFd, Faults> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    openat(CWD, root, flags, Mode::empty()).map_err(|errno| {
        let (message, hint) = match errno {
            Errno::NOENT => (format!("there is no folder `{}`", shown(root)), "check the path"),
            Errno::NOTDIR => (format!("`{}` is not a folder", shown(root)), "give the path of a folder"),
            _ => (format!("cannot read `{}`: {}", shown(root), reason(&errno.into())), "make the folder readable"),
        };
        Diagnostic::error(code, message).hint(hint).at(Place::from(root)).into()
    })
}

/// The excluded paths as paths below the root; those that are not below it exclude nothing.
fn excluded(root: &Path, options: &ReadOptions) -> Vec<PathBuf> {
    let mut canonical_root = None;
    let below_root = |path: &PathBuf| {
        let below = if path.is_absolute() {
            path.strip_prefix(root).ok().map(Path::to_owned).or_else(|| {
                let root = canonical_root.get_or_insert_with(|| canonical(root));
                canonical(path).strip_prefix(root).ok().map(Path::to_owned)
            })?
        } else {
            path.components().filter(|component| *component != Component::CurDir).collect()
        };
        RelativePath::new(below).ok().map(|path| path.as_path().to_owned())
    };
    options.excluded.iter().filter_map(below_root).collect()
}

/// The path with all links resolved, as far as it exists.
#[expect(clippy::disallowed_methods, reason = "this crate is where the disk is read")]
pub(crate) fn canonical(path: &Path) -> PathBuf {
    for existing in path.ancestors() {
        if let (Ok(resolved), Ok(rest)) = (std::fs::canonicalize(existing), path.strip_prefix(existing)) {
            return resolved.components().chain(rest.components()).collect();
        }
    }
    path.to_owned()
}

struct Reader<'run> {
    root: &'run Path,
    options: &'run ReadOptions,
    excluded: Vec<PathBuf>,
    tree: FileTree,
    faults: Vec<(PathBuf, Diagnostic)>,
    /// Bytes of files in memory that might have stayed on disk.
    memory: u64,
}

impl Reader<'_> {
    fn folder(&mut self, folder: OwnedFd, path: &Path, depth: usize) {
        if depth > DEEPEST {
            return self.fault(
                path,
                &format!("is nested more than {DEEPEST} folders deep"),
                "check that it is the folder you meant",
            );
        }
        let listed = Dir::new(folder).and_then(|mut folder| Ok((list(&mut folder)?, folder)));
        let (names, folder) = match listed {
            Ok(listed) => listed,
            Err(errno) => return self.unreadable(path, errno),
        };
        let folder = match folder.fd() {
            Ok(folder) => folder,
            Err(errno) => return self.unreadable(path, errno),
        };
        for (name, listed_kind) in names {
            let path = path.join(&name);
            if self.tree.len() > self.options.entries {
                return;
            }
            if !self.excluded.contains(&path) {
                self.entry(folder, &name, listed_kind, path, depth);
            }
        }
    }

    fn entry(&mut self, folder: BorrowedFd<'_>, name: &OsStr, listed: FileType, path: PathBuf, depth: usize) {
        // Some file systems do not list the kind.
        let kind = if listed == FileType::Unknown {
            match statat(folder, name, AtFlags::SYMLINK_NOFOLLOW) {
                Ok(stat) => kind(&stat),
                Err(errno) => return self.unreadable(&path, errno),
            }
        } else {
            listed
        };
        match kind {
            FileType::RegularFile => self.file(folder, name, path),
            FileType::Directory if is_temporary(name) => {}
            FileType::Directory => self.subfolder(folder, name, &path, depth),
            other => self.refused(&path, other),
        }
    }

    fn subfolder(&mut self, folder: BorrowedFd<'_>, name: &OsStr, path: &Path, depth: usize) {
        let opened = openat(folder, name, READ_STRICTLY | OFlags::DIRECTORY, Mode::empty());
        match opened.and_then(|opened| Ok((fstat(&opened)?.st_mode, opened))) {
            Ok((mode, opened)) => {
                if let Ok(relative) = RelativePath::new(path) {
                    self.tree.insert_folder(relative, mode);
                }
                self.folder(opened, path, depth + 1);
            }
            Err(errno) => self.unreadable(path, errno),
        }
    }

    fn file(&mut self, folder: BorrowedFd<'_>, name: &OsStr, path: PathBuf) {
        let opened = openat(folder, name, READ_STRICTLY, Mode::empty());
        let (file, stat) = match opened.and_then(|file| Ok((fstat(file.as_fd())?, file))) {
            Ok((stat, file)) => (file, stat),
            Err(errno) => return self.unreadable(&path, errno),
        };
        // Another thing may have taken the name since the folder was listed.
        if kind(&stat) != FileType::RegularFile {
            return self.refused(&path, kind(&stat));
        }
        let length = length(&stat);
        let wanted = self.options.in_memory.iter().any(|folder| path.starts_with(folder));
        let room = self.options.memory.saturating_sub(self.memory).min(self.options.on_disk_above);
        let limit = if wanted { self.options.in_memory_limit } else { room };
        let content = match read_open(file, length, limit) {
            Ok(Some(bytes)) => Content::Bytes(bytes),
            Ok(None) if wanted => {
                return self.fault(
                    &path,
                    &format!("is longer than {limit} bytes"),
                    "take it out of the folder, or make it shorter",
                );
            }
            Ok(None) => Content::OnDisk { source: canonical(self.root).join(&path), length },
            Err(error) => return self.unreadable(&path, Errno::from_io_error(&error).unwrap_or(Errno::IO)),
        };
        if !wanted && matches!(content, Content::Bytes(_)) {
            self.memory += content.len();
        }
        if let Ok(relative) = RelativePath::new(path) {
            self.tree.insert(relative, Entry::File { content, mode: stat.st_mode });
        }
    }

    fn refused(&mut self, path: &Path, kind: FileType) {
        let hint = match kind {
            FileType::Symlink => "put the file or folder itself in the place of the link",
            _ => "take it out of the folder",
        };
        self.fault(path, &format!("is {}", kind_name(kind)), hint);
    }

    fn unreadable(&mut self, path: &Path, errno: Errno) {
        match errno {
            // What the flag against links answers.
            Errno::LOOP => self.refused(path, FileType::Symlink),
            Errno::NXIO => self.refused(path, FileType::Socket),
            Errno::NOENT => {
                self.fault(path, "vanished while the folder was being read", "run again when nobody changes the folder");
            }
            _ => self.fault(
                path,
                &format!("cannot be read: {}", reason(&errno.into())),
                "make it readable, or take it out of the folder",
            ),
        }
    }

    fn fault(&mut self, path: &Path, what: &str, hint: &str) {
        let place = if path == Path::new("") { self.root.to_owned() } else { self.root.join(path) };
        let named = if path == Path::new("") { self.root } else { path };
        let fault = Diagnostic::error(self.options.code, format!("`{}` {what}", shown(named))).hint(hint);
        self.faults.push((path.to_owned(), fault.at(Place::from(place.as_path()))));
    }
}

/// Names and kinds in a folder, sorted, without `.` and `..`.
fn list(folder: &mut Dir) -> Result<Vec<(OsString, FileType)>, Errno> {
    let mut names = Vec::new();
    while let Some(entry) = folder.read() {
        let entry = entry?;
        let name = entry.file_name().to_bytes();
        if name != b"." && name != b".." {
            names.push((OsString::from_vec(name.to_vec()), entry.file_type()));
        }
    }
    names.sort_by(|(left, _), (right, _)| left.as_bytes().cmp(right.as_bytes()));
    Ok(names)
}

//! Reads a directory strictly.
//!
//! Directories and files are opened relative to their open parent and never through a link, so that somebody who swaps
//! names meanwhile can make the read fail but cannot lead it elsewhere.

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
    destination::is_temporary,
    error::{reason, shown},
    read_options::ReadOptions,
    real_path::canonical,
    source::{READ_STRICTLY, kind, kind_name, length, read_open},
};

/// The maximum nesting of directories: far more than any kit has, and few enough not to exhaust open directories.
const DEEPEST: usize = 128;

/// Shorter files are read whole, with or without holes. In bytes.
const HOLES_FROM: u64 = 64 << 10;

impl FileTree {
    /// Reads a directory, including modes and empty directories.
    ///
    /// The directory itself may be given through a link. Below it everything but files and directories is a fault, as is
    /// anything that cannot be read or vanishes meanwhile; all faults are reported, sorted by path, each with its path. Pipes
    /// and devices are never opened. Temporary directories that a killed [`commit`](crate::commit) left are skipped.
    pub fn read(root: &Path, options: &ReadOptions) -> Result<Self, Faults> {
        Reader::run(root, options, None).map(|survey| survey.tree)
    }

    /// Lists a directory of any origin: like [`Self::read`], but what is neither a file nor a directory, or
    /// cannot be read, is listed instead of being a fault.
    pub fn survey(root: &Path, options: &ReadOptions) -> Result<Survey, Faults> {
        Reader::run(root, options, Some(Vec::new()))
    }
}

/// What [`FileTree::survey`] found.
#[derive(Debug)]
pub struct Survey {
    /// The files and directories.
    pub tree: FileTree,
    /// Links, devices, pipes, sockets, and what cannot be read.
    pub others: Vec<RelativePath>,
}

fn open_root(root: &Path, code: Code) -> Result<OwnedFd, Faults> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    openat(CWD, root, flags, Mode::empty()).map_err(|errno| {
        let (message, hint) = match errno {
            Errno::NOENT => (format!("there is no directory `{}`", shown(root)), "check the path"),
            Errno::NOTDIR => (format!("`{}` is not a directory", shown(root)), "give the path of a directory"),
            _ => (format!("cannot read `{}`: {}", shown(root), reason(&errno.into())), "make the directory readable"),
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

struct Reader<'run> {
    root: &'run Path,
    options: &'run ReadOptions,
    excluded: Vec<PathBuf>,
    tree: FileTree,
    faults: Vec<(PathBuf, Diagnostic)>,
    /// The list of what is neither a file nor a directory; `None` if that is a fault.
    others: Option<Vec<RelativePath>>,
    /// Bytes in memory of files that could have stayed on disk.
    memory: u64,
}

impl<'run> Reader<'run> {
    fn run(root: &'run Path, options: &'run ReadOptions, others: Option<Vec<RelativePath>>) -> Result<Survey, Faults> {
        let directory = open_root(root, options.code)?;
        let excluded = excluded(root, options);
        let mut reader = Reader { root, options, excluded, tree: FileTree::new(), faults: Vec::new(), others, memory: 0 };
        match fstat(&directory) {
            Ok(stat) => reader.tree.set_mode(stat.st_mode),
            Err(errno) => reader.unreadable(Path::new(""), errno),
        }
        reader.directory(directory, Path::new(""), 1);
        if reader.tree.len() > options.entries {
            let what = format!("has more than {} files and directories", options.entries);
            reader.fault(Path::new(""), &what, "check that it is the directory you meant");
        }
        let Reader { tree, mut faults, others, .. } = reader;
        faults.sort_by(|(left, _), (right, _)| left.cmp(right));
        let others = others.unwrap_or_default();
        Faults::check(faults.into_iter().map(|(_, fault)| fault).collect(), || Survey { tree, others })
    }

    fn directory(&mut self, directory: OwnedFd, path: &Path, depth: usize) {
        if depth > DEEPEST {
            return self.fault(
                path,
                &format!("is nested more than {DEEPEST} directories deep"),
                "check that it is the directory you meant",
            );
        }
        let listed = Dir::new(directory).and_then(|mut directory| Ok((list(&mut directory)?, directory)));
        let (names, directory) = match listed {
            Ok(listed) => listed,
            Err(errno) => return self.unreadable(path, errno),
        };
        let directory = match directory.fd() {
            Ok(directory) => directory,
            Err(errno) => return self.unreadable(path, errno),
        };
        if depth > 1 && names.iter().any(|(name, _)| Some(name) == self.options.not_with.as_ref()) {
            self.tree.remove(path);
            return;
        }
        for (name, listed_kind) in names {
            let path = path.join(&name);
            if self.tree.len() > self.options.entries {
                return;
            }
            if !self.excluded.contains(&path) {
                self.entry(directory, &name, listed_kind, path, depth);
            }
        }
    }

    fn entry(&mut self, directory: BorrowedFd<'_>, name: &OsStr, listed: FileType, path: PathBuf, depth: usize) {
        // Some file systems do not report the kind in a listing.
        let kind = if listed == FileType::Unknown {
            match statat(directory, name, AtFlags::SYMLINK_NOFOLLOW) {
                Ok(stat) => kind(&stat),
                Err(errno) => return self.unreadable(&path, errno),
            }
        } else {
            listed
        };
        match kind {
            FileType::RegularFile => self.file(directory, name, path),
            FileType::Directory if is_temporary(name) => {}
            FileType::Directory => self.subdirectory(directory, name, &path, depth),
            other => self.refused(&path, other),
        }
    }

    fn subdirectory(&mut self, directory: BorrowedFd<'_>, name: &OsStr, path: &Path, depth: usize) {
        let opened = openat(directory, name, READ_STRICTLY | OFlags::DIRECTORY, Mode::empty());
        match opened.and_then(|opened| Ok((fstat(&opened)?.st_mode, opened))) {
            Ok((mode, opened)) => {
                if let Ok(relative) = RelativePath::new(path) {
                    self.tree.insert_directory(relative, mode);
                }
                self.directory(opened, path, depth + 1);
            }
            Err(errno) => self.unreadable(path, errno),
        }
    }

    fn file(&mut self, directory: BorrowedFd<'_>, name: &OsStr, path: PathBuf) {
        let opened = openat(directory, name, READ_STRICTLY, Mode::empty());
        let (file, stat) = match opened.and_then(|file| Ok((fstat(file.as_fd())?, file))) {
            Ok((stat, file)) => (file, stat),
            Err(errno) => return self.unreadable(&path, errno),
        };
        // Something else may have taken the name since the directory was listed.
        if kind(&stat) != FileType::RegularFile {
            return self.refused(&path, kind(&stat));
        }
        let length = length(&stat);
        let wanted = self.options.in_memory.iter().find(|directory| path.starts_with(directory));
        // Rules know the files of a directory itself by name; what is as long as this further down is somebody's model or data.
        let known =
            wanted.is_some_and(|directory| path.strip_prefix(directory).is_ok_and(|below| below.components().count() < 2));
        let is_needed = path.parent().is_some_and(|parent| self.options.own_files_in_memory.iter().any(|one| one == parent));
        let room = if is_needed { u64::MAX } else { self.options.memory.saturating_sub(self.memory) };
        let room = room.min(self.options.on_disk_above);
        // A file with holes stays on disk, so that it is copied with them.
        let has_holes = stat.st_blocks.unsigned_abs().saturating_mul(512) < length && length > HOLES_FROM;
        let room = if has_holes { 0 } else { room };
        let limit = if wanted.is_some() { self.options.in_memory_limit } else { room };
        let content = match read_open(file, length, limit) {
            Ok(Some(bytes)) => Content::Bytes(bytes),
            Ok(None) if known => {
                return self.fault(
                    &path,
                    &format!("is longer than {limit} bytes"),
                    "move it to a directory further down, from where it is copied as it is, or make it shorter",
                );
            }
            Ok(None) => Content::OnDisk { source: canonical(self.root).join(&path), length },
            Err(error) => return self.unreadable(&path, Errno::from_io_error(&error).unwrap_or(Errno::IO)),
        };
        if wanted.is_none() && !is_needed && matches!(content, Content::Bytes(_)) {
            self.memory += content.len();
        }
        if let Ok(relative) = RelativePath::new(path) {
            self.tree.insert(relative, Entry::File { content, mode: stat.st_mode });
        }
    }

    /// Adds what is neither a file nor a directory to the list, if there is one. Returns whether there is.
    fn is_listed(&mut self, path: &Path) -> bool {
        match (&mut self.others, RelativePath::new(path)) {
            (Some(others), Ok(path)) => {
                others.push(path);
                true
            }
            _ => false,
        }
    }

    fn refused(&mut self, path: &Path, kind: FileType) {
        if self.is_listed(path) {
            return;
        }
        let hint = match kind {
            FileType::Symlink => "put the file or directory itself in the place of the link",
            _ => "take it out of the directory",
        };
        self.fault(path, &format!("is {}", kind_name(kind)), hint);
    }

    fn unreadable(&mut self, path: &Path, errno: Errno) {
        if self.is_listed(path) {
            return;
        }
        match errno {
            // The answer of the flag that forbids links.
            Errno::LOOP => self.refused(path, FileType::Symlink),
            Errno::NXIO => self.refused(path, FileType::Socket),
            Errno::NOENT => {
                self.fault(path, "vanished while the directory was being read", "run again when nobody changes the directory");
            }
            _ => self.fault(
                path,
                &format!("cannot be read: {}", reason(&errno.into())),
                "make it readable, or take it out of the directory",
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

/// Names and kinds in a directory, sorted, without `.` and `..`.
fn list(directory: &mut Dir) -> Result<Vec<(OsString, FileType)>, Errno> {
    let mut names = Vec::new();
    while let Some(entry) = directory.read() {
        let entry = entry?;
        let name = entry.file_name().to_bytes();
        if name != b"." && name != b".." {
            names.push((OsString::from_vec(name.to_vec()), entry.file_type()));
        }
    }
    names.sort_by(|(left, _), (right, _)| left.as_bytes().cmp(right.as_bytes()));
    Ok(names)
}

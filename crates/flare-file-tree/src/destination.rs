//! What exists at the path where a tree is to be put, and the names of the temporary directories beside it.

use std::{
    ffi::{OsStr, OsString},
    os::unix::ffi::{OsStrExt as _, OsStringExt as _},
    path::{Path, PathBuf},
};

use rustix::{
    fs::{Access, AtFlags, CWD, Dir, FileType, Mode, OFlags, accessat, openat, statat},
    io::Errno,
    process::geteuid,
};

use crate::{Digest, DiskError, real_path::canonical, source::kind};

/// How many runs may write to one destination at the same time.
pub(crate) const SLOTS: u8 = 8;

const MARK: &[u8] = b".flare-kube-";
const BACKUP: &[u8] = b"-kept";

/// What exists at a path; a link is followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Destination {
    /// Nothing.
    Absent,
    /// An empty directory.
    EmptyDirectory,
    /// A directory that is not empty.
    Directory,
    /// A regular file.
    File,
    /// A link that leads nowhere, a device, a pipe, a socket.
    Other,
}

impl Destination {
    /// Inspects a path. Fails if access is denied, or if an upper part of the path is not a directory.
    pub fn inspect(path: &Path) -> Result<Self, DiskError> {
        let failed = |errno: Errno| DiskError::new("look at", path, errno);
        // Most paths that are inspected lead nowhere and few are links, so that mostly one call is enough.
        let mut found = match statat(CWD, path, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => kind(&stat),
            Err(Errno::NOENT) => return Ok(Self::Absent),
            Err(errno) => return Err(failed(errno)),
        };
        if found == FileType::Symlink {
            found = match statat(CWD, path, AtFlags::empty()) {
                Ok(stat) => kind(&stat),
                Err(Errno::NOENT | Errno::LOOP) => return Ok(Self::Other),
                Err(errno) => return Err(failed(errno)),
            };
        }
        match found {
            FileType::RegularFile => Ok(Self::File),
            FileType::Directory => {
                let empty = is_empty(path).map_err(failed)?;
                Ok(if empty { Self::EmptyDirectory } else { Self::Directory })
            }
            _ => Ok(Self::Other),
        }
    }
}

/// The owner of a directory, if that is another user and this process may not write there, so that its content cannot
/// be removed.
pub fn other_owner(directory: &Path) -> Result<Option<u32>, DiskError> {
    let failed = |errno: Errno| DiskError::new("look at", directory, errno);
    let owner = statat(CWD, directory, AtFlags::empty()).map_err(failed)?.st_uid;
    let user = geteuid();
    if user.is_root() || user.as_raw() == owner {
        return Ok(None);
    }
    let allowed = accessat(CWD, directory, Access::WRITE_OK | Access::EXEC_OK, AtFlags::EACCESS);
    Ok(allowed.is_err().then_some(owner))
}

fn is_empty(directory: &Path) -> Result<bool, Errno> {
    let opened = openat(CWD, directory, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
    for entry in Dir::new(opened)? {
        if !matches!(entry?.file_name().to_bytes(), b"." | b"..") {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Where a tree is put: a name in a directory; the name itself is not a link.
#[derive(Debug)]
pub(crate) struct CommitPath {
    pub(crate) parent: PathBuf,
    pub(crate) name: OsString,
}

impl CommitPath {
    /// Resolves a destination that is itself a link or ends in `..`.
    pub(crate) fn resolve(destination: &Path) -> Result<Self, DiskError> {
        let found = statat(CWD, destination, AtFlags::SYMLINK_NOFOLLOW);
        let is_link = found.is_ok_and(|stat| kind(&stat) == FileType::Symlink);
        let path = if is_link || destination.file_name().is_none() { canonical(destination) } else { destination.to_owned() };
        let Some(name) = path.file_name() else {
            return Err(DiskError::new("replace", destination, Errno::BUSY));
        };
        let parent = match path.parent() {
            Some(parent) if parent != Path::new("") => parent.to_owned(),
            _ => PathBuf::from("."),
        };
        Ok(Self { parent, name: name.to_owned() })
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.parent.join(&self.name)
    }

    /// The temporary directory in which a tree is written. The names are few and fixed, so that those of killed runs are
    /// found without listing the whole directory, which may contain a thousand other outputs.
    pub(crate) fn temporary(&self, slot: u8) -> OsString {
        self.sibling(slot, b"")
    }

    /// The name of the old tree meanwhile, on file systems that cannot exchange two names.
    pub(crate) fn backup_name(&self, slot: u8) -> OsString {
        self.sibling(slot, BACKUP)
    }

    fn sibling(&self, slot: u8, end: &[u8]) -> OsString {
        let name = self.name.as_bytes();
        let mut sibling = b".".to_vec();
        if name.len() <= 200 {
            sibling.extend_from_slice(name);
        } else {
            // The name with its additions must stay within the 255 bytes of a file name.
            sibling.extend_from_slice(Digest::of(name).to_string().as_bytes());
        }
        sibling.extend_from_slice(MARK);
        sibling.push(b'0' + slot);
        sibling.extend_from_slice(end);
        OsString::from_vec(sibling)
    }
}

/// Whether this is the name of a temporary directory of a commit.
pub(crate) fn is_temporary(name: &OsStr) -> bool {
    let name = name.as_bytes();
    let name = name.strip_suffix(BACKUP).unwrap_or(name);
    let Some((slot, rest)) = name.split_last() else { return false };
    (b'1'..=b'0' + SLOTS).contains(slot) && rest.ends_with(MARK) && rest.first() == Some(&b'.') && rest.len() > MARK.len() + 1
}

/// The directories in a directory, sorted by name; links to directories are followed, temporary ones of a commit are left out.
pub fn directories(directory: &Path) -> Result<Vec<PathBuf>, DiskError> {
    children(directory, FileType::Directory)
}

/// The regular files in a directory, sorted by name; links to files are followed, because a mounted Secret consists of them.
pub fn files(directory: &Path) -> Result<Vec<PathBuf>, DiskError> {
    children(directory, FileType::RegularFile)
}

/// The broken links in a directory, sorted by name.
pub fn broken_links(directory: &Path) -> Result<Vec<PathBuf>, DiskError> {
    select(directory, |path| matches!(statat(CWD, path, AtFlags::empty()), Err(Errno::NOENT | Errno::LOOP)))
}

fn children(directory: &Path, wanted: FileType) -> Result<Vec<PathBuf>, DiskError> {
    select(directory, |path| statat(CWD, path, AtFlags::empty()).is_ok_and(|stat| kind(&stat) == wanted))
}

fn select(directory: &Path, is_wanted: impl Fn(&Path) -> bool) -> Result<Vec<PathBuf>, DiskError> {
    let failed = |errno: Errno| DiskError::new("read", directory, errno);
    let opened = openat(CWD, directory, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty()).map_err(failed)?;
    let mut found = Vec::new();
    for entry in Dir::new(opened).map_err(failed)? {
        let name = OsString::from_vec(entry.map_err(failed)?.file_name().to_bytes().to_vec());
        let path = directory.join(&name);
        if is_wanted(&path) && !matches!(name.as_bytes(), b"." | b"..") && !is_temporary(&name) {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

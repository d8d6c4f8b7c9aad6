//! Carries a directory of the old tree over into the new one by hard links: nothing is read or copied, so files of any size
//! keep owner, times and holes, and the old tree stays whole until it is replaced.

use std::{
    ffi::OsStr,
    fs::File,
    os::{
        fd::{AsFd as _, BorrowedFd, OwnedFd},
        unix::ffi::OsStrExt as _,
    },
    path::{Path, PathBuf},
};

use rustix::{
    fs::{AtFlags, Dir, FileType, Mode, OFlags, fstat, openat, statat},
    io::Errno,
};

use crate::{
    disk::Disk,
    remove::remove_tree,
    source::{READ_STRICTLY, kind},
};

/// What could not be kept: its path below the tree, and the system's reason.
pub(crate) type NotKept = (PathBuf, Errno);

/// Links everything in a directory of the old tree into the same directory of the new one, replacing entries of the
/// same name. Does nothing if the old tree has no such directory.
pub(crate) fn keep(disk: &mut Disk<'_>, old: BorrowedFd<'_>, new: BorrowedFd<'_>, name: &OsStr) -> Result<(), NotKept> {
    let path = PathBuf::from(name);
    match statat(old, name, AtFlags::SYMLINK_NOFOLLOW) {
        Err(Errno::NOENT) => Ok(()),
        Err(errno) => Err((path, errno)),
        Ok(stat) => entry(disk, [old, new], name, kind(&stat), path),
    }
}

fn entry(disk: &mut Disk<'_>, sides: [BorrowedFd<'_>; 2], name: &OsStr, kind: FileType, path: PathBuf) -> Result<(), NotKept> {
    if kind == FileType::Directory {
        return directory(disk, sides, name, &path);
    }
    link(disk, sides, name, kind).map_err(|errno| (path, errno))
}

fn directory(disk: &mut Disk<'_>, [old, new]: [BorrowedFd<'_>; 2], name: &OsStr, path: &Path) -> Result<(), NotKept> {
    let failed = |errno: Errno| (path.to_owned(), errno);
    let old = openat(old, name, READ_STRICTLY | OFlags::DIRECTORY, Mode::empty()).map_err(failed)?;
    let mode = Mode::from_raw_mode(fstat(&old).map_err(failed)?.st_mode);
    let new = open_new(disk, new, name).map_err(failed)?;
    let mut listing = Dir::read_from(&old).map_err(failed)?;
    while let Some(found) = listing.read() {
        let found = found.map_err(failed)?;
        let name = OsStr::from_bytes(found.file_name().to_bytes());
        if name == "." || name == ".." {
            continue;
        }
        let stat = statat(&old, name, AtFlags::SYMLINK_NOFOLLOW).map_err(failed)?;
        entry(disk, [old.as_fd(), new.as_fd()], name, kind(&stat), path.join(name))?;
    }
    // Last, because the mode may forbid writing to the directory.
    disk.set_mode(&new, name, mode).map_err(failed)
}

/// The directory of the new tree that is filled; made if it is missing.
fn open_new(disk: &mut Disk<'_>, parent: BorrowedFd<'_>, name: &OsStr) -> Result<OwnedFd, Errno> {
    match disk.make_directory(parent, name, Mode::RWXU) {
        Ok(()) => {}
        Err(Errno::EXIST) if is_directory(parent, name)? => disk.set_mode_by_name(parent, name, Mode::RWXU)?,
        Err(Errno::EXIST) => {
            disk.remove_file(parent, name)?;
            disk.make_directory(parent, name, Mode::RWXU)?;
        }
        Err(errno) => return Err(errno),
    }
    openat(parent, name, READ_STRICTLY | OFlags::DIRECTORY, Mode::empty())
}

fn link(disk: &mut Disk<'_>, [old, new]: [BorrowedFd<'_>; 2], name: &OsStr, kind: FileType) -> Result<(), Errno> {
    let mut linked = disk.link(old, new, name);
    if linked == Err(Errno::EXIST) {
        if is_directory(new, name)? { remove_tree(disk, new, name) } else { disk.remove_file(new, name) }?;
        linked = disk.link(old, new, name);
    }
    match linked {
        // File systems without links, a file of another user, a mount point, a file with too many links.
        Err(Errno::PERM | Errno::ACCESS | Errno::XDEV | Errno::MLINK | Errno::OPNOTSUPP | Errno::NOSYS)
            if kind == FileType::RegularFile =>
        {
            copy(disk, [old, new], name)
        }
        other => other,
    }
}

fn copy(disk: &mut Disk<'_>, [old, new]: [BorrowedFd<'_>; 2], name: &OsStr) -> Result<(), Errno> {
    let source = openat(old, name, READ_STRICTLY, Mode::empty())?;
    let stat = fstat(&source)?;
    let mode = Mode::from_raw_mode(stat.st_mode);
    let (mut source, mut file) = (File::from(source), File::from(disk.create_file(new, name, Mode::RUSR | Mode::WUSR)?));
    while disk.copy(&mut source, &mut file, name, u64::MAX).map_err(|error| Errno::from_io_error(&error).unwrap_or(Errno::IO))?
        > 0
    {}
    disk.set_mode(&file, name, mode)
}

fn is_directory(parent: BorrowedFd<'_>, name: &OsStr) -> Result<bool, Errno> {
    Ok(kind(&statat(parent, name, AtFlags::SYMLINK_NOFOLLOW)?) == FileType::Directory)
}

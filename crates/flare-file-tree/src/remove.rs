//! Removes a directory with everything in it; links in it are removed, never followed.

use std::{
    ffi::OsStr,
    os::{
        fd::{AsFd, BorrowedFd, OwnedFd},
        unix::ffi::OsStrExt as _,
    },
};

use rustix::{
    fs::{AtFlags, Dir, FileType, Mode, OFlags, fstat, openat, statat},
    io::Errno,
};

use crate::{
    disk::Disk,
    source::{READ_STRICTLY, kind},
};

/// Deeper directories are not removed, which bounds the open directories and the stack.
const DEEPEST: usize = 400;

/// Opens a directory, also one that denies access to its own owner.
pub(crate) fn open_directory(disk: &mut Disk<'_>, parent: impl AsFd, name: &OsStr) -> Result<OwnedFd, Errno> {
    let open = || openat(&parent, name, READ_STRICTLY | OFlags::DIRECTORY, Mode::empty());
    match open() {
        Err(Errno::ACCESS) if kind(&statat(&parent, name, AtFlags::SYMLINK_NOFOLLOW)?) == FileType::Directory => {
            disk.set_mode_by_name(&parent, name, Mode::RWXU)?;
            open()
        }
        other => other,
    }
}

/// Removes a directory; it is not an error if it is already gone.
pub(crate) fn remove_tree(disk: &mut Disk<'_>, parent: BorrowedFd<'_>, name: &OsStr) -> Result<(), Errno> {
    remove(disk, parent, name, 1)
}

fn remove(disk: &mut Disk<'_>, parent: BorrowedFd<'_>, name: &OsStr, depth: usize) -> Result<(), Errno> {
    if depth > DEEPEST {
        return Err(Errno::MFILE);
    }
    match open_directory(disk, parent, name) {
        Ok(directory) => empty(disk, directory, name, depth)?,
        Err(Errno::NOENT) => return Ok(()),
        Err(errno) => return Err(errno),
    }
    gone(disk.remove_directory(parent, name))
}

fn empty(disk: &mut Disk<'_>, directory: OwnedFd, name: &OsStr, depth: usize) -> Result<(), Errno> {
    if !Mode::from_raw_mode(fstat(&directory)?.st_mode).contains(Mode::WUSR | Mode::XUSR) {
        disk.set_mode(&directory, name, Mode::RWXU)?;
    }
    let mut directory = Dir::new(directory)?;
    let mut names = Vec::new();
    while let Some(entry) = directory.read() {
        let entry = entry?;
        if !matches!(entry.file_name().to_bytes(), b"." | b"..") {
            names.push((entry.file_name().to_owned(), entry.file_type()));
        }
    }
    let directory = directory.fd()?;
    for (name, listed) in &names {
        let name = OsStr::from_bytes(name.to_bytes());
        let is_directory = match listed {
            FileType::Unknown => kind(&statat(directory, name, AtFlags::SYMLINK_NOFOLLOW)?) == FileType::Directory,
            listed => *listed == FileType::Directory,
        };
        if is_directory {
            remove(disk, directory, name, depth + 1)?;
        } else {
            gone(disk.remove_file(directory, name))?;
        }
    }
    Ok(())
}

/// Accepts that something is already gone: two runs may clean up the same directory.
fn gone(result: Result<(), Errno>) -> Result<(), Errno> {
    match result {
        Err(Errno::NOENT) => Ok(()),
        other => other,
    }
}

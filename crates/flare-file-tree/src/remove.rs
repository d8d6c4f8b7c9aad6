//! Removes a folder with all that is in it; links in it are removed, never followed.

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

/// Deeper folders stay; it keeps open folders and the stack within bounds.
const DEEPEST: usize = 400;

/// Opens a folder whose owner may have taken his own access away.
pub(crate) fn open_folder(disk: &mut Disk<'_>, parent: impl AsFd, name: &OsStr) -> Result<OwnedFd, Errno> {
    let open = || openat(&parent, name, READ_STRICTLY | OFlags::DIRECTORY, Mode::empty());
    match open() {
        Err(Errno::ACCESS) if kind(&statat(&parent, name, AtFlags::SYMLINK_NOFOLLOW)?) == FileType::Directory => {
            disk.set_mode_by_name(&parent, name, Mode::RWXU)?;
            open()
        }
        other => other,
    }
}

/// Removes a folder; one that is gone already is fine.
pub(crate) fn remove_tree(disk: &mut Disk<'_>, parent: BorrowedFd<'_>, name: &OsStr) -> Result<(), Errno> {
    remove(disk, parent, name, 1)
}

fn remove(disk: &mut Disk<'_>, parent: BorrowedFd<'_>, name: &OsStr, depth: usize) -> Result<(), Errno> {
    if depth > DEEPEST {
        return Err(Errno::MFILE);
    }
    match open_folder(disk, parent, name) {
        Ok(folder) => empty(disk, folder, name, depth)?,
        Err(Errno::NOENT) => return Ok(()),
        Err(errno) => return Err(errno),
    }
    gone(disk.remove_folder(parent, name))
}

fn empty(disk: &mut Disk<'_>, folder: OwnedFd, name: &OsStr, depth: usize) -> Result<(), Errno> {
    if !Mode::from_raw_mode(fstat(&folder)?.st_mode).contains(Mode::WUSR | Mode::XUSR) {
        disk.set_mode(&folder, name, Mode::RWXU)?;
    }
    let mut folder = Dir::new(folder)?;
    let mut names = Vec::new();
    while let Some(entry) = folder.read() {
        let entry = entry?;
        if !matches!(entry.file_name().to_bytes(), b"." | b"..") {
            names.push((entry.file_name().to_owned(), entry.file_type()));
        }
    }
    let folder = folder.fd()?;
    for (name, listed) in &names {
        let name = OsStr::from_bytes(name.to_bytes());
        let is_folder = match listed {
            FileType::Unknown => kind(&statat(folder, name, AtFlags::SYMLINK_NOFOLLOW)?) == FileType::Directory,
            listed => *listed == FileType::Directory,
        };
        if is_folder {
            remove(disk, folder, name, depth + 1)?;
        } else {
            gone(disk.remove_file(folder, name))?;
        }
    }
    Ok(())
}

/// Two runs may clean up the same folder.
fn gone(result: Result<(), Errno>) -> Result<(), Errno> {
    match result {
        Err(Errno::NOENT) => Ok(()),
        other => other,
    }
}

//! The temporary folder of a run, and what killed runs left of theirs.
//!
//! A run holds a lock on its folder. A folder without a lock has no run any more, so it is removed; an old tree that
//! such a run had put aside and not replaced goes back to its place first.

use std::{
    ffi::{OsStr, OsString},
    os::fd::{BorrowedFd, OwnedFd},
};

use rustix::{
    fs::{AtFlags, FlockOperation, Mode, flock, fstat, statat},
    io::Errno,
};

use crate::{
    DiskError,
    disk::Disk,
    place::{SLOTS, Target},
    remove::{open_folder, remove_tree},
};

/// A temporary folder that this run alone uses. Dropping it gives the lock up.
pub(crate) struct Slot {
    pub(crate) folder: OwnedFd,
    pub(crate) name: OsString,
    /// Where an old tree may be put aside.
    pub(crate) kept: OsString,
}

impl Slot {
    /// Cleans up after killed runs, then makes a temporary folder of mode 0700 and locks it.
    pub(crate) fn claim(disk: &mut Disk<'_>, parent: BorrowedFd<'_>, target: &Target) -> Result<Self, DiskError> {
        let mut free = Vec::new();
        for slot in 1..=SLOTS {
            let (name, kept) = (target.temporary(slot), target.kept(slot));
            let kept_is_free = restore_or_remove(disk, parent, target, &kept)?;
            // What is in the way still, or is another run's, the next call finds out.
            let name_is_free = remove_dead(disk, parent, &name).is_ok();
            if kept_is_free && name_is_free {
                free.push((name, kept));
            }
        }
        for (name, kept) in free {
            match disk.make_folder(parent, &name, Mode::RWXU) {
                Ok(()) => {}
                Err(Errno::EXIST) => continue,
                Err(errno) => return Err(DiskError::new("create", target.path(), errno)),
            }
            // Between the two calls another run may have taken the folder for a dead one.
            match open_locked(disk, parent, &name) {
                Ok(Some(folder)) => return Ok(Self { folder, name, kept }),
                Ok(None) | Err(Errno::NOENT) => {}
                Err(errno) => return Err(DiskError::new("create", target.path(), errno)),
            }
        }
        Err(DiskError::new("create", target.path(), Errno::BUSY))
    }
}

/// Takes the lock of a folder, if nobody has it.
pub(crate) fn lock(folder: &OwnedFd) -> bool {
    // A file system without locks has no second run that could see ours either.
    matches!(
        flock(folder, FlockOperation::NonBlockingLockExclusive),
        Ok(()) | Err(Errno::NOSYS | Errno::OPNOTSUPP | Errno::NOLCK)
    )
}

/// Opens and locks a folder that still has its name; `None` where another run has it.
fn open_locked(disk: &mut Disk<'_>, parent: BorrowedFd<'_>, name: &OsStr) -> Result<Option<OwnedFd>, Errno> {
    let folder = open_folder(disk, parent, name)?;
    if !lock(&folder) {
        return Ok(None);
    }
    let (opened, named) = (fstat(&folder)?, statat(parent, name, AtFlags::SYMLINK_NOFOLLOW)?);
    let same = opened.st_ino == named.st_ino && opened.st_dev == named.st_dev;
    Ok(same.then_some(folder))
}

/// Removes a folder that no run uses any more. Only with its lock: its name may be another run's by now, which would
/// find its own files gone. Where another run has the lock, that run removes it or writes there.
pub(crate) fn remove_dead(disk: &mut Disk<'_>, parent: BorrowedFd<'_>, name: &OsStr) -> Result<(), Errno> {
    match open_locked(disk, parent, name) {
        Ok(Some(_lock)) => remove_tree(disk, parent, name),
        Ok(None) | Err(Errno::NOENT) => Ok(()),
        Err(errno) => Err(errno),
    }
}

/// Puts an old tree of a dead run back where its place is empty, else removes it. Says whether the name is free.
fn restore_or_remove(disk: &mut Disk<'_>, parent: BorrowedFd<'_>, target: &Target, kept: &OsStr) -> Result<bool, DiskError> {
    let _lock = match open_locked(disk, parent, kept) {
        Ok(Some(lock)) => lock,
        Ok(None) => return Ok(false),
        Err(errno) => return Ok(errno == Errno::NOENT),
    };
    if matches!(statat(parent, &target.name, AtFlags::SYMLINK_NOFOLLOW), Err(Errno::NOENT)) {
        disk.rename(parent, kept, &target.name).map_err(|errno| DiskError::new("restore", target.path(), errno))?;
        return Ok(true);
    }
    Ok(remove_tree(disk, parent, kept).is_ok())
}

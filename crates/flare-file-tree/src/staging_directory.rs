//! The temporary directory of a run, and what killed runs left of theirs.
//!
//! A run holds a lock on its directory. A directory without a lock has no run any more, so it is removed; an old tree that
//! such a run had put aside and not replaced is first put back.

use std::{
    ffi::{OsStr, OsString},
    os::fd::{BorrowedFd, OwnedFd},
    time::Duration,
};

use rustix::{
    fs::{AtFlags, FlockOperation, Mode, flock, fstat, statat},
    io::Errno,
};

use crate::{
    CommitError, DiskError,
    destination::{CommitPath, SLOTS},
    disk::Disk,
    remove::{open_directory, remove_tree},
    wait::Wait,
};

/// A temporary directory that only this run uses. Dropping it releases the lock.
pub(crate) struct StagingDirectory {
    pub(crate) directory: OwnedFd,
    pub(crate) name: OsString,
    /// Where an old tree may be put aside.
    pub(crate) backup_name: OsString,
    /// What killed runs left and could not be removed.
    pub(crate) leftovers: Vec<DiskError>,
}

impl StagingDirectory {
    /// Cleans up after killed runs, then makes a temporary directory of mode 0700 and locks it. Waits while other runs hold all of
    /// them or are faster each time.
    pub(crate) fn claim(
        disk: &mut Disk<'_>,
        parent: BorrowedFd<'_>,
        target: &CommitPath,
        limit: Duration,
    ) -> Result<Self, CommitError> {
        let mut wait = Wait::new(limit);
        loop {
            if let Some(slot) = Self::claim_a_free_one(disk, parent, target)? {
                return Ok(slot);
            }
            wait.pause(disk, parent, target)?;
        }
    }

    /// One pass over all names; `None` if other runs hold them all.
    fn claim_a_free_one(disk: &mut Disk<'_>, parent: BorrowedFd<'_>, target: &CommitPath) -> Result<Option<Self>, DiskError> {
        let (mut free, mut taken, mut blocked) = (Vec::new(), false, Vec::new());
        for slot in 1..=SLOTS {
            let (name, backup_name) = (target.temporary(slot), target.backup_name(slot));
            let backup = match restore(disk, parent, target, &backup_name)? {
                Backup::None => Ok(()),
                Backup::InTheWay => remove_dead(disk, parent, &backup_name),
            };
            match backup.and_then(|()| remove_dead(disk, parent, &name)) {
                Ok(()) => free.push((name, backup_name)),
                Err(Errno::WOULDBLOCK) => taken = true,
                Err(errno) => blocked.push(DiskError::new("remove", target.parent.join(name), errno)),
            }
        }
        // Waiting helps only with what another run holds, not with what cannot be removed.
        if free.is_empty()
            && !taken
            && let Some(error) = blocked.pop()
        {
            return Err(error);
        }
        for (name, backup_name) in free {
            match disk.make_directory(parent, &name, Mode::RWXU) {
                Ok(()) => {}
                Err(Errno::EXIST) => continue,
                Err(errno) => return Err(DiskError::new("create", target.path(), errno)),
            }
            // Between the two calls another run may have taken the directory for a dead run's.
            match open_locked(disk, parent, &name) {
                Ok(directory) => return Ok(Some(Self { directory, name, backup_name, leftovers: blocked })),
                Err(Errno::WOULDBLOCK | Errno::NOENT) => {}
                Err(errno) => return Err(DiskError::new("create", target.path(), errno)),
            }
        }
        Ok(None)
    }
}

/// Takes the lock of a directory, if nobody holds it.
fn lock(directory: &OwnedFd) -> bool {
    // On a file system without locks no other run can see this one's lock either.
    matches!(
        flock(directory, FlockOperation::NonBlockingLockExclusive),
        Ok(()) | Err(Errno::NOSYS | Errno::OPNOTSUPP | Errno::NOLCK)
    )
}

/// Opens and locks a directory that still has its name; `WOULDBLOCK` if another run holds it.
pub(crate) fn open_locked(disk: &mut Disk<'_>, parent: BorrowedFd<'_>, name: &OsStr) -> Result<OwnedFd, Errno> {
    let directory = open_directory(disk, parent, name)?;
    if !lock(&directory) {
        return Err(Errno::WOULDBLOCK);
    }
    let (opened, named) = (fstat(&directory)?, statat(parent, name, AtFlags::SYMLINK_NOFOLLOW)?);
    if opened.st_ino == named.st_ino && opened.st_dev == named.st_dev { Ok(directory) } else { Err(Errno::WOULDBLOCK) }
}

/// Removes a directory that no run uses any more, while holding its lock, since a concurrent run may have reused the name.
/// `WOULDBLOCK` if another run holds the lock: that run removes it or writes there.
pub(crate) fn remove_dead(disk: &mut Disk<'_>, parent: BorrowedFd<'_>, name: &OsStr) -> Result<(), Errno> {
    match open_locked(disk, parent, name) {
        Ok(_lock) => remove_tree(disk, parent, name),
        Err(Errno::NOENT) => Ok(()),
        Err(errno) => Err(errno),
    }
}

/// Removes the tree that a run has just replaced. Waits for the run that put it in place if it is about to release its
/// lock: nobody else would remove the tree before the next commit. A run that takes it for a dead run's removes it itself.
pub(crate) fn remove_old(
    disk: &mut Disk<'_>,
    parent: BorrowedFd<'_>,
    target: &CommitPath,
    name: &OsStr,
    limit: Duration,
) -> Result<(), DiskError> {
    let path = target.parent.join(name);
    let identity = || statat(parent, name, AtFlags::SYMLINK_NOFOLLOW).ok().map(|stat| (stat.st_dev, stat.st_ino));
    let old = identity();
    let mut wait = Wait::new(limit);
    loop {
        match remove_dead(disk, parent, name) {
            Err(Errno::WOULDBLOCK) if identity() == old => {}
            // Gone, or the name belongs to another run by now.
            Ok(()) | Err(Errno::WOULDBLOCK) => return Ok(()),
            Err(errno) => return Err(DiskError::new("remove", path, errno)),
        }
        wait.pause(disk, parent, target).map_err(|error| error.into_disk_error("remove", &path))?;
    }
}

/// What is at the place where a run puts an old tree aside.
enum Backup {
    /// Nothing, or no longer.
    None,
    /// An old tree that was replaced, or something that another run holds.
    InTheWay,
}

/// Puts an old tree of a dead run back if its place is empty.
fn restore(disk: &mut Disk<'_>, parent: BorrowedFd<'_>, target: &CommitPath, backup_name: &OsStr) -> Result<Backup, DiskError> {
    let _lock = match open_locked(disk, parent, backup_name) {
        Ok(lock) => lock,
        Err(Errno::NOENT) => return Ok(Backup::None),
        Err(_) => return Ok(Backup::InTheWay),
    };
    if matches!(statat(parent, &target.name, AtFlags::SYMLINK_NOFOLLOW), Err(Errno::NOENT)) {
        disk.rename(parent, backup_name, &target.name).map_err(|errno| DiskError::new("restore", target.path(), errno))?;
        return Ok(Backup::None);
    }
    Ok(Backup::InTheWay)
}

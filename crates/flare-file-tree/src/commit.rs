//! Puts a tree in place by one rename.
//!
//! The tree is written into a temporary directory beside the destination, then takes the destination's name in one step;
//! an old directory is exchanged with it and removed afterwards. So a run that is killed at any moment leaves the old tree
//! or the new one. Its leftovers are removed by the next run: a directory is locked while its run lives.

use std::{
    ffi::{OsStr, OsString},
    io,
    os::fd::{AsFd as _, BorrowedFd, OwnedFd},
    path::{Path, PathBuf},
    sync::atomic::AtomicBool,
    time::Duration,
};

use rustix::{
    fs::{AtFlags, CWD, FileType, Mode, OFlags, openat, statat},
    io::Errno,
};

use crate::{
    CommitError, DiskError, FaultHook, FileTree,
    destination::CommitPath,
    disk::Disk,
    keep::keep,
    remove::remove_tree,
    source::kind,
    staging_directory::{StagingDirectory, open_locked, remove_old},
    wait::Wait,
    write::Writer,
};

/// How a tree is put in place.
#[derive(Debug, Clone, Copy)]
pub struct CommitOptions<'run> {
    /// Whether a directory that is not empty may be replaced. An empty one always is.
    pub replace: bool,
    /// Whether the run waits until everything is on the medium (`fsync`). Without it the result is whole after a crash or
    /// kill of any process, but after a power failure files may be missing or short. A prepared kit is made again in
    /// milliseconds, which does not justify waiting for hundreds of them.
    pub durable: bool,
    /// Checked before each file: once it is set, the run ends and leaves nothing behind.
    pub cancelled: Option<&'run AtomicBool>,
    /// How long the run waits while other runs write to the same destination.
    pub wait: Duration,
    /// The name of a directory in the destination whose content is carried over into the new tree, in place of entries of the same
    /// name there. Files are hard-linked, so nothing is copied.
    pub keep: Option<&'run OsStr>,
}

impl Default for CommitOptions<'_> {
    fn default() -> Self {
        Self { replace: true, durable: false, cancelled: None, wait: Duration::from_mins(1), keep: None }
    }
}

/// A tree that was put in place.
#[derive(Debug)]
pub struct Committed {
    /// Whether it replaced an older directory.
    pub replaced: bool,
    /// Only for a durable commit: why the last `fsync` failed.
    pub unsynced: Option<DiskError>,
    /// Directories beside the destination that could not be removed: the older tree, or what killed runs left. Each contains a whole
    /// tree or a part of one. The next commit to the same place tries again and reports them again.
    pub leftovers: Vec<DiskError>,
}

/// Puts a tree in place by one rename.
///
/// Missing directories above the destination are made, and removed again where the run fails. A destination that is a link
/// to a directory stays one: the directory is replaced. Anything else that exists is refused. Whether a directory may be
/// replaced is the caller's decision, see [`Destination::inspect`](crate::Destination::inspect).
///
/// On file systems that cannot exchange two names, a run that is killed between two renames leaves the old directory
/// under a temporary name; the next commit puts it back first.
pub fn commit(tree: &FileTree, destination: &Path, options: &CommitOptions<'_>) -> Result<Committed, CommitError> {
    commit_with_hook(tree, destination, options, &mut |_| Ok(()))
}

/// Like [`commit`], but calls `hook` before each call that changes the disk: for tests of what a fault or a kill leaves
/// behind. An error of the hook replaces the call.
pub fn commit_with_hook<'run>(
    tree: &FileTree,
    destination: &Path,
    options: &CommitOptions<'run>,
    hook: &'run mut FaultHook<'run>,
) -> Result<Committed, CommitError> {
    let mut disk = Disk { hook, cancelled: options.cancelled };
    let target = CommitPath::resolve(destination)?;
    let mut made = Vec::new();
    let result = make_parents(&mut disk, &target.parent, &mut made)
        .and_then(|()| Run { disk: &mut disk, target: &target, options }.commit(tree));
    if result.is_err() {
        for directory in made.iter().rev() {
            // Fails if the directory is not empty: then it belongs to somebody else by now.
            let _ = disk.remove_directory(CWD, directory.as_os_str());
        }
    }
    result
}

/// Makes the missing directories of a path, as `mkdir -p` does; `made` lists them from the top.
pub(crate) fn make_parents(disk: &mut Disk<'_>, directory: &Path, made: &mut Vec<PathBuf>) -> Result<(), CommitError> {
    let is_missing = |path: &Path| matches!(statat(CWD, path, AtFlags::empty()), Err(Errno::NOENT));
    let missing: Vec<_> = directory.ancestors().take_while(|path| *path != Path::new("") && is_missing(path)).collect();
    for path in missing.into_iter().rev() {
        match disk.make_directory(CWD, path.as_os_str(), Mode::from_raw_mode(0o777)) {
            Ok(()) => made.push(path.to_owned()),
            // Another run was faster; the run that made the directory removes it.
            Err(Errno::EXIST) => {}
            Err(errno) => return Err(DiskError::new("create", path, errno).into()),
        }
    }
    Ok(())
}

/// The result of trying to give the written directory its name.
enum RenameOutcome {
    /// It is in place, where there was nothing or an empty directory.
    New,
    /// It is in place, and the older directory now has this name.
    Replaced(OsString),
    /// Another run changed the place at the same moment: to be tried again.
    OthersAreAtIt,
}

struct Run<'run, 'disk> {
    disk: &'run mut Disk<'disk>,
    target: &'run CommitPath,
    options: &'run CommitOptions<'run>,
}

impl Run<'_, '_> {
    fn commit(&mut self, tree: &FileTree) -> Result<Committed, CommitError> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let parent = openat(CWD, &self.target.parent, flags, Mode::empty())
            .map_err(|errno| DiskError::new("open", &self.target.parent, errno))?;
        let parent = parent.as_fd();
        let mut slot = StagingDirectory::claim(self.disk, parent, self.target, self.options.wait)?;
        match self.write(tree, &slot).and_then(|()| self.put_in_place(parent, &slot)) {
            Ok(old) => {
                let mut leftovers = std::mem::take(&mut slot.leftovers);
                // A run that replaces the new tree waits for its lock before it removes the tree.
                drop(slot);
                let synced = if self.options.durable { self.disk.sync(parent, &self.target.name) } else { Ok(()) };
                let removed =
                    old.as_ref().map_or(Ok(()), |old| remove_old(self.disk, parent, self.target, old, self.options.wait));
                leftovers.extend(removed.err());
                let unsynced = synced.err().map(|errno| DiskError::new("write", self.target.path(), errno));
                Ok(Committed { replaced: old.is_some(), unsynced, leftovers })
            }
            Err(error) => match remove_tree(self.disk, parent, &slot.name) {
                Ok(()) => Err(error),
                Err(errno) => {
                    let leftover = DiskError::new("remove", self.target.parent.join(&slot.name), errno);
                    Err(CommitError::LeftBehind { error: Box::new(error), leftover })
                }
            },
        }
    }

    fn write(&mut self, tree: &FileTree, slot: &StagingDirectory) -> Result<(), CommitError> {
        let destination = self.target.path();
        let mut writer = Writer { disk: self.disk, destination: &destination, durable: self.options.durable };
        writer.write(tree, slot.directory.as_fd())?;
        writer.close(&slot.directory, &slot.name, tree.mode()).map_err(|errno| self.failed("set the mode of", errno))?;
        if self.disk.is_cancelled() { Err(CommitError::Interrupted) } else { Ok(()) }
    }

    /// Gives the written directory its name and returns the name that the old one has now, if there was one. Waits for other
    /// runs that do the same.
    fn put_in_place(&mut self, parent: BorrowedFd<'_>, slot: &StagingDirectory) -> Result<Option<OsString>, CommitError> {
        let mut wait = Wait::new(self.options.wait);
        loop {
            match self.try_to_put_in_place(parent, slot)? {
                RenameOutcome::New => return Ok(None),
                RenameOutcome::Replaced(old) => return Ok(Some(old)),
                RenameOutcome::OthersAreAtIt => wait.pause(self.disk, parent, self.target)?,
            }
        }
    }

    fn try_to_put_in_place(&mut self, parent: BorrowedFd<'_>, slot: &StagingDirectory) -> Result<RenameOutcome, CommitError> {
        let (temporary, name) = (slot.name.as_os_str(), self.target.name.as_os_str());
        match self.disk.rename_to_free(parent, temporary, name) {
            Ok(()) => return Ok(RenameOutcome::New),
            Err(Errno::EXIST) => {}
            Err(errno) if unsupported(errno) => {
                if matches!(statat(parent, name, AtFlags::SYMLINK_NOFOLLOW), Err(Errno::NOENT)) {
                    return self.over_nothing(parent, temporary, name);
                }
            }
            Err(errno) => return Err(self.failed("create", errno)),
        }
        let found = match statat(parent, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(found) => found,
            // Another run has just put it aside.
            Err(Errno::NOENT) => return Ok(RenameOutcome::OthersAreAtIt),
            Err(errno) => return Err(self.failed("replace", errno)),
        };
        if kind(&found) != FileType::Directory {
            return Err(self.failed("replace", Errno::NOTDIR));
        }
        if !self.options.replace {
            return self.over_nothing(parent, temporary, name);
        }
        let old = match self.options.keep {
            None => None,
            // Locked until the exchange, so that nobody replaces or removes what is being carried over.
            Some(kept) => match open_locked(self.disk, parent, name) {
                Ok(old) => {
                    self.keep(&old, slot, kept)?;
                    Some(old)
                }
                Err(Errno::WOULDBLOCK | Errno::NOENT) => return Ok(RenameOutcome::OthersAreAtIt),
                Err(errno) => return Err(self.failed("replace", errno)),
            },
        };
        match self.disk.exchange(parent, temporary, name) {
            Ok(()) => Ok(RenameOutcome::Replaced(temporary.to_owned())),
            Err(Errno::NOENT) => Ok(RenameOutcome::OthersAreAtIt),
            Err(errno) if unsupported(errno) => self.in_two_steps(parent, temporary, &slot.backup_name, old),
            Err(errno) => Err(self.failed("replace", errno)),
        }
    }

    fn keep(&mut self, old: &OwnedFd, slot: &StagingDirectory, name: &OsStr) -> Result<(), CommitError> {
        let kept = keep(self.disk, old.as_fd(), slot.directory.as_fd(), name);
        kept.map_err(|(path, errno)| DiskError::new("keep", self.target.path().join(path), errno).into())
    }

    /// A plain rename: it replaces an empty directory and refuses any other.
    fn over_nothing(&mut self, parent: BorrowedFd<'_>, temporary: &OsStr, name: &OsStr) -> Result<RenameOutcome, CommitError> {
        match self.disk.rename(parent, temporary, name) {
            Ok(()) => Ok(RenameOutcome::New),
            // Another run was faster.
            Err(Errno::EXIST | Errno::NOTEMPTY) if self.options.replace => Ok(RenameOutcome::OthersAreAtIt),
            Err(errno) => Err(self.failed("create", errno)),
        }
    }

    /// For file systems without exchange: renames the old directory, and renames it back if the second rename fails.
    fn in_two_steps(
        &mut self,
        parent: BorrowedFd<'_>,
        temporary: &OsStr,
        backup_name: &OsStr,
        old: Option<OwnedFd>,
    ) -> Result<RenameOutcome, CommitError> {
        let name = self.target.name.as_os_str();
        // Locked, so that no other run takes it for the leftover of a killed one. The run that put it in place holds its lock until it
        // has finished.
        let _old: OwnedFd = match old.map_or_else(|| open_locked(self.disk, parent, name), Ok) {
            Ok(old) => old,
            Err(Errno::WOULDBLOCK | Errno::NOENT) => return Ok(RenameOutcome::OthersAreAtIt),
            Err(errno) => return Err(self.failed("replace", errno)),
        };
        match self.disk.rename(parent, name, backup_name) {
            Ok(()) => {}
            Err(Errno::NOENT) => return Ok(RenameOutcome::OthersAreAtIt),
            Err(errno) => return Err(self.failed("replace", errno)),
        }
        match self.disk.rename(parent, temporary, name) {
            Ok(()) => Ok(RenameOutcome::Replaced(backup_name.to_owned())),
            // Another run found the place empty: its tree is the newer one and is replaced next.
            Err(Errno::EXIST | Errno::NOTEMPTY) => {
                remove_tree(self.disk, parent, backup_name).map_err(|errno| self.failed("replace", errno))?;
                Ok(RenameOutcome::OthersAreAtIt)
            }
            Err(errno) => {
                // If this fails too, the next commit does it.
                let _ = self.disk.rename(parent, backup_name, name);
                Err(self.failed("replace", errno))
            }
        }
    }

    fn failed(&self, action: &'static str, errno: Errno) -> CommitError {
        DiskError::new(action, self.target.path(), io::Error::from(errno)).into()
    }
}

/// Whether this is the answer of a file system or kernel that does not know the rename flag.
fn unsupported(errno: Errno) -> bool {
    matches!(errno, Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP)
}

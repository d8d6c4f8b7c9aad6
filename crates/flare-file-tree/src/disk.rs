//! Every system call of this crate that changes the disk, each announced to a fault hook.
//!
//! A test whose hook fails the n-th call sees what a full disk (only this call fails) or `kill -9` (this and all
//! later calls fail, including clean-up) leaves behind. No other file of this crate writes, which a test checks.

use std::{
    ffi::OsStr,
    fs::File,
    io,
    os::fd::{AsFd, AsRawFd as _, OwnedFd},
    sync::atomic::{AtomicBool, Ordering},
};

use rustix::{
    fs::{
        AtFlags, CWD, Mode, OFlags, RenameFlags, chmodat, fchmod, fsync, ftruncate, linkat, mkdirat, openat, renameat,
        renameat_with, unlinkat,
    },
    io::Errno,
};

/// A kind of call that changes the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DiskOperation {
    /// `mkdirat`.
    MakeDirectory,
    /// `openat` that makes a new file.
    CreateFile,
    /// `write`, or one piece of a copy of a large file.
    Write,
    /// `fchmod` or `fchmodat`.
    SetMode,
    /// `fsync`.
    Sync,
    /// `renameat` or `renameat2` with `RENAME_NOREPLACE`.
    Rename,
    /// `renameat2` with `RENAME_EXCHANGE`.
    Exchange,
    /// `linkat`.
    Link,
    /// `unlinkat` of a file.
    RemoveFile,
    /// `unlinkat` of a directory.
    RemoveDirectory,
}

/// One call that is about to change the disk.
#[derive(Debug, Clone, Copy)]
pub struct DiskCall<'run> {
    /// What it does.
    pub operation: DiskOperation,
    /// The last name of the file or directory that it touches.
    pub name: &'run OsStr,
}

/// Called before each [`DiskCall`]; an error replaces the call.
pub type FaultHook<'run> = dyn FnMut(DiskCall<'_>) -> io::Result<()> + 'run;

pub(crate) struct Disk<'run> {
    pub(crate) hook: &'run mut FaultHook<'run>,
    pub(crate) cancelled: Option<&'run AtomicBool>,
}

type ErrnoResult<T = ()> = Result<T, Errno>;

/// Runs work that changes the disk, without a fault hook.
pub(crate) fn without_hook<T>(work: impl FnOnce(&mut Disk<'_>) -> T) -> T {
    work(&mut Disk { hook: &mut |_| Ok(()), cancelled: None })
}

impl Disk<'_> {
    /// Whether the run was interrupted.
    pub(crate) fn is_cancelled(&self) -> bool {
        self.cancelled.is_some_and(|flag| flag.load(Ordering::Relaxed))
    }

    fn ask(&mut self, operation: DiskOperation, name: &OsStr) -> ErrnoResult {
        (self.hook)(DiskCall { operation, name }).map_err(|error| Errno::from_io_error(&error).unwrap_or(Errno::IO))
    }

    pub(crate) fn make_directory(&mut self, parent: impl AsFd, name: &OsStr, mode: Mode) -> ErrnoResult {
        self.ask(DiskOperation::MakeDirectory, name)?;
        mkdirat(parent, name, mode)
    }

    /// Makes a file that was not there, for writing.
    pub(crate) fn create_file(&mut self, parent: impl AsFd, name: &OsStr, mode: Mode) -> ErrnoResult<OwnedFd> {
        self.ask(DiskOperation::CreateFile, name)?;
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        openat(parent, name, flags, mode)
    }

    /// Like [`Self::create_file`], for a file that is read back as well.
    pub(crate) fn create_file_to_read_back(&mut self, parent: impl AsFd, name: &OsStr, mode: Mode) -> ErrnoResult<OwnedFd> {
        self.ask(DiskOperation::CreateFile, name)?;
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        openat(parent, name, flags, mode)
    }

    /// Makes a file without a name, which disappears with its last descriptor; `name` is the one that it may get later.
    pub(crate) fn create_file_without_name(&mut self, parent: impl AsFd, name: &OsStr, mode: Mode) -> ErrnoResult<OwnedFd> {
        self.ask(DiskOperation::CreateFile, name)?;
        openat(parent, ".", OFlags::RDWR | OFlags::TMPFILE | OFlags::CLOEXEC, mode)
    }

    /// Gives a name that is not in use to a file without one.
    pub(crate) fn name_file(&mut self, file: impl AsFd, parent: impl AsFd, name: &OsStr) -> ErrnoResult {
        self.ask(DiskOperation::Link, name)?;
        // The only way that needs no privileges.
        let descriptor = format!("/proc/self/fd/{}", file.as_fd().as_raw_fd());
        linkat(CWD, &descriptor, parent, name, AtFlags::SYMLINK_FOLLOW)
    }

    pub(crate) fn write(&mut self, file: impl AsFd, name: &OsStr, mut bytes: &[u8]) -> ErrnoResult {
        while !bytes.is_empty() {
            self.ask(DiskOperation::Write, name)?;
            match rustix::io::write(&file, bytes) {
                Ok(written) => bytes = &bytes[written..],
                Err(Errno::INTR) => {}
                Err(errno) => return Err(errno),
            }
        }
        Ok(())
    }

    /// Copies at most `length` bytes; std shares or copies the blocks inside the kernel if the file system can.
    pub(crate) fn copy(&mut self, source: &mut File, file: &mut File, name: &OsStr, length: u64) -> io::Result<u64> {
        self.ask(DiskOperation::Write, name)?;
        io::copy(&mut io::Read::take(source, length), file)
    }

    pub(crate) fn set_mode(&mut self, file: impl AsFd, name: &OsStr, mode: Mode) -> ErrnoResult {
        self.ask(DiskOperation::SetMode, name)?;
        fchmod(file, mode)
    }

    /// For a directory that cannot be opened because of its mode.
    pub(crate) fn set_mode_by_name(&mut self, parent: impl AsFd, name: &OsStr, mode: Mode) -> ErrnoResult {
        self.ask(DiskOperation::SetMode, name)?;
        chmodat(parent, name, mode, AtFlags::empty())
    }

    pub(crate) fn sync(&mut self, file: impl AsFd, name: &OsStr) -> ErrnoResult {
        self.ask(DiskOperation::Sync, name)?;
        fsync(file)
    }

    pub(crate) fn rename(&mut self, directory: impl AsFd, from: &OsStr, to: &OsStr) -> ErrnoResult {
        self.ask(DiskOperation::Rename, to)?;
        renameat(&directory, from, &directory, to)
    }

    /// Renames if the new name is not in use; otherwise fails with `EXIST`.
    pub(crate) fn rename_to_free(&mut self, directory: impl AsFd, from: &OsStr, to: &OsStr) -> ErrnoResult {
        self.ask(DiskOperation::Rename, to)?;
        renameat_with(&directory, from, &directory, to, RenameFlags::NOREPLACE)
    }

    pub(crate) fn exchange(&mut self, directory: impl AsFd, from: &OsStr, to: &OsStr) -> ErrnoResult {
        self.ask(DiskOperation::Exchange, to)?;
        renameat_with(&directory, from, &directory, to, RenameFlags::EXCHANGE)
    }

    /// Links a file into another directory under the same name, without following links.
    pub(crate) fn link(&mut self, from: impl AsFd, to: impl AsFd, name: &OsStr) -> ErrnoResult {
        self.ask(DiskOperation::Link, name)?;
        linkat(from, name, to, name, AtFlags::empty())
    }

    /// Sets the length of a file; what is added is a hole.
    pub(crate) fn set_length(&mut self, file: impl AsFd, name: &OsStr, length: u64) -> ErrnoResult {
        self.ask(DiskOperation::Write, name)?;
        ftruncate(file, length)
    }

    pub(crate) fn remove_file(&mut self, directory: impl AsFd, name: &OsStr) -> ErrnoResult {
        self.ask(DiskOperation::RemoveFile, name)?;
        unlinkat(directory, name, AtFlags::empty())
    }

    pub(crate) fn remove_directory(&mut self, directory: impl AsFd, name: &OsStr) -> ErrnoResult {
        self.ask(DiskOperation::RemoveDirectory, name)?;
        unlinkat(directory, name, AtFlags::REMOVEDIR)
    }
}

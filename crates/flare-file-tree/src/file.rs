//! Single files that flare-kube writes for users, whole or not at all.

use std::{
    ffi::{OsStr, OsString},
    os::fd::{AsFd as _, OwnedFd},
    path::{Path, PathBuf},
};

use rustix::{
    fs::{CWD, Mode, OFlags, openat},
    io::Errno,
};

use crate::{
    DiskError,
    commit::make_parents,
    destination::CommitPath,
    disk::{Disk, without_hook},
    real_path::canonical,
};

/// Writes a whole file: under a temporary name beside it, then by one rename. Missing directories above it are made.
///
/// If `replace` is false, an existing file is never touched: the error says that it exists. `mode` holds the permission
/// bits, regardless of the process's umask.
pub fn write_file(path: &Path, bytes: &[u8], mode: u32, replace: bool) -> Result<(), DiskError> {
    without_hook(|disk| write_with(disk, path, bytes, mode, replace))
}

fn write_with(disk: &mut Disk<'_>, path: &Path, bytes: &[u8], mode: u32, replace: bool) -> Result<(), DiskError> {
    let target = CommitPath::resolve(path)?;
    make_parents(disk, &target.parent, &mut Vec::new()).map_err(|error| error.into_disk_error("create", path))?;
    let failed = |errno: Errno| DiskError::new("write", path, errno);
    let parent = open_directory(&target.parent).map_err(failed)?;
    let temporary = beside(&target.name);
    let written = disk.create_file(&parent, &temporary, Mode::RUSR | Mode::WUSR).and_then(|file| {
        disk.write(&file, &temporary, bytes)?;
        disk.set_mode(&file, &temporary, Mode::from_raw_mode(mode))
    });
    let placed = written.and_then(|()| {
        if replace {
            disk.rename(parent.as_fd(), &temporary, &target.name)
        } else {
            disk.rename_to_free(parent.as_fd(), &temporary, &target.name)
        }
    });
    placed.map_err(|errno| {
        let _ = disk.remove_file(&parent, &temporary);
        failed(errno)
    })
}

/// Writes files that belong together, none of which may exist: all of them or none.
///
/// If one cannot be written, those before it are removed again.
pub fn write_new_files(files: &[(&Path, &[u8])], mode: u32) -> Result<(), DiskError> {
    for (index, (path, bytes)) in files.iter().enumerate() {
        if let Err(error) = write_file(path, bytes, mode, false) {
            files[..index].iter().for_each(|(written, _)| remove_file(written));
            return Err(error);
        }
    }
    Ok(())
}

/// Removes a file that was just written; errors are ignored.
fn remove_file(path: &Path) {
    if let Ok(target) = CommitPath::resolve(path)
        && let Ok(parent) = open_directory(&target.parent)
    {
        let _ = without_hook(|disk| disk.remove_file(&parent, &target.name));
    }
}

/// The hidden name under which the file `name` is written.
pub(crate) fn beside(name: &OsStr) -> OsString {
    let mut temporary = OsString::from(".");
    temporary.push(name);
    temporary.push(format!(".flare-kube-{}", std::process::id()));
    temporary
}

pub(crate) fn open_directory(path: &Path) -> rustix::io::Result<OwnedFd> {
    openat(CWD, path, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())
}

/// A path with every link in it resolved, as far as it exists; what does not exist yet is kept as it is.
///
/// For comparing two paths that may lead to the same directory. The path must be absolute and without `.` and `..`.
pub fn resolved(path: &Path) -> PathBuf {
    canonical(path)
}

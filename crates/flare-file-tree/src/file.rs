//! Single files that flare-kube writes for people: whole or not at all.

use std::{
    ffi::OsString,
    os::fd::AsFd as _,
    path::{Path, PathBuf},
};

use rustix::{
    fs::{CWD, Mode, OFlags, openat},
    io::Errno,
};

use crate::{DiskError, commit::make_parents, disk::Disk, place::Target, real_path::canonical};

/// Writes a file whole: under a temporary name beside it, then by one rename. Missing directories above it are made.
///
/// With `replace` false, what stands at the path is never touched: the error says that it exists. `mode` holds the permission
/// bits, whatever the process's umask is.
pub fn write_file(path: &Path, bytes: &[u8], mode: u32, replace: bool) -> Result<(), DiskError> {
    let mut gate = |_: crate::Step<'_>| Ok(());
    let mut disk = Disk { gate: &mut gate, cancelled: None };
    let target = Target::resolve(path)?;
    make_parents(&mut disk, &target.parent, &mut Vec::new()).map_err(|error| error.into_disk_error("create", path))?;
    let failed = |errno: Errno| DiskError::new("write", path, errno);
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let parent = openat(CWD, &target.parent, flags, Mode::empty()).map_err(failed)?;
    let mut temporary = OsString::from(".");
    temporary.push(&target.name);
    temporary.push(format!(".flare-kube-{}", std::process::id()));
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

/// Writes files that belong together, each where nothing stands yet: all of them, or none.
///
/// Where one cannot be written, those before it are removed again.
pub fn write_new_files(files: &[(&Path, &[u8])], mode: u32) -> Result<(), DiskError> {
    for (index, (path, bytes)) in files.iter().enumerate() {
        if let Err(error) = write_file(path, bytes, mode, false) {
            for (written, _) in &files[..index] {
                let _ = rustix::fs::unlink(*written);
            }
            return Err(error);
        }
    }
    Ok(())
}

/// A path with every link on the way resolved, as far as it exists; what does not exist yet is kept as it is.
///
/// For comparing two paths that may lead to the same directory. The path must be absolute and without `.` and `..`.
pub fn resolved(path: &Path) -> PathBuf {
    canonical(path)
}

#[cfg(test)]
#[allow(clippy::disallowed_methods, reason = "tests look at the disk from outside")]
mod tests {
    use super::write_new_files;

    #[test]
    fn none_of_the_files_is_left_where_one_of_them_cannot_be_written() {
        let directory = tempfile::tempdir().unwrap();
        let (first, second) = (directory.path().join("new/first"), directory.path().join("taken"));
        std::fs::write(&second, "mine").unwrap();
        let files: [(&std::path::Path, &[u8]); 2] = [(&first, b"1"), (&second, b"2")];
        assert!(write_new_files(&files, 0o644).is_err());
        assert!(!first.exists());
        assert_eq!(std::fs::read_to_string(&second).unwrap(), "mine");
        std::fs::remove_file(&second).unwrap();
        write_new_files(&files, 0o644).unwrap();
        assert_eq!(
            (std::fs::read_to_string(&first).unwrap(), std::fs::read_to_string(&second).unwrap()),
            ("1".into(), "2".into())
        );
    }
}

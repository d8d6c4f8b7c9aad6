//! A file of any size that is written piece by piece and appears at its path whole or not at all.

use std::{
    ffi::OsString,
    fs::File,
    os::fd::{AsFd as _, OwnedFd},
    path::{Path, PathBuf},
};

use rustix::{
    fs::{AtFlags, CWD, FileType, Mode, OFlags, fstat, openat, statat},
    io::Errno,
};

use crate::{
    DiskError,
    destination::CommitPath,
    disk::without_hook,
    file::{beside, open_directory},
    source::{READ_STRICTLY, kind},
};

/// A file that gets its name when it is complete.
///
/// If the file system supports files without a name, a run that is killed leaves nothing; otherwise it leaves a hidden
/// file beside the path.
#[derive(Debug)]
pub struct NewFile {
    file: File,
    parent: OwnedFd,
    name: OsString,
    path: PathBuf,
    replace: bool,
    /// The hidden name under which it is written, if it has one.
    temporary: Option<OsString>,
}

impl NewFile {
    /// Begins a file. `mode` holds the permission bits, which the process's umask reduces. The directory must exist.
    ///
    /// # Errors
    /// If something at the path may not be replaced: with `replace` anything but a regular file, otherwise anything.
    pub fn begin(path: &Path, mode: u32, replace: bool) -> Result<Self, DiskError> {
        let failed = |errno: Errno| DiskError::new("write", path, errno);
        let target = CommitPath::resolve(path)?;
        let parent = open_directory(&target.parent).map_err(failed)?;
        match statat(&parent, &target.name, AtFlags::SYMLINK_NOFOLLOW) {
            Err(Errno::NOENT) => {}
            Err(errno) => return Err(failed(errno)),
            Ok(stat) if kind(&stat) == FileType::Directory => return Err(failed(Errno::ISDIR)),
            Ok(stat) if replace && kind(&stat) == FileType::RegularFile => {}
            Ok(_) => return Err(failed(Errno::EXIST)),
        }
        let (file, temporary) = without_name(&parent, &target.name, Mode::from_raw_mode(mode)).map_err(failed)?;
        Ok(Self { file, parent, name: target.name, path: path.to_owned(), replace, temporary })
    }

    /// A second file in the same directory, which never gets a name, for intermediate data.
    pub fn scratch(&self) -> Result<File, DiskError> {
        let failed = |errno: Errno| DiskError::new("write", &self.path, errno);
        let mut name = OsString::from("scratch-");
        name.push(&self.name);
        let (file, temporary) = without_name(&self.parent, &name, Mode::RUSR | Mode::WUSR).map_err(failed)?;
        if let Some(temporary) = temporary {
            without_hook(|disk| disk.remove_file(&self.parent, &temporary)).map_err(failed)?;
        }
        Ok(file)
    }

    /// The file, for writing and for reading back.
    pub fn file(&self) -> &File {
        &self.file
    }

    /// The error of a write to it.
    pub fn failed(&self, error: std::io::Error) -> DiskError {
        DiskError::new("write", &self.path, error)
    }

    /// Writes the content and then the name through to the disk.
    ///
    /// # Errors
    /// If a call on the disk fails, or something has appeared at the path meanwhile.
    pub fn commit(mut self) -> Result<(), DiskError> {
        self.file.sync_all().map_err(|error| self.failed(error))?;
        let placed = self.place();
        placed.map_err(|errno| DiskError::new("write", &self.path, errno))?;
        self.temporary = None;
        // The file is complete under its name, so a file system that cannot sync a directory is not a fault.
        let _ = without_hook(|disk| disk.sync(&self.parent, &self.name));
        Ok(())
    }

    fn place(&mut self) -> rustix::io::Result<()> {
        without_hook(|disk| {
            if self.temporary.is_none() {
                if !self.replace {
                    return disk.name_file(&self.file, &self.parent, &self.name);
                }
                let temporary = beside(&self.name);
                let _ = disk.remove_file(&self.parent, &temporary);
                disk.name_file(&self.file, &self.parent, &temporary)?;
                self.temporary = Some(temporary);
            }
            let temporary = self.temporary.as_ref().unwrap_or(&self.name);
            if self.replace {
                disk.rename(&self.parent, temporary, &self.name)
            } else {
                disk.rename_to_free(&self.parent, temporary, &self.name)
            }
        })
    }
}

/// A file that was not committed leaves nothing behind.
impl Drop for NewFile {
    fn drop(&mut self) {
        if let Some(temporary) = &self.temporary {
            let _ = without_hook(|disk| disk.remove_file(&self.parent, temporary));
        }
    }
}

/// A new file to write and read: without a name or, if the file system does not support that, with a hidden one.
fn without_name(parent: &OwnedFd, name: &OsString, mode: Mode) -> rustix::io::Result<(File, Option<OsString>)> {
    without_hook(|disk| {
        match disk.create_file_without_name(parent, name, mode) {
            Ok(file) => return Ok((File::from(file), None)),
            // The answers of file systems and old kernels that do not support it.
            Err(Errno::OPNOTSUPP | Errno::ISDIR | Errno::NOENT | Errno::INVAL) => {}
            Err(errno) => return Err(errno),
        }
        let temporary = beside(name);
        let _ = disk.remove_file(parent, &temporary);
        let file = disk.create_file_to_read_back(parent, &temporary, mode)?;
        Ok((File::from(file), Some(temporary)))
    })
}

/// Opens a file that the user named, to read it piece by piece. A link is followed; anything but a regular file is refused.
///
/// # Errors
/// If there is no such file, or it cannot be read.
pub fn open_file(path: &Path) -> Result<File, DiskError> {
    let failed = |errno: Errno| DiskError::new("read", path, errno);
    let file = openat(CWD, path, READ_STRICTLY.difference(OFlags::NOFOLLOW), Mode::empty()).map_err(failed)?;
    let stat = fstat(file.as_fd()).map_err(failed)?;
    match kind(&stat) {
        FileType::RegularFile => Ok(File::from(file)),
        FileType::Directory => Err(failed(Errno::ISDIR)),
        _ => Err(failed(Errno::INVAL)),
    }
}

#[cfg(test)]
#[allow(clippy::disallowed_methods, reason = "tests look at the disk from outside")]
mod tests {
    use std::{fs, io::Write as _, os::unix::fs::PermissionsExt as _};

    use super::NewFile;

    #[test]
    fn a_file_is_seen_when_it_is_whole_and_replaces_only_what_it_may() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("backup.tar");
        let names = || fs::read_dir(directory.path()).unwrap().count();
        let new = NewFile::begin(&path, 0o600, false).unwrap();
        new.file().write_all(b"one").unwrap();
        assert!(!path.exists());
        drop(new);
        assert_eq!(names(), 0, "one that was given up leaves nothing");
        let new = NewFile::begin(&path, 0o600, false).unwrap();
        new.file().write_all(b"one").unwrap();
        new.commit().unwrap();
        assert_eq!((fs::read(&path).unwrap(), names()), (b"one".to_vec(), 1));
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(NewFile::begin(&path, 0o600, false).is_err());
        let new = NewFile::begin(&path, 0o600, true).unwrap();
        new.file().write_all(b"two").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"one");
        new.commit().unwrap();
        assert_eq!((fs::read(&path).unwrap(), names()), (b"two".to_vec(), 1));
        assert!(NewFile::begin(directory.path(), 0o600, true).is_err());
    }

    #[test]
    fn what_came_to_stand_there_meanwhile_is_kept() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("backup.tar");
        let new = NewFile::begin(&path, 0o600, false).unwrap();
        fs::write(&path, "theirs").unwrap();
        assert!(new.commit().is_err());
        assert_eq!(fs::read_to_string(&path).unwrap(), "theirs");
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
    }
}

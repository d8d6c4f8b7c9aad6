//! Writes a tree into an open, empty directory that others cannot access.

use std::{
    ffi::OsStr,
    fs::File,
    io::{Seek as _, SeekFrom},
    ops::Range,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    path::Path,
};

use rustix::{
    fs::{Mode, OFlags, SeekFrom as Seek, openat, seek},
    io::Errno,
};

use crate::{
    CommitError, Content, DiskError, Entry, FileTree, RelativePath,
    disk::Disk,
    source::{COPY_CHUNK, READ_STRICTLY, open_source},
};

pub(crate) struct Writer<'run, 'disk> {
    pub(crate) disk: &'run mut Disk<'disk>,
    /// Where the tree will be, for errors.
    pub(crate) destination: &'run Path,
    pub(crate) durable: bool,
}

/// A directory that is being filled. Its own mode is set last, since that may forbid writing to it.
struct Filling<'tree> {
    directory: OwnedFd,
    path: &'tree RelativePath,
    mode: u32,
}

impl Writer<'_, '_> {
    /// Writes all entries; the mode of the root stays as it is.
    pub(crate) fn write(&mut self, tree: &FileTree, root: BorrowedFd<'_>) -> Result<(), CommitError> {
        let mut open: Vec<Filling<'_>> = Vec::new();
        for (path, entry) in tree.iter() {
            if self.disk.is_cancelled() {
                return Err(CommitError::Interrupted);
            }
            while open.len() >= path.depth() {
                self.finish(open.pop())?;
            }
            let parent = open.last().map_or(root, |filling| filling.directory.as_fd());
            match entry {
                Entry::Directory { mode } => {
                    let directory = self.directory(parent, path.name()).map_err(|errno| self.failed("create", path, errno))?;
                    open.push(Filling { directory, path, mode: *mode });
                }
                Entry::File { content: Content::Bytes(bytes), mode } => {
                    self.file(parent, path.name(), bytes, *mode).map_err(|errno| self.failed("write", path, errno))?;
                }
                Entry::File { content: Content::OnDisk { source, length }, mode } => {
                    self.copy(parent, path, (source, *length), *mode)?;
                }
            }
        }
        while let Some(filling) = open.pop() {
            self.finish(Some(filling))?;
        }
        Ok(())
    }

    fn directory(&mut self, parent: BorrowedFd<'_>, name: &OsStr) -> Result<OwnedFd, Errno> {
        self.disk.make_directory(parent, name, Mode::RWXU)?;
        openat(parent, name, READ_STRICTLY | OFlags::DIRECTORY, Mode::empty())
    }

    /// Creates the file with its final mode, or less if the umask reduces it, so that others can never read what
    /// they may not read in the end. The last call restores what the umask removed.
    fn file(&mut self, parent: BorrowedFd<'_>, name: &OsStr, bytes: &[u8], mode: u32) -> Result<(), Errno> {
        let file = self.disk.create_file(parent, name, Mode::from_raw_mode(mode & 0o777))?;
        self.disk.write(&file, name, bytes)?;
        self.close(&file, name, mode)
    }

    /// Copies the parts of a file that hold data, so that a file with holes keeps them.
    fn copy(&mut self, parent: BorrowedFd<'_>, path: &RelativePath, source: (&Path, u64), mode: u32) -> Result<(), CommitError> {
        let (source, length) = source;
        let mut reading = open_source(source, length)?;
        let created = self.disk.create_file(parent, path.name(), Mode::from_raw_mode(mode & 0o777));
        let mut file = File::from(created.map_err(|errno| self.failed("create", path, errno))?);
        let mut at = 0;
        while let Some(data) = next_data(&reading, at, length).map_err(|errno| DiskError::new("read", source, errno))? {
            let sought = reading.seek(SeekFrom::Start(data.start)).and_then(|_| file.seek(SeekFrom::Start(data.start)));
            sought.map_err(|error| DiskError::new("write", self.destination.join(path), error))?;
            at = data.start;
            while at < data.end {
                if self.disk.is_cancelled() {
                    return Err(CommitError::Interrupted);
                }
                let copied = self.disk.copy(&mut reading, &mut file, path.name(), (data.end - at).min(64 * COPY_CHUNK as u64));
                match copied.map_err(|error| DiskError::new("write", self.destination.join(path), error))? {
                    0 => return Err(DiskError::changed(source).into()),
                    count => at += count,
                }
            }
        }
        if at < length {
            self.disk.set_length(&file, path.name(), length).map_err(|errno| self.failed("write", path, errno))?;
        }
        self.close(&file, path.name(), mode).map_err(|errno| self.failed("write", path, errno))
    }

    fn finish(&mut self, filling: Option<Filling<'_>>) -> Result<(), CommitError> {
        let Some(Filling { directory, path, mode }) = filling else { return Ok(()) };
        self.close(&directory, path.name(), mode).map_err(|errno| self.failed("set the mode of", path, errno))
    }

    pub(crate) fn close(&mut self, file: impl AsFd, name: &OsStr, mode: u32) -> Result<(), Errno> {
        self.disk.set_mode(&file, name, Mode::from_raw_mode(mode))?;
        if self.durable { self.disk.sync(&file, name) } else { Ok(()) }
    }

    fn failed(&self, action: &'static str, path: &RelativePath, errno: Errno) -> CommitError {
        DiskError::new(action, self.destination.join(path), errno).into()
    }
}

/// The next part of a file that holds data, from an offset on; `None` where only a hole or the end follows.
fn next_data(file: &File, from: u64, length: u64) -> Result<Option<Range<u64>>, Errno> {
    if from >= length {
        return Ok(None);
    }
    let start = match seek(file, Seek::Data(from)) {
        Ok(start) => start,
        Err(Errno::NXIO) => return Ok(None),
        // A file system without holes.
        Err(Errno::INVAL | Errno::OPNOTSUPP) => return Ok(Some(from..length)),
        Err(errno) => return Err(errno),
    };
    let end = seek(file, Seek::Hole(start))?;
    Ok((start < length).then_some(start..end.min(length)))
}

//! Opens files for reading such that a pipe cannot block the call and a link cannot lead it elsewhere.

use std::{
    fs::File,
    io::{self, Read},
    os::fd::{AsFd, OwnedFd},
    path::Path,
};

use flare_diagnostic::{Code, Diagnostic, Faults, Place};
use rustix::fs::{CWD, FileType, Mode, OFlags, Stat, fstat, openat};

use crate::{
    Content, DiskError,
    error::{reason, shown},
};

/// How much of a large file is read or copied at once, in bytes.
pub(crate) const COPY_CHUNK: usize = 1 << 20;

/// For reading: a pipe or a device does not block the call, and the last name must not be a link.
pub(crate) const READ_STRICTLY: OFlags = OFlags::RDONLY.union(OFlags::CLOEXEC).union(OFlags::NONBLOCK).union(OFlags::NOFOLLOW);

pub(crate) fn kind(stat: &Stat) -> FileType {
    FileType::from_raw_mode(stat.st_mode)
}

/// The length of a file; the system never gives a negative one.
pub(crate) fn length(stat: &Stat) -> u64 {
    u64::try_from(stat.st_size).unwrap_or(0)
}

impl Content {
    /// Reads the content piece by piece. A file that stays on disk must still have the length that it had when it was found.
    ///
    /// # Errors
    ///
    /// The file cannot be opened, or is a different one now.
    pub fn reader(&self) -> Result<ContentReader<'_>, DiskError> {
        Ok(ContentReader(match self {
            Self::Bytes(bytes) => Source::Bytes(bytes),
            Self::OnDisk { source, length } => Source::File(open_source(source, *length)?.take(*length)),
        }))
    }

    /// All its bytes, from memory or disk. Their number is known before ([`Self::len`]).
    ///
    /// # Errors
    ///
    /// The file cannot be read, or is a different one now.
    pub fn read(&self) -> Result<Vec<u8>, DiskError> {
        let (source, length) = match self {
            Self::Bytes(bytes) => return Ok(bytes.clone()),
            Self::OnDisk { source, length } => (source, *length),
        };
        let read = read_open(open_source(source, length)?, length, length);
        let bytes = read.map_err(|error| DiskError::new("read", source, error))?;
        // It had this length when it was opened.
        bytes.filter(|bytes| bytes.len() as u64 == length).ok_or_else(|| DiskError::changed(source))
    }
}

/// Reads a [`Content`], in memory or on disk. If a file is truncated after it was opened, the bytes end early.
#[derive(Debug)]
pub struct ContentReader<'content>(Source<'content>);

enum Source<'content> {
    Bytes(&'content [u8]),
    File(io::Take<File>),
}

/// Shows where it reads, never the bytes.
impl std::fmt::Debug for Source<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Self::Bytes(_) => "memory",
            Self::File(_) => "a file",
        })
    }
}

impl Read for ContentReader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match &mut self.0 {
            Source::Bytes(bytes) => bytes.read(buffer),
            Source::File(file) => file.read(buffer),
        }
    }
}

/// Opens the file of a `Content::OnDisk` again.
pub(crate) fn open_source(path: &Path, expected: u64) -> Result<File, DiskError> {
    let failed = |errno: rustix::io::Errno| DiskError::new("read", path, errno);
    let file = openat(CWD, path, READ_STRICTLY, Mode::empty()).map_err(failed)?;
    let stat = fstat(&file).map_err(failed)?;
    if kind(&stat) != FileType::RegularFile || length(&stat) != expected {
        return Err(DiskError::changed(path));
    }
    Ok(File::from(file))
}

/// Reads an open file whose length is known; `None` if it turns out to be longer than `limit`.
pub(crate) fn read_open(file: impl Into<OwnedFd>, length: u64, limit: u64) -> io::Result<Option<Vec<u8>>> {
    if length > limit {
        return Ok(None);
    }
    // One byte more, so that the read that finds the end does not grow the buffer.
    let mut bytes = Vec::with_capacity(usize::try_from(length).unwrap_or(0) + 1);
    File::from(file.into()).take(limit.saturating_add(1)).read_to_end(&mut bytes)?;
    Ok(if bytes.len() as u64 > limit { None } else { Some(bytes) })
}

/// Reads one file that the user named, such as `k8s.yaml`. A link is followed, since the user named it; what is not a
/// regular file or is longer than `limit` bytes is refused.
///
/// `not_found` is the code if there is no such file, `invalid` that of every other error.
pub fn read_file(path: &Path, limit: u64, not_found: Code, invalid: Code) -> Result<Vec<u8>, Faults> {
    let fault =
        |code, message: String, hint: &str| Faults::from(Diagnostic::error(code, message).hint(hint).at(Place::from(path)));
    let failed = |error: io::Error| match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => {
            fault(not_found, format!("there is no file `{}`", shown(path)), "check the path")
        }
        _ => fault(invalid, format!("cannot read `{}`: {}", shown(path), reason(&error)), "make the file readable"),
    };
    let opened = openat(CWD, path, READ_STRICTLY.difference(OFlags::NOFOLLOW), Mode::empty());
    let file = opened.map_err(|errno| failed(errno.into()))?;
    let stat = fstat(file.as_fd()).map_err(|errno| failed(errno.into()))?;
    if kind(&stat) != FileType::RegularFile {
        let message = format!("`{}` is {}, not a file", shown(path), kind_name(kind(&stat)));
        return Err(fault(invalid, message, "give a regular file"));
    }
    match read_open(file, length(&stat), limit).map_err(failed)? {
        Some(bytes) => Ok(bytes),
        None => {
            Err(fault(invalid, format!("`{}` is longer than {limit} bytes", shown(path)), "check that it is the file you meant"))
        }
    }
}

/// What people call a kind of file.
pub(crate) fn kind_name(kind: FileType) -> &'static str {
    match kind {
        FileType::RegularFile => "a file",
        FileType::Directory => "a directory",
        FileType::Symlink => "a symbolic link",
        FileType::Fifo => "a named pipe",
        FileType::Socket => "a socket",
        FileType::CharacterDevice | FileType::BlockDevice => "a device",
        FileType::Unknown => "of an unknown kind",
    }
}

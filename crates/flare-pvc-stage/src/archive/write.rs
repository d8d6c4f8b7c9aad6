//! Writes a backup.

use std::{
    fs::File,
    io::{self, BufWriter, Read as _, Seek as _, Write as _},
    os::unix::fs::FileExt as _,
};

use flare_file_tree::{DiskError, Hasher, NewFile};
use tar::{EntryType, Header};

use super::line::{BLOCK, Line, MANIFEST, PathBytes, Total};

/// The size of a tar record in bytes.
const RECORD: usize = 512;

/// The longest name that fits into a header. A longer name has its own entry before it.
const LONGEST_NAME: usize = 99;

/// A file that is being written into the tar file.
struct Open {
    header: Header,
    /// The offset of its header.
    at: u64,
    path: PathBytes,
    mode: u32,
    mtime: u64,
    size: u64,
    written: u64,
    digest: Hasher,
}

/// A backup that is being written. It gets its name when it is complete and was read back.
pub(crate) struct ArchiveWriter {
    new: NewFile,
    tar: BufWriter<File>,
    /// The number of bytes written.
    position: u64,
    /// The manifest, in a temporary file until it is appended.
    manifest: BufWriter<File>,
    open: Option<Open>,
    total: Total,
}

impl ArchiveWriter {
    pub(crate) fn begin(new: NewFile) -> Result<Self, DiskError> {
        let manifest = BufWriter::new(new.scratch()?);
        let tar = new.file().try_clone().map_err(|error| new.failed(error))?;
        let tar = BufWriter::with_capacity(BLOCK, tar);
        Ok(Self { new, tar, position: 0, manifest, open: None, total: Total::default() })
    }

    /// Writes a line of the manifest, and for a directory or a link its entry.
    pub(crate) fn line(&mut self, line: &Line) -> Result<(), DiskError> {
        self.try_line(line).map_err(|error| self.new.failed(error))
    }

    fn try_line(&mut self, line: &Line) -> io::Result<()> {
        match line {
            Line::Directory { path, mode, mtime } => {
                let name = [&path.0, &b"/"[..]].concat();
                self.header(EntryType::Directory, &name, *mode, *mtime, 0)?;
            }
            Line::Link { path, target, mtime } => {
                let target = &target.0.0;
                if target.len() > LONGEST_NAME {
                    self.long(EntryType::GNULongLink, target)?;
                }
                let mut header = header(EntryType::Symlink, 0o777, *mtime, 0);
                let field = &mut header.as_gnu_mut().expect("it was made as one").linkname;
                fill(field, target);
                self.named(header, &path.0)?;
            }
            _ => {}
        }
        self.manifest.write_all(&line.write())
    }

    /// Begins a file of this size.
    pub(crate) fn begin_file(&mut self, path: PathBytes, mode: u32, mtime: u64, size: u64) -> Result<(), DiskError> {
        let written = self.header(EntryType::Regular, &path.0, mode, mtime, size);
        let (header, at) = written.map_err(|error| self.new.failed(error))?;
        self.open = Some(Open { header, at, path, mode, mtime, size, written: 0, digest: Hasher::default() });
        Ok(())
    }

    /// Writes the next bytes of the file.
    pub(crate) fn data(&mut self, bytes: &[u8]) -> Result<(), DiskError> {
        if let Some(open) = &mut self.open {
            open.digest.update(bytes);
            open.written += bytes.len() as u64;
        }
        self.write(bytes).map_err(|error| self.new.failed(error))
    }

    /// Ends the file. Returns whether its length and SHA-256 are those on the volume.
    pub(crate) fn end_file(&mut self, size: u64, sha256: &str) -> Result<bool, DiskError> {
        let Some(open) = self.open.take() else { return Ok(false) };
        let same = open.written == size && open.digest.clone().finish().to_string() == sha256;
        if same {
            self.close(open, sha256).map_err(|error| self.new.failed(error))?;
        }
        Ok(same)
    }

    fn close(&mut self, mut open: Open, sha256: &str) -> io::Result<()> {
        self.pad(open.written)?;
        if open.written != open.size {
            // The file became shorter while it was read, so its header is corrected.
            open.header.set_size(open.written);
            open.header.set_cksum();
            self.tar.flush()?;
            self.new.file().write_all_at(open.header.as_bytes(), open.at)?;
        }
        self.total.files += 1;
        self.total.bytes += open.written;
        let Open { path, mode, mtime, written: size, .. } = open;
        self.try_line(&Line::File { path, mode, mtime, size, sha256: sha256.to_owned() })
    }

    /// Writes the manifest and the end of the tar file; returns the file, which has no name yet.
    pub(crate) fn finish(mut self) -> Result<(NewFile, Total), DiskError> {
        let total = self.total;
        match self.try_finish() {
            Ok(()) => Ok((self.new, total)),
            Err(error) => Err(self.new.failed(error)),
        }
    }

    fn try_finish(&mut self) -> io::Result<()> {
        self.try_line(&Line::End(self.total))?;
        self.manifest.flush()?;
        let length = self.manifest.stream_position()?;
        self.manifest.rewind()?;
        self.header(EntryType::Regular, MANIFEST.as_bytes(), 0o644, 0, length)?;
        let mut block = vec![0; BLOCK];
        loop {
            let count = self.manifest.get_mut().read(&mut block)?;
            if count == 0 {
                break;
            }
            self.write(&block[..count])?;
        }
        self.pad(length)?;
        self.write(&[0; 2 * RECORD])?;
        self.tar.flush()
    }

    fn header(&mut self, kind: EntryType, name: &[u8], mode: u32, mtime: u64, size: u64) -> io::Result<(Header, u64)> {
        self.named(header(kind, mode, mtime, size), name)
    }

    /// Writes a header with its name, and before it an entry for a name that is too long; returns the header's offset.
    fn named(&mut self, mut header: Header, name: &[u8]) -> io::Result<(Header, u64)> {
        if name.len() > LONGEST_NAME {
            self.long(EntryType::GNULongName, name)?;
        }
        fill(&mut header.as_gnu_mut().expect("it was made as one").name, name);
        header.set_cksum();
        let at = self.position;
        self.write(header.as_bytes())?;
        Ok((header, at))
    }

    /// Writes an entry with a long name, as GNU tar does.
    fn long(&mut self, kind: EntryType, name: &[u8]) -> io::Result<()> {
        let size = name.len() as u64 + 1;
        self.header(kind, b"././@LongLink", 0o644, 0, size)?;
        self.write(name)?;
        self.write(&[0])?;
        self.pad(size)
    }

    fn pad(&mut self, size: u64) -> io::Result<()> {
        let zeros = [0; RECORD];
        let begun = usize::try_from(size % RECORD as u64).unwrap_or(0);
        let missing = (RECORD - begun) % RECORD;
        self.write(&zeros[..missing])
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.tar.write_all(bytes)?;
        self.position += bytes.len() as u64;
        Ok(())
    }
}

fn header(kind: EntryType, mode: u32, mtime: u64, size: u64) -> Header {
    let mut header = Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_mtime(mtime);
    header.set_size(size);
    header.set_uid(0);
    header.set_gid(0);
    header
}

/// Copies as much of a name as fits. The whole name is in an entry before.
fn fill(field: &mut [u8], name: &[u8]) {
    let length = name.len().min(LONGEST_NAME);
    field[..length].copy_from_slice(&name[..length]);
}

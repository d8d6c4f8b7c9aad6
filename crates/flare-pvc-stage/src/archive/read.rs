//! Reads a backup together with its manifest, so that nothing is used that the manifest does not list.

use std::{
    fs::File,
    io::{self, BufRead as _, BufReader, Read, Seek, SeekFrom},
    os::unix::fs::FileExt as _,
    path::Path,
};

use flare_diagnostic::{Code, Diagnostic, Place};
use flare_file_tree::{Digest, Hasher, open_file};
use tar::{Archive, Entries, Entry, EntryType};

use super::line::{BLOCK, FORMAT_VERSION, Head, Line, MANIFEST, PathBytes, Total};

/// The maximum length of a manifest's line, which has up to two escaped paths.
const LONGEST_LINE: u64 = 64 << 10;

/// A part of a file with its own position, so that several readers can share the file.
#[derive(Debug)]
pub(crate) struct Part<'file> {
    file: &'file File,
    begin: u64,
    position: u64,
    end: u64,
}

impl Read for Part<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.end.saturating_sub(self.position)).unwrap_or(usize::MAX).min(buffer.len());
        let count = self.file.read_at(&mut buffer[..left], self.position)?;
        self.position += count as u64;
        Ok(count)
    }
}

impl Seek for Part<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let position = match to {
            SeekFrom::Start(position) => self.begin.checked_add(position),
            SeekFrom::Current(change) => self.position.checked_add_signed(change),
            SeekFrom::End(change) => self.end.checked_add_signed(change),
        };
        self.position = position.filter(|position| *position >= self.begin).ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.position - self.begin)
    }
}

/// The whole file as a tar archive.
pub(crate) fn positioned(file: &File) -> io::Result<Archive<Part<'_>>> {
    let end = file.metadata()?.len();
    Ok(Archive::new(Part { file, begin: 0, position: 0, end }))
}

/// Opens the file of a backup.
///
/// # Errors
/// `INVALID_ARGS` if it cannot be opened.
pub(crate) fn open(path: &Path) -> Result<File, Diagnostic> {
    open_file(path).map_err(|error| error.into_diagnostic_or(Code::InvalidArgs, "name a file that `backup` wrote"))
}

fn invalid(path: &Path, why: &str) -> Diagnostic {
    Diagnostic::error(Code::InvalidBackup, format!("`{}` {why}", path.display()))
        .hint("take another copy of the backup; one that is damaged is still a tar, from which `tar xf` takes what can be read")
        .at(Place::from(path))
}

/// A line of the manifest, and its entry in the tar file.
pub(crate) type Step<'archive> = (Line, Option<Entry<'archive, Part<'archive>>>);

/// An iterator over the manifest's lines, each with its entry.
pub(crate) struct Steps<'archive> {
    path: &'archive Path,
    entries: Entries<'archive, Part<'archive>>,
    manifest: BufReader<Part<'archive>>,
}

impl<'archive> Steps<'archive> {
    /// Finds the manifest, which is the last entry, and begins with its first line.
    pub(crate) fn begin(
        path: &'archive Path,
        file: &'archive File,
        archive: &'archive mut Archive<Part<'archive>>,
    ) -> Result<Self, Diagnostic> {
        let unreadable = |_| invalid(path, "cannot be read as a tar");
        let mut last = None;
        let mut looking = positioned(file).map_err(unreadable)?;
        for entry in looking.entries_with_seek().map_err(unreadable)? {
            let entry = entry.map_err(unreadable)?;
            let is_manifest = entry.path_bytes().as_ref() == MANIFEST.as_bytes();
            last = Some((is_manifest, entry.raw_file_position(), entry.size()));
        }
        let Some((true, begin, length)) = last else {
            return Err(invalid(path, &format!("is not a whole backup: its last entry is not `{MANIFEST}`")));
        };
        let manifest = Part { file, begin, position: begin, end: begin.saturating_add(length) };
        let entries = archive.entries_with_seek().map_err(unreadable)?;
        Ok(Self { path, entries, manifest: BufReader::new(manifest) })
    }

    /// The next line, and its entry. `None` after the last.
    pub(crate) fn next(&mut self) -> Result<Option<Step<'archive>>, Diagnostic> {
        let mut text = Vec::new();
        let unreadable = |_| invalid(self.path, "cannot be read");
        (&mut self.manifest).take(LONGEST_LINE).read_until(b'\n', &mut text).map_err(unreadable)?;
        if text.is_empty() {
            return Ok(None);
        }
        let line = if text.ends_with(b"\n") { serde_json::from_slice(&text).ok() } else { None };
        let line: Line = line.ok_or_else(|| invalid(self.path, "has a damaged manifest"))?;
        if !line.is_sound() {
            return Err(invalid(self.path, "has a manifest with a path that leads elsewhere"));
        }
        let Some(path) = line.entry() else { return Ok(Some((line, None))) };
        let differs = || invalid(self.path, &format!("does not hold `{}` as its manifest says", path.shown()));
        let entry = self.entries.next().ok_or_else(differs)?.map_err(|_| invalid(self.path, "cannot be read as a tar"))?;
        if !fits(&line, path, &entry) {
            return Err(differs());
        }
        Ok(Some((line, Some(entry))))
    }

    /// The fault of a file whose bytes do not match the manifest.
    pub(crate) fn damaged(&self, path: &PathBytes) -> Diagnostic {
        invalid(self.path, &format!("is damaged: `{}` in it is not what was saved", path.shown()))
    }
}

fn fits(line: &Line, path: &PathBytes, entry: &Entry<'_, Part<'_>>) -> bool {
    let kind = entry.header().entry_type();
    let name = entry.path_bytes();
    let name = name.strip_suffix(b"/").filter(|_| kind == EntryType::Directory).unwrap_or(&name);
    let fits = match line {
        Line::Directory { .. } => kind == EntryType::Directory,
        Line::File { size, .. } => kind == EntryType::Regular && entry.size() == *size,
        Line::Link { target, .. } => {
            kind == EntryType::Symlink && entry.link_name_bytes().is_some_and(|found| found.as_ref() == target.0.0)
        }
        _ => false,
    };
    fits && name == path.0
}

/// Finds the manifest without reading the files before it.
///
/// # Errors
/// `INVALID_BACKUP`.
pub(crate) fn has_manifest(path: &Path, file: &File) -> Result<(), Diagnostic> {
    let mut archive = positioned(file).map_err(|_| invalid(path, "cannot be read"))?;
    Steps::begin(path, file, &mut archive).map(|_| ())
}

/// A backup that was read completely and matches its manifest.
#[derive(Debug)]
pub(crate) struct Verified {
    pub(crate) head: Head,
    pub(crate) total: Total,
}

/// Reads the whole backup and compares it with its manifest. `each` is called with every line.
///
/// # Errors
/// `INVALID_BACKUP`: not a backup, damaged, or in a newer format; and the errors of `each`.
pub(crate) fn verify(
    path: &Path,
    file: &File,
    mut each: impl FnMut(&Line) -> Result<(), Diagnostic>,
) -> Result<Verified, Diagnostic> {
    let mut archive = positioned(file).map_err(|_| invalid(path, "cannot be read"))?;
    let mut steps = Steps::begin(path, file, &mut archive)?;
    let (mut head, mut end, mut total) = (None, None, Total::default());
    while let Some((line, entry)) = steps.next()? {
        match (&line, entry) {
            (Line::Backup(found), _) => {
                if found.format_version > FORMAT_VERSION {
                    return Err(invalid(path, &format!("was made by a newer flare-kube ({})", found.flare_kube))
                        .hint("restore it with that release or a later one"));
                }
                head = Some(found.clone());
            }
            (Line::File { path, size, sha256, .. }, Some(mut entry)) => {
                if digest(&mut entry).map_err(|_| steps.damaged(path))? != (*size, sha256.clone()) {
                    return Err(steps.damaged(path));
                }
                total.files += 1;
                total.bytes += size;
            }
            (Line::End(found), _) => end = Some(*found),
            _ => {}
        }
        each(&line)?;
    }
    match head {
        Some(head) if end == Some(total) => Ok(Verified { head, total }),
        _ => Err(invalid(path, "has a manifest that is not whole")),
    }
}

fn digest(entry: &mut impl Read) -> io::Result<(u64, String)> {
    let (mut hasher, mut size, mut block) = (Hasher::default(), 0, vec![0; BLOCK]);
    loop {
        let count = entry.read(&mut block)?;
        if count == 0 {
            return Ok((size, hasher.finish().to_string()));
        }
        hasher.update(&block[..count]);
        size += count as u64;
    }
}

/// The SHA-256 of the whole file.
pub(crate) fn digest_of(file: &File) -> io::Result<Digest> {
    let end = file.metadata()?.len();
    let (mut part, mut hasher, mut block) = (Part { file, begin: 0, position: 0, end }, Hasher::default(), vec![0; BLOCK]);
    loop {
        let count = part.read(&mut block)?;
        if count == 0 {
            return Ok(hasher.finish());
        }
        hasher.update(&block[..count]);
    }
}

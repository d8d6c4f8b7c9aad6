//! SHA-256 of a file or a tree.

use std::{fmt, io::Read as _};

use sha2::{Digest as _, Sha256};

use crate::{
    Content, DiskError, Entry, FileTree, RelativePath,
    source::{COPY_CHUNK, open_source},
};

/// A SHA-256; displays as 64 lower-case hex digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest(pub [u8; 32]);

impl Digest {
    /// The SHA-256 of the given bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }
}

/// A SHA-256 of bytes that arrive piece by piece.
#[derive(Debug, Clone, Default)]
pub struct Hasher(Sha256);

impl Hasher {
    /// Adds the next bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The digest of all bytes.
    pub fn finish(self) -> Digest {
        Digest(self.0.finalize().into())
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Not byte by byte: the digests of a marker would take as long as hashing its files.
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let digits = self.0.iter().flat_map(|byte| [byte >> 4, byte & 15]).map(|digit| char::from(DIGITS[usize::from(digit)]));
        formatter.write_str(&digits.collect::<String>())
    }
}

impl Content {
    /// The SHA-256 of the content. A file on disk is read piece by piece; it must still have the length that it had when it
    /// was found. Content in memory cannot fail.
    pub fn digest(&self) -> Result<Digest, DiskError> {
        let mut hasher = Sha256::new();
        self.feed(&mut hasher)?;
        Ok(Digest(hasher.finalize().into()))
    }

    fn feed(&self, hasher: &mut Sha256) -> Result<(), DiskError> {
        let (source, length) = match self {
            Self::Bytes(bytes) => {
                hasher.update(bytes);
                return Ok(());
            }
            Self::OnDisk { source, length } => (source, *length),
        };
        let mut file = open_source(source, length)?;
        let mut buffer = vec![0; COPY_CHUNK];
        let mut left = length;
        loop {
            let count = file.read(&mut buffer).map_err(|error| DiskError::new("read", source, error))?;
            if count == 0 || count as u64 > left {
                break;
            }
            hasher.update(&buffer[..count]);
            left -= count as u64;
        }
        if left == 0 { Ok(()) } else { Err(DiskError::changed(source)) }
    }
}

impl FileTree {
    /// The SHA-256 of the tree: of every path, its kind, whether its owner may execute it (files), and its content.
    ///
    /// Each part is preceded by its length and its kind, so that no two trees give the same input. Other permission
    /// bits do not count, because archives and volumes change them, while the execute bit decides whether a
    /// script runs. The mode of the directory itself does not count either. Fails only if a file that stays on disk
    /// cannot be read or has changed.
    pub fn digest(&self) -> Result<Digest, DiskError> {
        let mut hasher = Sha256::new();
        hasher.update(b"flare-kube tree 1\0");
        for (path, entry) in self.iter() {
            feed_entry(&mut hasher, path, entry)?;
        }
        Ok(Digest(hasher.finalize().into()))
    }
}

fn feed_entry(hasher: &mut Sha256, path: &RelativePath, entry: &Entry) -> Result<(), DiskError> {
    let kind = match entry {
        Entry::Directory { .. } => b'd',
        Entry::File { mode, .. } if mode & 0o100 != 0 => b'x',
        Entry::File { .. } => b'f',
    };
    hasher.update([kind]);
    hasher.update((path.as_bytes().len() as u64).to_le_bytes());
    hasher.update(path.as_bytes());
    if let Entry::File { content, .. } = entry {
        hasher.update(content.len().to_le_bytes());
        content.feed(hasher)?;
    }
    Ok(())
}

//! A layer: a reproducible tar file of entries, and its description in a manifest.
//!
//! Layers are not compressed: they never leave the machine, and a node unpacks them faster.

use std::{
    fs::{self, File},
    io::{self, BufWriter, Write},
    path::Path,
};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use tar::{Builder, EntryType, Header};

use super::entry::{Entries, LayerContent, LayerEntry};

/// The modification time of all files in layers: 2026-01-01, in seconds since 1970.
pub(super) const TIME: u64 = 1_767_225_600;

/// The description of a layer in a manifest. The digest of an uncompressed layer is also that of its content.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Layer {
    /// `sha256:` and 64 digits.
    pub(super) digest: String,
    /// In bytes.
    pub(super) size: u64,
}

/// A digest in the form of registries.
pub(super) fn digest(bytes: &[u8]) -> String {
    shown(Sha256::digest(bytes).as_slice())
}

fn shown(digest: &[u8]) -> String {
    let digits: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256:{digits}")
}

/// Writes entries as a tar file.
pub(super) fn write(entries: &Entries, file: &Path) -> io::Result<Layer> {
    let mut counted = Counted { inner: BufWriter::with_capacity(1 << 20, File::create(file)?), digest: Sha256::new(), size: 0 };
    write_tar(entries, &mut counted)?;
    counted.flush()?;
    Ok(Layer { digest: shown(counted.digest.finalize().as_slice()), size: counted.size })
}

/// Writes entries as tar to a writer.
pub(super) fn write_tar(entries: &Entries, writer: &mut dyn Write) -> io::Result<()> {
    let mut tar = Builder::new(writer);
    for (path, entry) in entries {
        append(&mut tar, path, entry)?;
    }
    tar.into_inner().map(drop)
}

fn append(tar: &mut Builder<&mut dyn Write>, path: &str, entry: &LayerEntry) -> io::Result<()> {
    let mut header = Header::new_gnu();
    header.set_mode(entry.mode);
    header.set_uid(entry.owner.0.into());
    header.set_gid(entry.owner.1.into());
    header.set_mtime(TIME);
    header.set_size(0);
    match &entry.content {
        LayerContent::Directory => {
            header.set_entry_type(EntryType::Directory);
            tar.append_data(&mut header, format!("{path}/"), io::empty())
        }
        LayerContent::Link(target) => {
            header.set_entry_type(EntryType::Symlink);
            tar.append_link(&mut header, path, target)
        }
        LayerContent::SameAs(first) => {
            header.set_entry_type(EntryType::Link);
            tar.append_link(&mut header, path, first)
        }
        LayerContent::File(place) => {
            header.set_entry_type(EntryType::Regular);
            header.set_size(fs::metadata(place)?.len());
            tar.append_data(&mut header, path, File::open(place)?)
        }
    }
}

/// A writer that computes the number and the digest of its bytes.
struct Counted<W> {
    inner: W,
    digest: Sha256,
    size: u64,
}

impl<W: Write> Write for Counted<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(bytes)?;
        self.digest.update(&bytes[..written]);
        self.size += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

#[cfg(test)]
mod tests;

//! The file of a backup: an ordinary tar file, whose last entry is a manifest with the SHA-256 of every file.
//!
//! It is written and read in pieces: memory does not grow with the size or the number of the files.

mod line;
mod read;
mod write;

pub use line::MANIFEST;
pub(crate) use line::{BLOCK, FORMAT_VERSION, Head, Line, LinkTarget, PathBytes, Total};
pub(crate) use read::{Steps, Verified, digest_of, has_manifest, open, positioned, verify};
pub(crate) use write::ArchiveWriter;

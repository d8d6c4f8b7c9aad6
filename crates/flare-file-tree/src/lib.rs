//! A folder as a value: a sorted map of paths to bytes and modes.
//!
//! [`FileTree::read`] takes a folder in, strictly: links, devices, pipes and unreadable files are refused by path.
//! [`commit`] puts a tree in place by one rename. Nothing else in flare-kube's pure crates touches the disk.

mod digest;
mod path;
mod tree;

pub use digest::Digest;
pub use path::{InvalidPath, RelativePath};
pub use tree::{Content, Entry, FileTree};

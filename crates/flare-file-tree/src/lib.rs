#![doc = include_str!("../README.md")]

mod commit;
mod destination;
mod digest;
mod disk;
mod error;
mod file;
mod keep;
mod new_file;
mod path;
mod read;
mod read_options;
mod real_path;
mod remove;
mod source;
mod staging_directory;
mod tree;
mod wait;
mod write;

pub use commit::{CommitOptions, Committed, commit, commit_with_hook};
pub use destination::{Destination, broken_links, directories, files, other_owner};
pub use digest::{Digest, Hasher};
pub use disk::{DiskCall, DiskOperation, FaultHook};
pub use error::{CommitError, DiskError};
pub use file::{resolved, write_file, write_new_files};
pub use new_file::{NewFile, open_file};
pub use path::{InvalidPath, RelativePath};
pub use read::Survey;
pub use read_options::ReadOptions;
pub use source::{ContentReader, read_file};
pub use tree::{Content, Entry, FileTree};

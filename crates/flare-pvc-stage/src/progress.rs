//! Progress and buffering of large transfers.

/// Called with the number of files and bytes that are done.
pub type Progress<'run> = &'run (dyn Fn(u64, u64) + Sync);

/// The size of the buffer between the connection and the disk, in bytes.
pub(crate) const ON_THE_WAY: usize = 1 << 20;

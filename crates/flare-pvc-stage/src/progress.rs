//! Large amounts on their way.

/// Told how many files and bytes are done.
pub type Progress<'run> = &'run (dyn Fn(u64, u64) + Sync);

/// How much may be between the connection and the disk, in bytes.
pub(crate) const ON_THE_WAY: usize = 1 << 20;

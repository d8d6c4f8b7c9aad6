//! A lock file for resources that only one run may use at a time.

use std::{
    fs::{self, File, TryLockError},
    path::Path,
    thread,
    time::Duration,
};

use flare_diagnostic::Faults;

use crate::{Context, fault::cache_disk};

/// Waits until no other run holds a lock file, and holds it until the value is dropped. The kernel releases the lock when the
/// process ends in any way; the file stays. `busy` is reported once if another run holds the lock.
///
/// # Errors
/// The run was interrupted while it waited, or an I/O error ([`flare_diagnostic::Code::MachineNotReady`]).
pub fn lock_file(context: &Context<'_>, path: &Path, busy: &str) -> Result<File, Faults> {
    let directory = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(directory).map_err(|error| cache_disk("made", directory, &error))?;
    let file = File::options().create(true).truncate(false).write(true).open(path);
    let file = file.map_err(|error| cache_disk("opened", path, &error))?;
    let mut said = false;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) if said => thread::sleep(Duration::from_millis(100)),
            Err(TryLockError::WouldBlock) => {
                (context.report)(busy);
                said = true;
            }
            Err(TryLockError::Error(error)) => return Err(cache_disk("locked", path, &error).into()),
        }
        context.check()?;
    }
}

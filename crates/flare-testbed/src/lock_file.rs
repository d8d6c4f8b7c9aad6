//! A lock file for resources that only one run may use at a time.

use std::{
    fs::{self, File, TryLockError},
    path::Path,
    thread,
    time::Duration,
};

use flare_diagnostic::Faults;

use crate::{Context, fault::cache_disk};

/// No system call waits for a lock and for Ctrl-C.
const PAUSE: Duration = Duration::from_millis(100);

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
    wait_for_lock(context, busy, || match file.try_lock() {
        Ok(()) => Ok(Some(())),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(cache_disk("locked", path, &error).into()),
    })?;
    Ok(file)
}

/// Waits until `try_lock` returns a lock; `None` means that another process holds it, and then `busy` is reported once.
///
/// # Errors
/// The run was interrupted while it waited, or an error of `try_lock`.
pub(crate) fn wait_for_lock<T>(
    context: &Context<'_>,
    busy: &str,
    mut try_lock: impl FnMut() -> Result<Option<T>, Faults>,
) -> Result<T, Faults> {
    let mut is_said = false;
    loop {
        if let Some(lock) = try_lock()? {
            return Ok(lock);
        }
        if !std::mem::replace(&mut is_said, true) {
            (context.report)(busy);
        }
        context.check()?;
        thread::sleep(PAUSE);
    }
}

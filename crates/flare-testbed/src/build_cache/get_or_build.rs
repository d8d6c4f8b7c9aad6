//! Results in the cache: built once by one run while others wait, and visible only when complete.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use flare_diagnostic::Faults;
use sha2::{Digest as _, Sha256};

use crate::{Context, fault::cache_disk, lock_file};

/// A result that was not used for this time counts as superseded.
const MONTH: Duration = Duration::from_hours(30 * 24);

/// Returns a directory of the cache, and builds it if it is missing.
///
/// `make` fills an empty directory beside `place`, which is renamed when everything in it is on the disk. So a directory at
/// `place` is complete; what a killed run left is under another name and is removed by the next run. A run that builds
/// something also removes what was not used for a month.
///
/// # Errors
/// Those of `make`; the run was interrupted while it waited for another one; an I/O error.
pub(crate) fn get_or_build(
    context: &Context<'_>,
    place: &Path,
    make: impl FnOnce(&Path) -> Result<(), Faults>,
) -> Result<(), Faults> {
    if place.is_dir() {
        note_use(place);
        return Ok(());
    }
    let _lock = lock(context, place)?;
    if place.is_dir() {
        return Ok(());
    }
    context.check()?;
    let partial = beside(place, "partial");
    remove(&partial)?;
    fs::create_dir(&partial).map_err(|error| cache_disk("made", &partial, &error))?;
    let ended = make(&partial).and_then(|()| context.check()).and_then(|()| settle(&partial, place));
    if ended.is_err() {
        // The first fault matters more than one about leftovers, which the next run removes.
        let _ = remove(&partial);
    }
    place.parent().into_iter().for_each(remove_superseded);
    ended
}

/// Records the use of a result as its directory's modification time. Fails silently if this user may not write to the cache.
fn note_use(place: &Path) {
    let _ = File::open(place).and_then(|directory| directory.set_modified(SystemTime::now()));
}

/// Removes directories that were last used long ago. One that cannot be removed only takes space.
fn remove_superseded(directory: &Path) {
    let is_old = |entry: &fs::DirEntry| {
        let metadata = entry.metadata().ok().filter(fs::Metadata::is_dir);
        metadata.and_then(|found| found.modified().ok()?.elapsed().ok()).is_some_and(|age| age > MONTH)
    };
    for entry in fs::read_dir(directory).into_iter().flatten().flatten().filter(is_old) {
        let _ = remove(&entry.path());
    }
}

/// A short key of everything that a result depends on.
pub(crate) fn key<'a>(inputs: impl IntoIterator<Item = &'a [u8]>) -> String {
    let mut digest = Sha256::new();
    for input in inputs {
        // The length distinguishes two inputs from their concatenation.
        digest.update(u64::try_from(input.len()).unwrap_or(u64::MAX).to_le_bytes());
        digest.update(input);
    }
    digest.finalize().iter().take(6).map(|byte| format!("{byte:02x}")).collect()
}

/// The lock of a result.
fn lock(context: &Context<'_>, place: &Path) -> Result<File, Faults> {
    let name = place.file_name().unwrap_or_default().to_string_lossy();
    lock_file(context, &beside(place, "lock"), &format!("another run makes `{name}`: waiting for it"))
}

/// Syncs a directory to the disk and renames it to its place.
fn settle(partial: &Path, place: &Path) -> Result<(), Faults> {
    let synced = fs::read_dir(partial).and_then(|mut entries| {
        entries.try_for_each(|entry| {
            let path = entry?.path();
            if path.is_file() { File::open(path)?.sync_all() } else { Ok(()) }
        })
    });
    synced.map_err(|error| cache_disk("written", partial, &error))?;
    match fs::rename(partial, place) {
        // Another process, or a restored cache, already put the finished result here: use it.
        Err(_) if place.is_dir() => remove(partial),
        moved => moved.map_err(|error| cache_disk("put in its place", place, &error).into()),
    }
}

/// The path `.NAME.ENDING` beside `place`.
fn beside(place: &Path, ending: &str) -> PathBuf {
    let name = place.file_name().unwrap_or_default().to_string_lossy();
    place.with_file_name(format!(".{name}.{ending}"))
}

fn remove(directory: &Path) -> Result<(), Faults> {
    match fs::remove_dir_all(directory) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(cache_disk("removed", directory, &error).into()),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;

//! Results in the cache: made once by one run while others wait, seen only when they are whole.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use flare_diagnostic::Faults;
use sha2::{Digest as _, Sha256};

use crate::{Context, fault::cache_disk, lock_file};

/// A result that no run asked for in this time has been superseded.
const MONTH: Duration = Duration::from_hours(30 * 24);

/// Gives a directory of the cache, and has it made where it is not there yet.
///
/// `make` fills an empty directory beside the place, which is renamed when everything in it is on the disk. So a directory at
/// the place is whole; what a killed run left half done lies under a name of its own and is removed by the next run. A run that
/// makes something also removes what nobody has asked for in a month.
///
/// # Errors
/// Those of `make`; the run was interrupted while it waited for another one; the disk refused.
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
        // The first fault says more than a second one about what stays behind, which the next run removes.
        let _ = remove(&partial);
    }
    place.parent().into_iter().for_each(remove_superseded);
    ended
}

/// The time of a result's last use is that of its directory. In a cache that this user may not write it stays as it is.
fn note_use(place: &Path) {
    let _ = File::open(place).and_then(|directory| directory.set_modified(SystemTime::now()));
}

/// Removes directories that were last used long ago. What cannot be removed takes space, and does no other harm.
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
        // The length keeps two inputs apart from one that reads as both.
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

/// Brings a directory to the disk and then to its place.
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

/// `.NAME.ENDING` in the directory of a place.
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

//! One lock for each cluster, so that two runs never change one cluster at the same time.

use std::{
    fs::{self, File, TryLockError},
    io::ErrorKind,
    os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use flare_diagnostic::Faults;

use crate::{Context, fault::disk, lock_file::wait_for_lock, state::StateDirectory};

/// Holds the lock of a cluster. The kernel releases it when the process ends in any way.
#[derive(Debug)]
pub(crate) struct ClusterLock {
    path: PathBuf,
    /// Directories that were made for the lock file, the innermost first.
    made: Vec<PathBuf>,
    _file: File,
}

impl ClusterLock {
    /// Takes the lock, after waiting for the run that holds it.
    ///
    /// # Errors
    /// [`flare_diagnostic::Code::Interrupted`], or an error of the disk.
    pub(crate) fn take(context: &Context<'_>, state: &StateDirectory) -> Result<Self, Faults> {
        let path = state.root().with_extension("lock");
        let above = path.ancestors().skip(1);
        let made = above.take_while(|directory| !directory.is_dir()).map(Path::to_owned).collect();
        let busy = format!("another run works on the cluster `{}`: waiting for it", state.name());
        let file = wait_for_lock(context, &busy, || try_lock(context, &path))?;
        Ok(Self { path, made, _file: file })
    }

    /// Releases the lock and removes its file, after the cluster's state is gone.
    pub(crate) fn remove(self) {
        // Removed while it is held, so no other run can hold it. A file that remains is harmless.
        let _ = fs::remove_file(&self.path);
        for directory in self.path.parent().map(Path::to_owned).into_iter().chain(self.made) {
            // Fails if it contains something else.
            let _ = fs::remove_dir(directory);
        }
    }
}

/// Takes the lock; `None` if another run holds it.
fn try_lock(context: &Context<'_>, path: &Path) -> Result<Option<File>, Faults> {
    loop {
        let file = match open(path) {
            Ok(file) => Some(file),
            // `down` of the last cluster removes the directory of all.
            Err(error) if error.kind() == ErrorKind::NotFound => None,
            Err(error) => return Err(disk("opened", path, &error).into()),
        };
        match file.map(|file| file.try_lock().map(|()| file)) {
            // The previous run may have removed the file between opening and locking; then the lock is worthless.
            Some(Ok(file)) if is_at(&file, path) => return Ok(Some(file)),
            Some(Ok(_)) | None => {}
            Some(Err(TryLockError::WouldBlock)) => return Ok(None),
            Some(Err(TryLockError::Error(error))) => return Err(disk("locked", path, &error).into()),
        }
        context.check()?;
    }
}

fn open(path: &Path) -> std::io::Result<File> {
    if let Some(directory) = path.parent() {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
    }
    fs::OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(path)
}

fn is_at(file: &File, path: &Path) -> bool {
    let same = |held: &fs::Metadata, there: &fs::Metadata| held.ino() == there.ino() && held.dev() == there.dev();
    matches!((file.metadata(), fs::metadata(path)), (Ok(ref held), Ok(ref there)) if same(held, there))
}

#[cfg(test)]
mod tests {
    use std::sync::{Mutex, atomic::AtomicBool, mpsc};

    use super::ClusterLock;
    use crate::{ClusterName, Context, state::StateDirectory};

    #[test]
    fn a_second_run_waits_and_a_removed_lock_can_be_taken_again() {
        let cache = tempfile::tempdir().unwrap();
        let interrupted = AtomicBool::new(false);
        let (sender, said) = mpsc::channel();
        let sender = Mutex::new(sender);
        let report = |line: &str| sender.lock().unwrap().send(line.to_owned()).unwrap();
        let context = Context { cache: cache.path(), search_path: &[], interrupted: &interrupted, report: &report };
        let state = StateDirectory::of(&context, &ClusterName::default());
        let first = ClusterLock::take(&context, &state).unwrap();
        std::thread::scope(|scope| {
            let second = scope.spawn(|| ClusterLock::take(&context, &state).unwrap());
            assert!(said.recv().unwrap().ends_with("waiting for it"));
            assert!(!second.is_finished());
            first.remove();
            second.join().unwrap().remove();
        });
        let _held = ClusterLock::take(&context, &state).unwrap();
        interrupted.store(true, std::sync::atomic::Ordering::Relaxed);
        assert!(ClusterLock::take(&context, &state).is_err());
    }
}

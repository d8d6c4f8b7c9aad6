//! Waits for other runs that write to the same destination, with a time limit; an interruption ends the wait.

use std::{
    ffi::OsStr,
    io::Read as _,
    os::fd::BorrowedFd,
    path::PathBuf,
    thread,
    time::{Duration, Instant},
};

use rustix::fs::{AtFlags, CWD, Mode, OFlags, major, minor, openat, statat};

use crate::{
    CommitError,
    destination::{CommitPath, SLOTS},
    disk::Disk,
};

/// The first pause; each later one is twice as long, up to [`LONGEST`].
const SHORTEST: Duration = Duration::from_millis(2);
/// The longest pause, and so the longest time that a free name stays unused.
const LONGEST: Duration = Duration::from_millis(100);

/// One wait of one run.
pub(crate) struct Wait {
    began: Instant,
    limit: Duration,
    pause: Duration,
}

#[expect(clippy::disallowed_methods, reason = "a limit in time needs the clock; nothing that is written depends on it")]
impl Wait {
    /// Begins a wait of at most `limit`.
    pub(crate) fn new(limit: Duration) -> Self {
        Self { began: Instant::now(), limit, pause: SHORTEST }
    }

    /// Pauses before the next try. Fails if the run was interrupted or the time is up.
    pub(crate) fn pause(&mut self, disk: &Disk<'_>, parent: BorrowedFd<'_>, target: &CommitPath) -> Result<(), CommitError> {
        if disk.is_cancelled() {
            return Err(CommitError::Interrupted);
        }
        let left = self.limit.saturating_sub(self.began.elapsed());
        if left.is_zero() {
            return Err(CommitError::Busy { path: target.path(), waited: self.limit, processes: holders(parent, target) });
        }
        thread::sleep(self.pause.min(left));
        self.pause = (self.pause * 2).min(LONGEST);
        Ok(())
    }
}

/// The processes that hold a lock on the destination or on one of its temporary directories, as the kernel lists them. It does
/// not list all, for example not those of another machine on a network file system.
fn holders(parent: BorrowedFd<'_>, target: &CommitPath) -> Vec<u32> {
    let names = (1..=SLOTS).flat_map(|slot| [target.temporary(slot), target.backup_name(slot)]).chain([target.name.clone()]);
    let keys: Vec<String> = names.filter_map(|name| lock_key(parent, &name)).collect();
    let mut processes: Vec<u32> = locks()
        .lines()
        .filter_map(|line| {
            // `1: FLOCK  ADVISORY  WRITE 1234 fe:00:5678 0 EOF`; a process of another namespace has the id 0 or -1.
            let fields: Vec<&str> = line.split_ascii_whitespace().collect();
            let (process, key) = (fields.get(4)?.parse().ok()?, *fields.get(5)?);
            (fields.get(1) == Some(&"FLOCK") && process != 0 && keys.iter().any(|held| held == key)).then_some(process)
        })
        .collect();
    processes.sort_unstable();
    processes.dedup();
    processes
}

/// How the kernel's list of locks names a file.
fn lock_key(parent: BorrowedFd<'_>, name: &OsStr) -> Option<String> {
    let stat = statat(parent, name, AtFlags::SYMLINK_NOFOLLOW).ok()?;
    Some(format!("{:02x}:{:02x}:{}", major(stat.st_dev), minor(stat.st_dev), stat.st_ino))
}

fn locks() -> String {
    let mut text = String::new();
    let opened = openat(CWD, PathBuf::from("/proc/locks"), OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty());
    // An unreadable file names no process.
    let _ = opened.map(|file| std::fs::File::from(file).read_to_string(&mut text));
    text
}

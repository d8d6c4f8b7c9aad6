//! The lock on the lists of packages. `apt-get update` fails at once while another one holds it, such as that of a machine's automatic
//! upgrades just after its start.

use std::{
    fs::OpenOptions,
    path::Path,
    time::{Duration, Instant},
};

use flare_diagnostic::Faults;
use rustix::{
    fs::{FlockOperation, fcntl_lock},
    io::Errno,
};

use crate::{Context, lock_file::wait_for_lock};

/// Its place on Debian.
pub(super) const LISTS_LOCK: &str = "/var/lib/apt/lists/lock";
/// How long to wait for others; `apt-get` then names the process that holds the lock.
pub(super) const LIMIT: Duration = Duration::from_mins(5);

/// Waits until no other process holds the lock.
///
/// # Errors
/// [`Code::Interrupted`](flare_diagnostic::Code::Interrupted).
pub(super) fn wait_for_others(context: &Context<'_>, lock: &Path, limit: Duration) -> Result<(), Faults> {
    let began = Instant::now();
    wait_for_lock(context, "waiting for another apt-get", || Ok((!is_held(lock) || began.elapsed() >= limit).then_some(())))
}

/// Whether another process holds the lock. It is not kept: `apt-get` takes it itself.
fn is_held(lock: &Path) -> bool {
    let Ok(file) = OpenOptions::new().read(true).write(true).open(lock) else { return false };
    matches!(fcntl_lock(&file, FlockOperation::NonBlockingLockExclusive), Err(Errno::AGAIN | Errno::ACCESS))
}

#[cfg(test)]
mod tests {
    use std::{
        io::{BufRead as _, BufReader},
        process::{Command, Stdio},
        sync::{Mutex, atomic::AtomicBool},
    };

    use super::*;

    #[test]
    fn another_process_is_waited_for_until_it_lets_go_and_an_absent_lock_is_free() {
        let (directory, interrupted) = (tempfile::tempdir().unwrap(), AtomicBool::new(false));
        let (lock, said) = (directory.path().join("lock"), Mutex::new(Vec::new()));
        let (sender, receiver) = std::sync::mpsc::channel();
        let report = |line: &str| {
            said.lock().unwrap().push(line.to_owned());
            sender.send(()).unwrap();
        };
        let context = Context { cache: directory.path(), search_path: &[], interrupted: &interrupted, report: &report };
        wait_for_others(&context, &lock, LIMIT).unwrap();
        // Such a lock belongs to a process, so another one has to hold it.
        let script =
            "import fcntl, sys; f = open(sys.argv[1], 'w'); fcntl.lockf(f, fcntl.LOCK_EX); print(flush=True); sys.stdin.read()";
        let mut python = Command::new("python3");
        let python = python.arg("-c").arg(script).arg(&lock);
        let mut holder = python.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        BufReader::new(holder.stdout.take().unwrap()).read_line(&mut String::new()).unwrap();
        let input = holder.stdin.take();
        std::thread::scope(|scope| {
            scope.spawn(move || {
                receiver.recv().unwrap();
                drop(input);
            });
            wait_for_others(&context, &lock, LIMIT).unwrap();
        });
        assert!(holder.wait().unwrap().success());
        assert_eq!(*said.lock().unwrap(), ["waiting for another apt-get"]);
        assert!(!is_held(&lock));
    }
}

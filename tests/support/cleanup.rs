//! Cleanup that runs however a process ends: at the end of a scope, in a panic, or on Ctrl-C (exit status 130).
//!
//! A killed process cannot clean up; its namespaces and changed nodes are labelled with [`run_id`], by which the next run finds them.

use std::fs;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, Once, PoisonError, RwLock};
use std::thread;
use std::time::Duration;

type Step = Box<dyn FnOnce() + Send>;

/// The pending cleanup steps, in the order in which they were registered.
static OPEN: Mutex<Vec<(u64, Step)>> = Mutex::new(Vec::new());
/// Whether the run has been interrupted. Programs are started under the read lock, so that none starts after the kill.
static INTERRUPTED: RwLock<bool> = RwLock::new(false);

/// A step that runs when this value is dropped or the run is interrupted, but never twice.
#[derive(Debug)]
#[must_use = "a value that is dropped at once undoes at once"]
pub struct CleanupGuard(u64);

impl CleanupGuard {
    /// Registers a step. It may start programs, but only with [`std::process::Command`] directly: see [`unless_interrupted`].
    pub fn plan(step: impl FnOnce() + Send + 'static) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        OPEN.lock().unwrap_or_else(PoisonError::into_inner).push((number, Box::new(step)));
        Self(number)
    }
}

impl Drop for CleanupGuard {
    fn drop(&mut self) {
        let planned = {
            let mut open = OPEN.lock().unwrap_or_else(PoisonError::into_inner);
            open.iter().position(|(number, _)| *number == self.0).map(|at| open.remove(at))
        };
        match planned {
            Some((_, step)) => step(),
            // The interruption handler runs it, and exits afterwards.
            None => hold_if_interrupted(),
        }
    }
}

/// From now on Ctrl-C and SIGTERM stop the programs that this process started, run the pending steps, and exit with 130.
pub fn listen() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| ctrlc::set_handler(interrupt).expect("no one else in this process listens to signals"));
}

fn interrupt() {
    {
        let mut interrupted = INTERRUPTED.write().unwrap_or_else(PoisonError::into_inner);
        *interrupted = true;
        for child in children() {
            // It may have ended by itself.
            let _ = rustix::process::kill_process(child, rustix::process::Signal::TERM);
        }
    }
    loop {
        let step = OPEN.lock().unwrap_or_else(PoisonError::into_inner).pop();
        match step {
            Some((_, step)) => step(),
            None => std::process::exit(130),
        }
    }
}

/// Starts a program with `start`, unless the run has been interrupted: then this thread blocks until the process exits.
pub fn unless_interrupted<T>(start: impl FnOnce() -> T) -> T {
    let interrupted = INTERRUPTED.read().unwrap_or_else(PoisonError::into_inner);
    if !*interrupted {
        return start();
    }
    drop(interrupted);
    rest()
}

/// Blocks until the process exits if the run has been interrupted, since this thread could only report failures caused by that.
pub fn hold_if_interrupted() {
    let interrupted = *INTERRUPTED.read().unwrap_or_else(PoisonError::into_inner);
    if interrupted {
        rest()
    }
}

fn rest() -> ! {
    loop {
        thread::sleep(Duration::from_secs(1));
    }
}

/// The child processes of this one.
fn children() -> Vec<rustix::process::Pid> {
    let us = std::process::id().to_string();
    let all = fs::read_dir("/proc").into_iter().flatten().flatten();
    let numbers = all.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    let ours = numbers.filter(|number| fields_of(&number.to_string()).is_some_and(|fields| fields.get(1) == Some(&us)));
    ours.filter_map(rustix::process::Pid::from_raw).collect()
}

/// The fields of `/proc/PROCESS/stat` after the name: state, parent, …; `None` if there is no such process.
fn fields_of(process: &str) -> Option<Vec<String>> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    let (_, after_name) = stat.rsplit_once(") ")?;
    Some(after_name.split(' ').map(str::to_owned).collect())
}

/// The start time of a process in ticks since boot, which distinguishes it from a later process with the same id.
fn start_of(process: &str) -> Option<String> {
    fields_of(process)?.get(19).cloned()
}

/// Identifies the boot of the kernel and the process namespace.
fn machine() -> String {
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    let numbers = fs::read_link("/proc/self/ns/pid").unwrap_or_default();
    let numbers: String = numbers.to_string_lossy().chars().filter(char::is_ascii_digit).collect();
    format!("{}-{numbers}", boot.split('-').next().unwrap_or_default())
}

/// A unique id of this process on any machine, valid as a label value.
pub fn run_id() -> String {
    let process = std::process::id().to_string();
    format!("{}-{process}-{}", machine(), start_of(&process).unwrap_or_default())
}

/// Whether the process with this [`run_id`] is gone; `None` if it is of another machine or boot, so that it cannot be known.
pub fn is_gone(run: &str) -> Option<bool> {
    let (process, start) = run.strip_prefix(&machine())?.strip_prefix('-')?.split_once('-')?;
    Some(start_of(process).as_deref() != Some(start))
}

#[cfg(test)]
mod tests {
    use std::process::Command;
    use std::sync::{Arc, Mutex};

    use super::{CleanupGuard, children, is_gone, run_id};

    #[test]
    fn this_process_lives_and_one_that_ended_is_gone() {
        let ours = run_id();
        assert!(ours.len() <= 63, "{ours} is not a value for a label");
        assert_eq!(is_gone(&ours), Some(false));
        let (before_start, _) = ours.rsplit_once('-').unwrap();
        assert_eq!(is_gone(&format!("{before_start}-1")), Some(true), "the number was given to another process");
        for stranger in ["another-machine-1-1", "", "true"] {
            assert_eq!(is_gone(stranger), None, "{stranger}");
        }
    }

    #[test]
    fn children_are_found() {
        let mut child = Command::new("sleep").arg("60").spawn().unwrap();
        let found = children().iter().any(|found| found.as_raw_nonzero().get().unsigned_abs() == child.id());
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(found);
    }

    #[test]
    fn a_step_is_undone_once_and_in_a_panic_too() {
        let done = Arc::new(Mutex::new(0));
        let plan = || {
            let done = Arc::clone(&done);
            CleanupGuard::plan(move || *done.lock().unwrap() += 1)
        };
        drop(plan());
        let undo = plan();
        let panicked = std::thread::spawn(move || {
            let _undo = undo;
            panic!("meant");
        });
        assert!(panicked.join().is_err());
        assert_eq!(*done.lock().unwrap(), 2);
    }
}

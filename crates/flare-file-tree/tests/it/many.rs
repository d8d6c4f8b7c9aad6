//! Many runs that write to one destination: each succeeds, also on slow disks, and none waits for ever.

use std::{
    io,
    path::Path,
    sync::{
        Condvar, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use flare_diagnostic::Code;
use flare_file_tree::{CommitError, CommitOptions, Committed, DiskCall, DiskOperation, commit, commit_with_hook};

use crate::support::{kit, names, read};

/// The number of temporary names of a destination.
const NAMES: usize = 8;

/// More writers than names, on a disk where each call takes a moment.
fn many_on_a_slow_disk(can_exchange: bool) {
    let scratch = tempfile::tempdir().unwrap();
    let out = scratch.path().join("made/out");
    thread::scope(|scope| {
        for mark in 0..3 * NAMES {
            let out = &out;
            scope.spawn(move || {
                let mut slow = |call: DiskCall<'_>| {
                    thread::sleep(Duration::from_millis(1));
                    if call.operation == DiskOperation::Exchange && !can_exchange {
                        Err(io::Error::from_raw_os_error(22))
                    } else {
                        Ok(())
                    }
                };
                for round in 0..3 {
                    let committed = commit_with_hook(&kit(&format!("{mark}")), out, &CommitOptions::default(), &mut slow);
                    committed.unwrap_or_else(|error| panic!("writer {mark}, round {round}: {error}"));
                }
            });
        }
    });
    let found = read(&out);
    assert!((0..3 * NAMES).any(|mark| found == kit(&format!("{mark}"))), "a mixture");
    commit(&kit("last"), &out, &CommitOptions::default()).unwrap();
    assert_eq!(names(out.parent().unwrap()), ["out"]);
}

#[test]
fn more_writers_than_names_all_end_well_on_a_slow_disk() {
    many_on_a_slow_disk(true);
}

#[test]
fn more_writers_than_names_all_end_well_on_a_slow_disk_without_exchange() {
    many_on_a_slow_disk(false);
}

/// Runs `late` while other runs hold every name of a destination.
fn while_others_have_every_name<T>(out: &Path, late: impl FnOnce() -> T) -> T {
    let (state, changed) = (Mutex::new((0, false)), Condvar::new());
    thread::scope(|scope| {
        for _ in 0..NAMES {
            scope.spawn(|| {
                let mut first = true;
                let mut hook = |call: DiskCall<'_>| {
                    if call.operation == DiskOperation::CreateFile && std::mem::take(&mut first) {
                        state.lock().unwrap().0 += 1;
                        changed.notify_all();
                        drop(changed.wait_while(state.lock().unwrap(), |(_, go_on)| !*go_on));
                    }
                    Ok(())
                };
                commit_with_hook(&kit("others"), out, &CommitOptions::default(), &mut hook).unwrap();
            });
        }
        drop(changed.wait_while(state.lock().unwrap(), |(at_work, _)| *at_work < NAMES));
        let ended = late();
        state.lock().unwrap().1 = true;
        changed.notify_all();
        ended
    })
}

#[test]
fn the_wait_has_an_end_and_its_error_says_who_is_at_work() {
    let scratch = tempfile::tempdir().unwrap();
    let out = scratch.path().join("out");
    let options = CommitOptions { wait: Duration::from_millis(30), ..CommitOptions::default() };
    let error = while_others_have_every_name(&out, || commit(&kit("late"), &out, &options)).unwrap_err();
    let CommitError::Busy { processes, .. } = &error else { panic!("{error}") };
    assert_eq!(processes, &[std::process::id()], "the others are threads of this process");
    let fault = error.into_faults(Code::DeployPrepareFailed).first().clone();
    let (id, shown) = (std::process::id(), out.display());
    assert_eq!(fault.code, Code::DeployPrepareFailed);
    assert_eq!(
        fault.message,
        format!("other runs (process {id}) are writing to `{shown}`, and none of them ended within 0.03 s")
    );
    assert!(fault.hint.unwrap().contains("run again"));
    assert_eq!(read(&out), kit("others"));
    assert_eq!(names(scratch.path()), ["out"]);
}

#[test]
fn the_wait_ends_with_an_interruption() {
    let scratch = tempfile::tempdir().unwrap();
    let out = scratch.path().join("out");
    let cancelled = AtomicBool::new(false);
    let options = CommitOptions { wait: Duration::MAX, cancelled: Some(&cancelled), ..CommitOptions::default() };
    let error = while_others_have_every_name(&out, || {
        thread::scope(|scope| {
            // Before or during the wait: the result is the same, and without the interruption the run would wait for ever.
            scope.spawn(|| {
                thread::sleep(Duration::from_millis(20));
                cancelled.store(true, Ordering::Relaxed);
            });
            commit(&kit("late"), &out, &options)
        })
    });
    assert!(matches!(error, Err(CommitError::Interrupted)), "{error:?}");
}

#[test]
fn whoever_waits_goes_on_when_another_run_has_ended() {
    let scratch = tempfile::tempdir().unwrap();
    let out = scratch.path().join("out");
    let late = thread::scope(|scope| {
        let late = while_others_have_every_name(&out, || scope.spawn(|| commit(&kit("late"), &out, &CommitOptions::default())));
        late.join().unwrap()
    });
    let Committed { leftovers, .. } = late.unwrap();
    assert!(leftovers.is_empty(), "{leftovers:?}");
}

#[test]
fn names_that_nobody_can_free_are_an_error_at_once() {
    let scratch = tempfile::tempdir().unwrap();
    let out = scratch.path().join("out");
    for slot in 1..=NAMES {
        std::fs::write(scratch.path().join(format!(".out.flare-kube-{slot}")), "somebody's file").unwrap();
    }
    let options = CommitOptions { wait: Duration::MAX, ..CommitOptions::default() };
    let error = commit(&kit("late"), &out, &options).unwrap_err();
    assert!(error.to_string().contains(".out.flare-kube-8`: not a directory"), "{error}");
}

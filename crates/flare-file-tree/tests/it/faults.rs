//! Lets every call that changes the disk fail once, and lets a run die at every call once.

use std::{cell::Cell, ffi::OsStr, io, path::Path};

use flare_file_tree::{CommitOptions, DiskCall, DiskOperation, FileTree, commit, commit_with_hook};

use crate::support::{kit, names, standing};

#[derive(Clone, Copy, Debug)]
enum Fault {
    /// This call fails with the error number; later ones work.
    Fails(i32),
    /// This call and all later ones fail: what `kill -9` leaves behind.
    Dies,
}

/// Runs a commit with the fault at its n-th call. Returns whether the run got that far, and whether it succeeded.
fn run(tree: &FileTree, destination: &Path, nth: usize, fault: Fault, can_exchange: bool) -> (bool, bool) {
    let calls = Cell::new(0);
    let mut hook = |call: DiskCall<'_>| {
        let index = calls.replace(calls.get() + 1);
        match fault {
            Fault::Fails(number) if index == nth => Err(io::Error::from_raw_os_error(number)),
            Fault::Dies if index >= nth => Err(io::Error::from_raw_os_error(5)),
            // The answer of a file system without exchange.
            _ if call.operation == DiskOperation::Exchange && !can_exchange => Err(io::Error::from_raw_os_error(22)),
            _ => Ok(()),
        }
    };
    // `fsync` is slow, so only one of the error numbers is tried with it.
    let durable = can_exchange && matches!(fault, Fault::Fails(5));
    let options = CommitOptions { durable, ..CommitOptions::default() };
    let result = commit_with_hook(tree, destination, &options, &mut hook);
    (calls.get() > nth, result.is_ok())
}

/// What stands at the destination before the run.
#[derive(Clone, Copy, Debug)]
enum Before {
    NoParents,
    Nothing,
    EmptyDirectory,
    OldTree,
}

fn each_call(before: Before, fault: Fault, can_exchange: bool) -> usize {
    let (old_tree, new_tree) = (kit("old"), kit("new"));
    for nth in 0.. {
        let context = format!("{before:?}, {fault:?} at call {nth}, exchange: {can_exchange}");
        let scratch = tempfile::tempdir().unwrap();
        let parent = match before {
            Before::NoParents => scratch.path().join("made/for/it"),
            _ => scratch.path().to_owned(),
        };
        let destination = parent.join("out");
        let old = match before {
            Before::NoParents | Before::Nothing => None,
            Before::EmptyDirectory => {
                std::fs::create_dir(&destination).unwrap();
                standing(&destination)
            }
            Before::OldTree => {
                commit(&old_tree, &destination, &CommitOptions::default()).unwrap();
                Some(old_tree.clone())
            }
        };
        let (reached, succeeded) = run(&new_tree, &destination, nth, fault, can_exchange);
        let found = standing(&destination);
        match fault {
            Fault::Fails(_) if succeeded => assert_eq!(found.as_ref(), Some(&new_tree), "{context}"),
            Fault::Fails(_) => {
                assert_eq!(found, old, "{context}");
                let left = names(scratch.path()).into_iter().filter(|name| name != "out").count();
                // A failed clean-up call may leave more; here the first failure is the only one.
                assert_eq!(left, 0, "{context}: {:?}", names(scratch.path()));
            }
            Fault::Dies if !can_exchange && found.is_none() => {}
            Fault::Dies => assert!(found == old || found.as_ref() == Some(&new_tree), "{context}: {found:?}"),
        }
        restored_even_by_a_run_that_fails(&destination, old.as_ref(), &new_tree, &context);
        let third = kit("third");
        let committed = commit(&third, &destination, &CommitOptions::default()).unwrap();
        assert!(committed.leftovers.is_empty(), "{context}");
        assert_eq!(standing(&destination).as_ref(), Some(&third), "{context}");
        // Another test of this process may be starting a child, which holds a copy of each lock until its exec; what
        // seems to be in use is left for the next commit.
        for _ in 0..200 {
            if names(&parent) == ["out"] {
                break;
            }
            std::thread::sleep(std::time::Duration::from_millis(10));
            commit(&third, &destination, &CommitOptions::default()).unwrap();
        }
        assert_eq!(names(&parent), ["out"], "{context}");
        if !reached {
            return nth;
        }
    }
    unreachable!("the run ends")
}

/// A run that is interrupted at once still puts back an old tree that a killed run had put aside.
fn restored_even_by_a_run_that_fails(destination: &Path, old: Option<&FileTree>, new: &FileTree, context: &str) {
    let cancelled = std::sync::atomic::AtomicBool::new(true);
    let options = CommitOptions { cancelled: Some(&cancelled), ..CommitOptions::default() };
    commit(&kit("never"), destination, &options).unwrap_err();
    let found = standing(destination);
    assert!(found.as_ref() == old || found.as_ref() == Some(new), "{context}: {found:?}");
}

#[test]
fn a_call_that_fails_leaves_the_old_tree_and_nothing_else() {
    for before in [Before::NoParents, Before::Nothing, Before::EmptyDirectory, Before::OldTree] {
        for can_exchange in [true, false] {
            // I/O error, no space left.
            let numbers: &[i32] = if matches!(before, Before::OldTree) { &[5, 28] } else { &[28] };
            for &number in numbers {
                let calls = each_call(before, Fault::Fails(number), can_exchange);
                assert!(calls > 20, "the hook saw {calls} calls");
            }
        }
    }
}

#[test]
fn a_run_that_dies_at_any_call_leaves_the_old_tree_or_the_new_one() {
    for before in [Before::NoParents, Before::Nothing, Before::EmptyDirectory, Before::OldTree] {
        for can_exchange in [true, false] {
            let calls = each_call(before, Fault::Dies, can_exchange);
            assert!(calls > 20, "the hook saw {calls} calls");
        }
    }
}

#[test]
fn a_run_that_dies_while_it_cleans_up_after_another_is_cleaned_up_after() {
    let scratch = tempfile::tempdir().unwrap();
    let destination = scratch.path().join("out");
    let (old, new) = (kit("old"), kit("new"));
    commit(&old, &destination, &CommitOptions::default()).unwrap();
    for nth in 0..60 {
        run(&new, &destination, nth, Fault::Dies, nth % 2 == 0);
        run(&new, &destination, 60 - nth, Fault::Dies, nth % 3 == 0);
        // Without exchange the place may be empty until the next run, so the next check follows one.
        restored_even_by_a_run_that_fails(&destination, Some(&old), &new, &format!("call {nth}"));
    }
    commit(&old, &destination, &CommitOptions::default()).unwrap();
    assert_eq!(names(scratch.path()), ["out"]);
}

#[test]
fn steps_name_what_they_touch() {
    let scratch = tempfile::tempdir().unwrap();
    let mut keys = Vec::new();
    let mut hook = |call: DiskCall<'_>| {
        if call.name == OsStr::new("client.key") {
            keys.push(call.operation);
        }
        Ok(())
    };
    commit_with_hook(&kit("a"), &scratch.path().join("out"), &CommitOptions::default(), &mut hook).unwrap();
    assert_eq!(keys, [DiskOperation::CreateFile, DiskOperation::Write, DiskOperation::SetMode]);
}

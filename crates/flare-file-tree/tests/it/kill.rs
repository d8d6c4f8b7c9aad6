//! A real process that commits in a loop and is killed. A function call would not do: only for a killed process does
//! the system close files and release locks.

use std::{
    io::{self, BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::atomic::AtomicBool,
};

use flare_file_tree::{CommitOptions, DiskOperation, commit, commit_with_hook};

use crate::support::{kit, names, standing};

const DESTINATION: &str = "FLARE_FILE_TREE_TEST_DESTINATION";
const WITHOUT_EXCHANGE: &str = "FLARE_FILE_TREE_TEST_WITHOUT_EXCHANGE";
const CALLS: &str = "FLARE_FILE_TREE_TEST_CALLS";
const ROUNDS: u64 = 40;

#[test]
#[ignore = "the process that the other tests of this file start and kill"]
fn commit_for_ever() {
    let destination = PathBuf::from(std::env::var_os(DESTINATION).expect("started by the tests of this file only"));
    let can_exchange = std::env::var_os(WITHOUT_EXCHANGE).is_none();
    let mut left: u64 = std::env::var(CALLS).unwrap().parse().unwrap();
    for mark in ["even", "odd"].into_iter().cycle() {
        commit_with_hook(&kit(mark), &destination, &CommitOptions::default(), &mut |call| {
            if left == 0 {
                println!("ready");
            }
            left = left.wrapping_sub(1);
            match call.operation {
                DiskOperation::Exchange if !can_exchange => Err(io::Error::from_raw_os_error(22)),
                _ => Ok(()),
            }
        })
        .unwrap();
    }
}

/// Kills a process shortly after its n-th call that changes the disk, so that it is busy on slow machines too.
fn start_and_kill(destination: &Path, can_exchange: bool, calls: u64) {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", "kill::commit_for_ever", "--ignored", "--nocapture"])
        .env(DESTINATION, destination)
        .env(CALLS, calls.to_string());
    if !can_exchange {
        command.env(WITHOUT_EXCHANGE, "1");
    }
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap().ends_with("ready")), "the child did not start");
    child.kill().unwrap();
    let status = child.wait().unwrap();
    assert_eq!(std::os::unix::process::ExitStatusExt::signal(&status), Some(9), "the child ended by itself: {status}");
}

fn killed_at_any_moment(can_exchange: bool) {
    let scratch = tempfile::tempdir().unwrap();
    let destination = scratch.path().join("out");
    let (even, odd) = (kit("even"), kit("odd"));
    let mut was_there = false;
    for round in 0..ROUNDS {
        // A commit is about 30 calls.
        start_and_kill(&destination, can_exchange, round * 7919 % 150);
        if !can_exchange {
            let cancelled = AtomicBool::new(true);
            let options = CommitOptions { cancelled: Some(&cancelled), ..CommitOptions::default() };
            commit(&even, &destination, &options).unwrap_err();
        }
        match standing(&destination) {
            Some(found) => assert!(found == even || found == odd, "round {round}: {found:?}"),
            None => assert!(!was_there, "round {round}: the old tree is gone"),
        }
        was_there |= destination.exists();
        if round % 4 == 3 {
            commit(&even, &destination, &CommitOptions::default()).unwrap();
            assert_eq!(names(scratch.path()), ["out"], "round {round}");
        }
    }
    assert!(was_there);
}

#[test]
fn killed_at_any_moment_with_exchange() {
    killed_at_any_moment(true);
}

#[test]
fn killed_at_any_moment_without_exchange() {
    killed_at_any_moment(false);
}

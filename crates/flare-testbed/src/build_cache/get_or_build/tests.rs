//! What other runs see while a result is built, and after a build that failed.

use std::{
    fs,
    path::Path,
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, SystemTime},
};

use flare_diagnostic::{Code, Diagnostic, Faults};

use super::{get_or_build, key};
use crate::Context;

fn context<'a>(cache: &'a Path, interrupted: &'a AtomicBool) -> Context<'a> {
    Context { cache, search_path: &[], interrupted, report: &|_: &str| {} }
}

#[allow(clippy::unnecessary_wraps, reason = "as what makes a result")]
fn fill(directory: &Path) -> Result<(), Faults> {
    fs::write(directory.join("result"), "whole").unwrap();
    Ok(())
}

#[test]
fn many_runs_make_a_result_once_and_all_see_it_whole() {
    let (cache, interrupted, made) = (tempfile::tempdir().unwrap(), AtomicBool::new(false), AtomicUsize::new(0));
    let place = cache.path().join("tools/thing");
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                get_or_build(&context(cache.path(), &interrupted), &place, |directory| {
                    made.fetch_add(1, Ordering::Relaxed);
                    std::thread::sleep(Duration::from_millis(50));
                    fill(directory)
                })
                .unwrap();
                assert_eq!(fs::read_to_string(place.join("result")).unwrap(), "whole");
            });
        }
    });
    assert_eq!(made.load(Ordering::Relaxed), 1);
}

#[test]
fn a_failure_leaves_nothing_and_the_next_run_makes_it() {
    let (cache, interrupted) = (tempfile::tempdir().unwrap(), AtomicBool::new(false));
    let place = cache.path().join("thing");
    let failed = get_or_build(&context(cache.path(), &interrupted), &place, |directory| {
        fill(directory)?;
        Err(Diagnostic::error(Code::ToolFailed, "no").into())
    });
    assert_eq!(failed.unwrap_err().first().code, Code::ToolFailed);
    let names: Vec<_> = fs::read_dir(cache.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, [".thing.lock"]);
    get_or_build(&context(cache.path(), &interrupted), &place, fill).unwrap();
    assert!(place.join("result").is_file());
}

#[test]
fn what_a_killed_run_left_is_no_result() {
    let (cache, interrupted) = (tempfile::tempdir().unwrap(), AtomicBool::new(false));
    let place = cache.path().join("thing");
    fs::create_dir(cache.path().join(".thing.partial")).unwrap();
    fs::write(cache.path().join(".thing.partial/half"), "").unwrap();
    get_or_build(&context(cache.path(), &interrupted), &place, fill).unwrap();
    assert!(!place.join("half").exists());
    assert!(!cache.path().join(".thing.partial").exists());
}

#[test]
fn a_result_that_a_restored_cache_brings_meanwhile_is_taken() {
    let (cache, interrupted) = (tempfile::tempdir().unwrap(), AtomicBool::new(false));
    let place = cache.path().join("thing");
    get_or_build(&context(cache.path(), &interrupted), &place, |directory| {
        fs::create_dir(&place).unwrap();
        fs::write(place.join("result"), "restored").unwrap();
        fill(directory)
    })
    .unwrap();
    assert_eq!(fs::read_to_string(place.join("result")).unwrap(), "restored");
    assert!(!cache.path().join(".thing.partial").exists());
}

#[test]
fn a_run_that_waits_for_another_one_can_be_interrupted_and_says_why_it_waits() {
    let (cache, interrupted, said) = (tempfile::tempdir().unwrap(), AtomicBool::new(false), Mutex::new(Vec::new()));
    let place = cache.path().join("thing");
    let calm = AtomicBool::new(false);
    let say = |line: &str| said.lock().unwrap().push(line.to_owned());
    let waiting = Context { cache: cache.path(), search_path: &[], interrupted: &interrupted, report: &say };
    get_or_build(&context(cache.path(), &calm), &place, |directory| {
        std::thread::scope(|scope| {
            let second = scope.spawn(|| get_or_build(&waiting, &place, fill));
            while said.lock().unwrap().is_empty() {
                std::thread::sleep(Duration::from_millis(5));
            }
            interrupted.store(true, Ordering::Relaxed);
            assert_eq!(second.join().unwrap().unwrap_err().first().code, Code::Interrupted);
        });
        fill(directory)
    })
    .unwrap();
    assert_eq!(said.into_inner().unwrap(), ["another run makes `thing`: waiting for it"]);
}

#[test]
fn an_interruption_at_the_end_of_the_work_gives_no_result() {
    let (cache, interrupted) = (tempfile::tempdir().unwrap(), AtomicBool::new(false));
    let place = cache.path().join("thing");
    let ended = get_or_build(&context(cache.path(), &interrupted), &place, |directory| {
        interrupted.store(true, Ordering::Relaxed);
        fill(directory)
    });
    assert_eq!(ended.unwrap_err().first().code, Code::Interrupted);
    assert!(!place.exists());
}

#[test]
fn what_nobody_asked_for_in_a_month_is_removed_by_a_run_that_makes_something() {
    let (cache, interrupted) = (tempfile::tempdir().unwrap(), AtomicBool::new(false));
    let place = |name: &str| cache.path().join("tools").join(name);
    let days_ago = |name: &str, days: u64| {
        fs::create_dir_all(place(name)).unwrap();
        fs::write(place(name).join("result"), "whole").unwrap();
        let time = SystemTime::now() - Duration::from_hours(24 * days);
        fs::File::open(place(name)).unwrap().set_modified(time).unwrap();
    };
    days_ago("thing-1", 31);
    days_ago("thing-2", 29);
    days_ago("other-1", 31);
    get_or_build(&context(cache.path(), &interrupted), &place("other-1"), fill).unwrap();
    assert!(place("thing-1").exists(), "a run that makes nothing removes nothing");
    get_or_build(&context(cache.path(), &interrupted), &place("thing-3"), fill).unwrap();
    let left = ["thing-1", "thing-2", "thing-3", "other-1"].map(|name| place(name).exists());
    assert_eq!(left, [false, true, true, true]);
}

#[test]
fn a_key_tells_inputs_apart_by_their_borders() {
    let key = |inputs: &[&str]| key(inputs.iter().map(|input| input.as_bytes()));
    assert_eq!(key(&["a", "b"]).len(), 12);
    assert_ne!(key(&["ab", ""]), key(&["a", "b"]));
}

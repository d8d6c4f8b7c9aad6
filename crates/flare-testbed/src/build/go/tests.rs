//! Builds of a tiny module with real Go: successful, broken, interrupted, without Go.

use std::{
    path::{Path, PathBuf},
    process::Command,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use flare_diagnostic::Code;

use super::{Program, built};
use crate::Context;

const MODULE: &str = "module tiny\n\ngo 1.21\n";

const MAIN: &str = "package main\n\nvar greeting = \"unset\"\n\nfunc main() { println(greeting) }\n";

const TINY: Program = Program {
    name: "tiny-1.0.0",
    file: "tiny",
    what: "tiny 1.0.0",
    duration: "a second",
    sources: &[("go.mod", MODULE), ("main.go", MAIN)],
    package: ".",
    linker: "-s -w -X main.greeting=hello",
};

/// A fake Go that starts a compiler which takes long, and writes both process ids to a file.
const SLOW_GO: &str = "#!/bin/sh\nsleep infinity &\necho $$ $! > \"$IDS\"\nwait\n";

fn search_path() -> Vec<PathBuf> {
    std::env::split_paths(&std::env::var_os("PATH").unwrap()).collect()
}

fn context<'a>(cache: &'a Path, search_path: &'a [PathBuf], interrupted: &'a AtomicBool) -> Context<'a> {
    Context { cache, search_path, interrupted, report: &|_: &str| {} }
}

fn entries(directory: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(directory).into_iter().flatten();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn assert_nothing_is_built(cache: &Path) {
    let left = entries(&cache.join("tools"));
    assert!(matches!(left.as_slice(), [lock] if lock.strip_suffix(".lock").is_some()), "{left:?}");
}

#[test]
fn a_program_is_built_with_its_flags_and_only_once() {
    let (cache, search_path, interrupted) = (tempfile::tempdir().unwrap(), search_path(), AtomicBool::new(false));
    let context = context(cache.path(), &search_path, &interrupted);
    let program = built(&context, &TINY).unwrap();
    let said = Command::new(&program).output().unwrap().stderr;
    assert_eq!(String::from_utf8_lossy(&said), "hello\n");
    assert_eq!(entries(program.parent().unwrap()), ["tiny"]);
    // The second time nothing is needed, not even Go.
    let without_go = Context { search_path: &[], ..context };
    assert_eq!(built(&without_go, &TINY).unwrap(), program);
}

#[test]
fn a_program_of_other_sources_is_another_one() {
    let cache = Path::new("/cache");
    let other = Program { sources: &[("go.mod", MODULE)], ..TINY };
    assert_ne!(TINY.path(cache), other.path(cache));
}

#[test]
fn a_broken_source_leaves_no_program_and_shows_the_compilers_line() {
    let (cache, search_path, interrupted) = (tempfile::tempdir().unwrap(), search_path(), AtomicBool::new(false));
    let broken = Program { sources: &[("go.mod", MODULE), ("main.go", "package main\nfunc main() { nothing() }\n")], ..TINY };
    let failed = built(&context(cache.path(), &search_path, &interrupted), &broken).unwrap_err();
    assert_eq!(failed.first().code, Code::ToolFailed);
    assert!(failed.first().message.contains("undefined: nothing"), "{failed:?}");
    assert_nothing_is_built(cache.path());
}

#[test]
fn a_go_that_is_too_old_is_said_to_be() {
    let (cache, search_path, interrupted) = (tempfile::tempdir().unwrap(), search_path(), AtomicBool::new(false));
    let future = Program { sources: &[("go.mod", "module tiny\n\ngo 1.999\n"), ("main.go", MAIN)], ..TINY };
    let failed = built(&context(cache.path(), &search_path, &interrupted), &future).unwrap_err();
    assert_eq!(failed.first().code, Code::MachineNotReady, "{failed:?}");
    assert!(failed.first().message.contains("Go is too old"), "{failed:?}");
}

#[test]
fn without_go_there_is_one_message() {
    let (cache, interrupted) = (tempfile::tempdir().unwrap(), AtomicBool::new(false));
    let failed = built(&context(cache.path(), &[], &interrupted), &TINY).unwrap_err();
    assert_eq!(failed.first().code, Code::ToolNotFound);
}

#[test]
fn an_interrupted_build_ends_its_compilers_at_once_and_the_next_run_builds() {
    let (cache, interrupted) = (tempfile::tempdir().unwrap(), AtomicBool::new(false));
    let ids = cache.path().join("ids");
    let directory = cache.path().join("slow");
    std::fs::create_dir(&directory).unwrap();
    std::fs::write(directory.join("go"), SLOW_GO.replace("$IDS", ids.to_str().unwrap())).unwrap();
    std::fs::set_permissions(directory.join("go"), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let slow = [vec![directory], search_path()].concat();
    let ended = std::thread::scope(|scope| {
        let run = scope.spawn(|| built(&context(cache.path(), &slow, &interrupted), &TINY));
        while std::fs::read_to_string(&ids).unwrap_or_default().is_empty() {
            std::thread::sleep(Duration::from_millis(10));
        }
        interrupted.store(true, Ordering::Relaxed);
        run.join().unwrap()
    });
    assert_eq!(ended.unwrap_err().first().code, Code::Interrupted);
    for id in std::fs::read_to_string(&ids).unwrap().split_whitespace() {
        let state = || std::fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
        // It was signalled before the run ended, and would not end by itself.
        while !(state().is_empty() || state().contains(") Z ")) {
            std::thread::sleep(Duration::from_millis(10));
        }
    }
    assert_nothing_is_built(cache.path());
    interrupted.store(false, Ordering::Relaxed);
    let program = built(&context(cache.path(), &search_path(), &interrupted), &TINY).unwrap();
    assert!(program.is_file());
}

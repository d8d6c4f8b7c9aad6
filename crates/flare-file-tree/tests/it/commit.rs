//! What a commit leaves on disk.

use std::{
    fs, io,
    os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink},
    process::Command,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use flare_diagnostic::Code;
use flare_file_tree::{CommitError, CommitOptions, DiskCall, DiskOperation, FileTree, commit, commit_with_hook};

use crate::support::{kit, names, path, read};

const DEFAULT: CommitOptions<'static> =
    CommitOptions { replace: true, durable: false, cancelled: None, wait: Duration::from_mins(1), keep: None };

#[test]
fn missing_parents_are_made_and_the_old_directory_goes_as_a_whole() {
    let scratch = tempfile::tempdir().unwrap();
    let out = scratch.path().join("a/b/out");
    assert!(!commit(&kit("a"), &out, &DEFAULT).unwrap().replaced);
    assert_eq!(read(&out), kit("a"));
    fs::write(out.join("stray"), "x").unwrap();
    symlink("/etc", out.join("link")).unwrap();
    assert!(commit(&kit("b"), &out, &CommitOptions { durable: true, ..DEFAULT }).unwrap().replaced);
    assert_eq!(read(&out), kit("b"));
    assert_eq!(names(out.parent().unwrap()), ["out"]);
    assert!(std::path::Path::new("/etc/passwd").exists(), "a link in the old directory is removed, not followed");
}

#[test]
fn without_permission_only_an_empty_directory_is_replaced() {
    let scratch = tempfile::tempdir().unwrap();
    let out = scratch.path().join("out");
    fs::create_dir(&out).unwrap();
    let keep = CommitOptions { replace: false, ..DEFAULT };
    commit(&kit("a"), &out, &keep).unwrap();
    assert_eq!(read(&out), kit("a"));
    let error = commit(&kit("b"), &out, &keep).unwrap_err();
    assert!(error.to_string().ends_with("directory not empty"), "{error}");
    assert_eq!(read(&out), kit("a"));
    assert_eq!(names(scratch.path()), ["out"]);
}

#[test]
fn files_and_dangling_links_are_not_replaced_and_links_to_directories_stay_links() {
    let scratch = tempfile::tempdir().unwrap();
    fs::write(scratch.path().join("file"), "mine").unwrap();
    let error = commit(&kit("a"), &scratch.path().join("file"), &DEFAULT).unwrap_err().into_faults(Code::DeployPrepareFailed);
    assert_eq!(error.first().code, Code::DeployPrepareFailed);
    assert_eq!(fs::read(scratch.path().join("file")).unwrap(), b"mine");
    let below_file = commit(&kit("a"), &scratch.path().join("file/below/out"), &DEFAULT).unwrap_err();
    assert!(below_file.to_string().ends_with("not a directory"), "{below_file}");
    symlink("nowhere", scratch.path().join("dangling")).unwrap();
    commit(&kit("a"), &scratch.path().join("dangling"), &DEFAULT).unwrap_err();
    fs::create_dir(scratch.path().join("real")).unwrap();
    symlink("real", scratch.path().join("link")).unwrap();
    commit(&kit("a"), &scratch.path().join("link"), &DEFAULT).unwrap();
    assert!(scratch.path().join("link").is_symlink());
    assert_eq!(read(&scratch.path().join("real")), kit("a"));
    assert_eq!(names(scratch.path()), ["dangling", "file", "link", "real"]);
    assert!(commit(&kit("a"), std::path::Path::new("/"), &DEFAULT).is_err());
}

#[test]
fn an_interrupted_run_leaves_nothing_behind() {
    let scratch = tempfile::tempdir().unwrap();
    let out = scratch.path().join("made/out");
    for stop_after in 0..40 {
        let cancelled = AtomicBool::new(false);
        let mut calls = 0;
        let options = CommitOptions { cancelled: Some(&cancelled), ..DEFAULT };
        let result = commit_with_hook(&kit("a"), &out, &options, &mut |_| {
            calls += 1;
            cancelled.store(calls > stop_after, Ordering::Relaxed);
            Ok(())
        });
        match result {
            Err(CommitError::Interrupted) => assert_eq!(names(scratch.path()), [""; 0], "{stop_after}"),
            Err(error) => panic!("{error}"),
            Ok(_) => return assert!(stop_after > 10),
        }
    }
    panic!("the run never got to its end");
}

#[test]
fn nobody_else_can_read_a_key_at_any_moment() {
    let scratch = tempfile::tempdir().unwrap();
    let out = scratch.path().join("out");
    let tree = open_kit();
    let mut seen = 0;
    commit_with_hook(&tree, &out, &DEFAULT, &mut |call: DiskCall<'_>| {
        let temporary = scratch.path().join(".out.flare-kube-1");
        let key = temporary.join("startup/client.key");
        if call.operation != DiskOperation::Rename && key.exists() {
            seen += 1;
            assert_eq!(fs::metadata(&key)?.mode() & 0o077, 0);
            assert_eq!(fs::metadata(&temporary)?.mode() & 0o777, 0o700);
        }
        Ok(())
    })
    .unwrap();
    assert!(seen > 5);
    assert_eq!(read(&out), tree);
}

#[test]
fn the_umask_does_not_matter() {
    let scratch = tempfile::tempdir().unwrap();
    let out = scratch.path().join("out");
    // The umask belongs to the whole process, so this test needs its own.
    let test = ["--exact", "commit::under_a_strict_umask", "--ignored"];
    let shell = Command::new("sh")
        .args(["-c", "umask 077 && exec \"$@\"", "sh"])
        .arg(std::env::current_exe().unwrap())
        .args(test)
        .env(OUT, &out)
        .output();
    let output = shell.unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    assert_eq!(fs::metadata(out.join("startup/open")).unwrap().permissions().mode() & 0o7777, 0o666);
    assert_eq!(read(&out), open_kit());
}

const OUT: &str = "FLARE_FILE_TREE_TEST_OUT";

#[test]
#[ignore = "runs in the process that the_umask_does_not_matter starts"]
fn under_a_strict_umask() {
    let out = std::env::var_os(OUT).expect("started by the_umask_does_not_matter only");
    commit(&open_kit(), out.as_ref(), &DEFAULT).unwrap();
}

fn open_kit() -> FileTree {
    let mut tree = kit("a");
    tree.insert_file(path("startup/open"), "x", 0o666);
    tree
}

#[test]
fn many_at_once_end_with_one_whole_tree_and_nothing_beside_it() {
    let scratch = tempfile::tempdir().unwrap();
    let out = scratch.path().join("out");
    let marks = ["a", "b", "c", "d"];
    std::thread::scope(|scope| {
        for mark in marks {
            let out = &out;
            scope.spawn(move || (0..50).for_each(|_| drop(commit(&kit(mark), out, &DEFAULT).unwrap())));
        }
    });
    let found = read(&out);
    assert!(marks.iter().any(|mark| found == kit(mark)));
    commit(&kit("a"), &out, &DEFAULT).unwrap();
    assert_eq!(names(scratch.path()), ["out"]);
}

#[test]
fn long_names_have_room_for_the_temporary_one() {
    let scratch = tempfile::tempdir().unwrap();
    for length in [200, 201, 255] {
        let out = scratch.path().join("n".repeat(length));
        commit(&kit("a"), &out, &DEFAULT).unwrap();
        commit(&kit("b"), &out, &DEFAULT).unwrap();
        assert_eq!(read(&out), kit("b"));
    }
    assert_eq!(names(scratch.path()).len(), 3);
}

#[test]
fn a_full_disk_is_reported_with_path_and_hint() {
    let scratch = tempfile::tempdir().unwrap();
    let out = scratch.path().join("out");
    let error = commit_with_hook(&kit("a"), &out, &DEFAULT, &mut |call| match call.operation {
        DiskOperation::Write => Err(io::Error::from_raw_os_error(28)),
        _ => Ok(()),
    });
    let fault = error.unwrap_err().into_faults(Code::DeployPrepareFailed).first().clone();
    assert!(
        fault.message.starts_with("cannot write `") && fault.message.ends_with("`: no space left on device"),
        "{}",
        fault.message
    );
    assert_eq!(fault.hint.as_deref(), Some("free some space, or choose another place"));
    assert!(fault.place.unwrap().file.starts_with(out.to_str().unwrap()));
}

#[test]
fn a_user_who_may_not_search_an_old_directory_that_is_his_can_replace_it() {
    let scratch = tempfile::tempdir().unwrap();
    fs::set_permissions(scratch.path(), fs::Permissions::from_mode(0o777)).unwrap();
    let out = scratch.path().join("out");
    let mut closed = kit("a");
    closed.insert_directory(path("startup"), 0o000);
    closed.set_mode(0o300);
    std::thread::scope(|scope| {
        let run = scope.spawn(|| {
            if rustix::process::geteuid().is_root() {
                rustix::thread::set_thread_uid(rustix::process::Uid::from_raw(65534)).unwrap();
            }
            commit(&closed, &out, &DEFAULT).unwrap();
            let committed = commit(&kit("b"), &out, &DEFAULT).unwrap();
            assert!(committed.leftovers.is_empty(), "{committed:?}");
        });
        run.join().unwrap();
    });
    assert_eq!(read(&out), kit("b"));
    assert_eq!(names(scratch.path()), ["out"]);
}

#[test]
fn a_run_does_not_touch_a_temporary_directory_that_became_another_run_s() {
    let scratch = tempfile::tempdir().unwrap();
    let out = scratch.path().join("out");
    commit(&kit("old"), &out, &DEFAULT).unwrap();
    let mut inner_done = false;
    // Between the exchange and the removal of the old tree, another run cleans up, and is writing to
    // the same temporary directory when the first one continues.
    let (started, go_on) = (std::sync::Barrier::new(2), std::sync::Barrier::new(2));
    std::thread::scope(|scope| {
        let mut exchanged = false;
        let second = || {
            let mut waited = false;
            commit_with_hook(&kit("second"), &out, &DEFAULT, &mut |call| {
                if call.operation == DiskOperation::CreateFile && call.name == "file" && !waited {
                    waited = true;
                    started.wait();
                    go_on.wait();
                }
                Ok(())
            })
            .unwrap();
        };
        let mut running = None;
        let first = commit_with_hook(&kit("first"), &out, &DEFAULT, &mut |call| {
            if exchanged && running.is_none() {
                running = Some(scope.spawn(second));
                started.wait();
            }
            exchanged |= call.operation == DiskOperation::Exchange;
            Ok(())
        });
        first.unwrap();
        inner_done = running.is_some();
        go_on.wait();
    });
    assert!(inner_done);
    assert_eq!(read(&out), kit("second"), "nothing of the second run is missing");
    commit(&kit("a"), &out, &DEFAULT).unwrap();
    assert_eq!(names(scratch.path()), ["out"]);
}

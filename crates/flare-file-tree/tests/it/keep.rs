//! What a commit keeps of the older tree, what it cannot remove, and holes in files.

use std::{
    fs, io,
    os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink},
};

use flare_diagnostic::Code;
use flare_file_tree::{CommitOptions, DiskCall, DiskOperation, commit, commit_with_hook};

use crate::support::{kit, names, path, read};

#[test]
fn a_kept_directory_is_taken_over_as_it_is_whoever_writes_the_tree() {
    for can_exchange in [true, false] {
        let scratch = tempfile::tempdir().unwrap();
        let out = scratch.path().join("out");
        let options = CommitOptions { keep: Some("transfer".as_ref()), ..CommitOptions::default() };
        commit(&kit("a"), &out, &options).unwrap();
        fs::create_dir_all(out.join("transfer/models/empty")).unwrap();
        fs::write(out.join("transfer/models/big"), "weights").unwrap();
        fs::write(out.join("transfer/both"), "mine").unwrap();
        fs::write(out.join("transfer/dir"), "a file now").unwrap();
        symlink("models", out.join("transfer/link")).unwrap();
        fs::set_permissions(out.join("transfer/models"), fs::Permissions::from_mode(0o550)).unwrap();
        fs::write(out.join("lost"), "").unwrap();
        let before = fs::metadata(out.join("transfer/models/big")).unwrap();
        let mut tree = kit("b");
        tree.insert_file(path("transfer/both"), "of the kit", 0o600);
        tree.insert_file(path("transfer/dir/new"), "", 0o600);
        tree.insert_file(path("transfer/only-new"), "new", 0o600);
        tree.insert_directory(path("transfer"), 0o500);
        commit_with_hook(&tree, &out, &options, &mut |call| match call.operation {
            DiskOperation::Exchange if !can_exchange => Err(io::Error::from_raw_os_error(22)),
            _ => Ok(()),
        })
        .unwrap();
        let after = fs::metadata(out.join("transfer/models/big")).unwrap();
        assert_eq!((after.ino(), after.modified().unwrap()), (before.ino(), before.modified().unwrap()), "not copied");
        assert_eq!(names(&out.join("transfer")), ["both", "dir", "link", "models", "only-new"]);
        assert_eq!(fs::read(out.join("transfer/both")).unwrap(), b"mine");
        assert_eq!(fs::read(out.join("transfer/dir")).unwrap(), b"a file now");
        assert!(out.join("transfer/link").is_symlink() && out.join("transfer/models/empty").is_dir());
        assert_eq!(fs::metadata(out.join("transfer/models")).unwrap().mode() & 0o777, 0o550);
        assert!(!out.join("lost").exists() && out.join("only-b").exists());
        assert_eq!(names(scratch.path()), ["out"]);
    }
}

#[test]
fn a_kept_directory_is_whole_whatever_fails_or_kills_the_run() {
    for dies in [false, true] {
        for nth in 0.. {
            let scratch = tempfile::tempdir().unwrap();
            let out = scratch.path().join("out");
            let options = CommitOptions { keep: Some("transfer".as_ref()), ..CommitOptions::default() };
            commit(&kit("a"), &out, &options).unwrap();
            for name in ["one", "deep/two"] {
                fs::create_dir_all(out.join("transfer/deep")).unwrap();
                fs::write(out.join("transfer").join(name), "mine").unwrap();
            }
            let mut calls = 0;
            let result = commit_with_hook(&kit("b"), &out, &options, &mut |_| {
                calls += 1;
                let fails = if dies { calls > nth } else { calls == nth + 1 };
                if fails { Err(io::Error::from_raw_os_error(5)) } else { Ok(()) }
            });
            for name in ["one", "deep/two"] {
                assert_eq!(fs::read(out.join("transfer").join(name)).unwrap(), b"mine", "{nth}, {result:?}");
            }
            commit(&kit("c"), &out, &options).unwrap();
            assert_eq!(fs::read(out.join("transfer/deep/two")).unwrap(), b"mine", "{nth}");
            assert_eq!(names(scratch.path()), ["out"], "{nth}");
            if calls <= nth {
                break;
            }
        }
    }
}

#[test]
fn many_at_once_lose_nothing_of_a_kept_directory() {
    let scratch = tempfile::tempdir().unwrap();
    let out = scratch.path().join("out");
    let options = CommitOptions { keep: Some("transfer".as_ref()), ..CommitOptions::default() };
    commit(&kit("a"), &out, &options).unwrap();
    fs::create_dir_all(out.join("transfer/deep")).unwrap();
    (0..20).for_each(|index| fs::write(out.join(format!("transfer/deep/{index}")), "mine").unwrap());
    std::thread::scope(|scope| {
        for mark in ["a", "b", "c"] {
            let (out, options) = (&out, &options);
            scope.spawn(move || (0..20).for_each(|_| drop(commit(&kit(mark), out, options).unwrap())));
        }
    });
    assert_eq!(names(&out.join("transfer/deep")).len(), 20);
    assert_eq!(names(scratch.path()), ["out"], "no directory with a key is left");
}

#[test]
fn what_cannot_be_removed_is_named_each_time() {
    let scratch = tempfile::tempdir().unwrap();
    let out = scratch.path().join("out");
    commit(&kit("a"), &out, &CommitOptions::default()).unwrap();
    let mut forbidden = |call: DiskCall<'_>| match call.operation {
        DiskOperation::RemoveFile => Err(io::Error::from_raw_os_error(1)),
        _ => Ok(()),
    };
    for count in 1..=2 {
        let committed = commit_with_hook(&kit("b"), &out, &CommitOptions::default(), &mut forbidden).unwrap();
        assert_eq!(committed.leftovers.len(), count);
        let warning = committed.leftovers.into_iter().next().unwrap().into_leftover(Code::Notice);
        assert!(warning.message.contains(".out.flare-kube-1") && warning.message.contains("private keys"), "{}", warning.message);
    }
    let mut fails = |call: DiskCall<'_>| match call.operation {
        DiskOperation::RemoveFile => Err(io::Error::from_raw_os_error(1)),
        DiskOperation::Rename | DiskOperation::Exchange => Err(io::Error::from_raw_os_error(5)),
        _ => Ok(()),
    };
    let faults = commit_with_hook(&kit("b"), &out, &CommitOptions::default(), &mut fails)
        .unwrap_err()
        .into_faults(Code::DeployPrepareFailed);
    assert!(faults.all().last().unwrap().message.contains("private keys"), "{faults}");
    commit(&kit("c"), &out, &CommitOptions::default()).unwrap();
    assert_eq!(names(scratch.path()), ["out"]);
}

#[test]
fn holes_of_large_files_stay_holes() {
    use std::os::unix::fs::FileExt as _;
    let scratch = tempfile::tempdir().unwrap();
    let (source, out) = (scratch.path().join("source"), scratch.path().join("out"));
    fs::create_dir_all(source.join("transfer")).unwrap();
    for (name, length, data) in
        [("whole", 200 << 20, vec![]), ("middle", 200 << 20, vec![0, 100 << 20]), ("end", 50 << 20, vec![(50 << 20) - 3])]
    {
        let file = fs::File::create(source.join("transfer").join(name)).unwrap();
        file.set_len(length).unwrap();
        for at in data {
            file.write_all_at(b"abc", at).unwrap();
        }
    }
    commit(&read(&source), &out, &CommitOptions::default()).unwrap();
    for name in ["whole", "middle", "end"] {
        let [before, after] = [&source, &out].map(|root| fs::metadata(root.join("transfer").join(name)).unwrap());
        assert_eq!(after.len(), before.len(), "{name}");
        assert!(after.blocks() <= before.blocks() + 64, "{name}: {} blocks of {}", after.blocks(), before.blocks());
    }
    assert_eq!(read(&source).digest().unwrap(), read(&out).digest().unwrap());
}

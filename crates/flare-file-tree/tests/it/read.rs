//! What reading accepts and what it refuses.

use std::{
    fs,
    os::unix::{
        fs::{PermissionsExt as _, symlink},
        net::UnixListener,
    },
    path::{Path, PathBuf},
    sync::mpsc,
    thread,
    time::Duration,
};

use flare_diagnostic::{Code, Faults};
use flare_file_tree::{CommitOptions, Content, Destination, Entry, FileTree, commit, read_file};
use rustix::fs::{CWD, FileType, Mode, mknodat};

use crate::support::{kit, options, read};

fn make_pipe(path: &Path) {
    mknodat(CWD, path, FileType::Fifo, Mode::from_raw_mode(0o644), 0).unwrap();
}

fn messages(faults: &Faults) -> Vec<&str> {
    faults.all().iter().map(|fault| fault.message.as_str()).collect()
}

/// The faults of a directory that contains a pipe. Opening a pipe would block for ever: the guard turns that into a
/// failure of the test.
fn without_hanging(kit: &Path) -> Faults {
    const HANG_GUARD: Duration = Duration::from_secs(30);
    let (sender, receiver) = mpsc::channel();
    let kit = kit.to_owned();
    thread::spawn(move || sender.send(FileTree::read(&kit, &options()).unwrap_err()));
    receiver.recv_timeout(HANG_GUARD).expect("nothing may wait for a pipe")
}

#[test]
fn everything_that_is_no_file_or_directory_is_refused_at_once_by_path() {
    let scratch = tempfile::tempdir().unwrap();
    let kit = scratch.path();
    fs::create_dir_all(kit.join("startup/sub")).unwrap();
    fs::write(kit.join("startup/fine"), "x").unwrap();
    symlink("fine", kit.join("startup/link")).unwrap();
    symlink("nowhere", kit.join("startup/dangling")).unwrap();
    symlink("..", kit.join("startup/sub/loop")).unwrap();
    make_pipe(&kit.join("pipe"));
    let _socket = UnixListener::bind(kit.join("socket")).unwrap();
    let mut expected = vec![
        "`pipe` is a named pipe",
        "`socket` is a socket",
        "`startup/dangling` is a symbolic link",
        "`startup/link` is a symbolic link",
        "`startup/sub/loop` is a symbolic link",
    ];
    if mknodat(CWD, kit.join("a-device"), FileType::CharacterDevice, Mode::RUSR, rustix::fs::makedev(1, 3)).is_ok() {
        expected.insert(0, "`a-device` is a device");
    }
    let faults = without_hanging(kit);
    assert_eq!(messages(&faults), expected);
    for fault in faults.all() {
        assert_eq!(fault.code, Code::InvalidKit);
        assert!(fault.hint.is_some());
        let place = PathBuf::from(&fault.place.as_ref().unwrap().file);
        assert!(place.starts_with(kit) && fault.message.contains(place.strip_prefix(kit).unwrap().to_str().unwrap()));
    }
}

#[test]
fn the_directory_itself_may_be_a_link_and_must_be_a_directory() {
    let scratch = tempfile::tempdir().unwrap();
    let tree = kit("a");
    commit(&tree, &scratch.path().join("kit"), &CommitOptions::default()).unwrap();
    symlink("kit", scratch.path().join("link")).unwrap();
    assert_eq!(read(&scratch.path().join("link")), tree);
    make_pipe(&scratch.path().join("pipe"));
    let refused = |name: &str| FileTree::read(&scratch.path().join(name), &options()).unwrap_err().first().message.clone();
    assert!(refused("pipe").ends_with("is not a directory"));
    assert!(refused("kit/local/empty").ends_with("is not a directory"));
    assert!(refused("nothing").starts_with("there is no directory `"));
}

/// Runs in a separate thread as a user who owns nothing. If the tests do not run as root, as their own user.
fn as_nobody<T: Send>(act: impl FnOnce() -> T + Send) -> T {
    std::thread::scope(|scope| {
        let run = scope.spawn(|| {
            if rustix::process::geteuid().is_root() {
                rustix::thread::set_thread_uid(rustix::process::Uid::from_raw(65534)).unwrap();
            }
            act()
        });
        run.join().unwrap()
    })
}

#[test]
fn unreadable_files_and_directories_are_all_named() {
    let scratch = tempfile::tempdir().unwrap();
    fs::set_permissions(scratch.path(), fs::Permissions::from_mode(0o755)).unwrap();
    for (name, mode) in [("closed-file", 0o000), ("directory/also-closed", 0o000), ("directory/open", 0o644)] {
        let path = scratch.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, "secret").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
    }
    fs::create_dir(scratch.path().join("closed-directory")).unwrap();
    fs::set_permissions(scratch.path().join("closed-directory"), fs::Permissions::from_mode(0o000)).unwrap();
    let faults = as_nobody(|| FileTree::read(scratch.path(), &options())).unwrap_err();
    assert_eq!(
        messages(&faults),
        [
            "`closed-directory` cannot be read: permission denied",
            "`closed-file` cannot be read: permission denied",
            "`directory/also-closed` cannot be read: permission denied",
        ]
    );
    let file = scratch.path().join("closed-file");
    let faults = as_nobody(|| read_file(&file, 100, Code::ConfigNotFound, Code::InvalidConfig)).unwrap_err();
    assert_eq!(faults.first().code, Code::InvalidConfig);
    assert!(faults.first().message.ends_with("permission denied"), "{faults}");
}

#[test]
fn excluded_paths_and_our_own_temporary_directories_are_passed_over() {
    let scratch = tempfile::tempdir().unwrap();
    let root = scratch.path();
    for file in [
        "keep/a",
        "prepared/k8s/x",
        "prepared-too",
        "out/y",
        ".out.flare-kube-1/z",
        "sub/.n.flare-kube-8-kept/z",
        ".x.flare-kube-9/z",
    ] {
        fs::create_dir_all(root.join(file).parent().unwrap()).unwrap();
        fs::write(root.join(file), "x").unwrap();
    }
    symlink("nowhere", root.join("prepared/link")).unwrap();
    symlink(root, root.with_extension("alias")).unwrap();
    let paths = |options: &flare_file_tree::ReadOptions| -> Vec<String> {
        FileTree::read(root, options).unwrap().files().map(|(path, ..)| path.to_string()).collect()
    };
    let kept = [".x.flare-kube-9/z", "keep/a", "prepared-too"];
    assert_eq!(paths(&options().exclude("./prepared").exclude(root.join("out"))), kept);
    assert_eq!(paths(&options().exclude(root.with_extension("alias").join("prepared")).exclude("out/")), kept);
    fs::remove_file(root.with_extension("alias")).unwrap();
    assert!(FileTree::read(root, &options().exclude("/elsewhere").exclude("../prepared").exclude("")).is_err());
}

#[test]
fn large_files_stay_on_disk_except_where_somebody_looks_into_them() {
    let scratch = tempfile::tempdir().unwrap();
    let kit = scratch.path().join("kit");
    for name in ["startup/large", "transfer/large", "transfer/small"] {
        fs::create_dir_all(kit.join(name).parent().unwrap()).unwrap();
        fs::write(kit.join(name), vec![7; if name.ends_with("large") { 5000 } else { 10 }]).unwrap();
    }
    fs::set_permissions(kit.join("transfer/large"), fs::Permissions::from_mode(0o604)).unwrap();
    let mut options = options().in_memory("startup").in_memory("local");
    options.on_disk_above = 4999;
    let tree = FileTree::read(&kit, &options).unwrap();
    assert_eq!(tree.bytes("startup/large").map(<[u8]>::len), Some(5000));
    let on_disk = Content::OnDisk { source: kit.canonicalize().unwrap().join("transfer/large"), length: 5000 };
    assert_eq!(tree.get("transfer/large"), Some(&Entry::File { content: on_disk, mode: 0o604 }));
    let content = |tree: &FileTree| match tree.get("transfer/large") {
        Some(Entry::File { content, .. }) => content.read(),
        other => panic!("{other:?}"),
    };
    assert_eq!((content(&tree).unwrap(), content(&read(&kit)).unwrap()), (vec![7; 5000], vec![7; 5000]));
    assert_eq!(tree.digest().unwrap(), read(&kit).digest().unwrap(), "where a file stands does not change the digest");

    let out = scratch.path().join("out");
    commit(&tree, &out, &CommitOptions::default()).unwrap();
    assert_eq!(read(&out), read(&kit));

    fs::write(kit.join("transfer/large"), "shorter").unwrap();
    let error = commit(&tree, &out, &CommitOptions::default()).unwrap_err().to_string();
    assert!(error.contains("transfer/large") && error.contains("changed"), "{error}");
    assert!(tree.digest().is_err());
    assert!(content(&tree).unwrap_err().to_string().contains("changed"));
    assert_eq!(fs::read(out.join("transfer/large")).unwrap().len(), 5000, "the old output stays");

    let mut small_memory = options.clone();
    small_memory.memory = 5;
    assert_eq!(FileTree::read(&kit, &small_memory).unwrap().bytes("transfer/small"), None);
    let mut strict = options;
    strict.in_memory_limit = 4999;
    assert_eq!(messages(&FileTree::read(&kit, &strict).unwrap_err()), ["`startup/large` is longer than 4999 bytes"]);
    fs::create_dir(kit.join("startup/models")).unwrap();
    fs::rename(kit.join("startup/large"), kit.join("startup/models/large")).unwrap();
    let tree = FileTree::read(&kit, &strict).unwrap();
    assert_eq!(tree.bytes("startup/models/large"), None, "a model stays on disk, however long it is");
    assert!(tree.get("startup/models/large").is_some());
}

#[test]
fn the_wrong_directory_ends_in_a_fault_and_not_in_a_long_wait() {
    let scratch = tempfile::tempdir().unwrap();
    let mut deep = scratch.path().join("deep");
    (0..150).for_each(|_| deep.push("d"));
    fs::create_dir_all(&deep).unwrap();
    let faults = FileTree::read(&scratch.path().join("deep"), &options()).unwrap_err();
    assert!(faults.first().message.ends_with("is nested more than 128 directories deep"), "{faults}");
    let mut few = options();
    few.entries = 3;
    let faults = FileTree::read(scratch.path(), &few).unwrap_err();
    assert!(faults.first().message.ends_with("has more than 3 files and directories"), "{faults}");
}

#[test]
fn hostile_names_cannot_steer_a_terminal() {
    let scratch = tempfile::tempdir().unwrap();
    symlink("x", scratch.path().join("a\n\u{1b}[2Jb\u{202e}")).unwrap();
    let faults = FileTree::read(scratch.path(), &options()).unwrap_err();
    let shown = faults.to_string();
    assert!(shown.contains("`a\\n\\u{1b}[2Jb\\u{202e}` is a symbolic link"), "{shown}");
    assert!(!shown.chars().any(char::is_control));
    let error = commit(&kit("a"), &scratch.path().join("a\n\u{1b}[2Jb\u{202e}/x"), &CommitOptions::default()).unwrap_err();
    assert!(!error.to_string().chars().any(char::is_control), "{error}");
}

#[test]
fn nothing_shows_what_a_file_holds() {
    let tree = kit("very secret");
    let shown = format!("{tree:?} {:?}", tree.get("startup/client.key"));
    assert!(shown.contains("startup/client.key") && shown.contains("file 0600, 15 bytes"), "{shown}");
    assert!(!shown.contains("key very secret"), "{shown}");
}

#[test]
fn a_single_file_is_read_whole_or_refused() {
    let scratch = tempfile::tempdir().unwrap();
    let file = scratch.path().join("k8s.yaml");
    fs::write(&file, "runtime: k8s\n").unwrap();
    let get = |path: &Path, limit| read_file(path, limit, Code::ConfigNotFound, Code::InvalidConfig);
    assert_eq!(get(&file, 13).unwrap(), b"runtime: k8s\n");
    let code = |result: Result<Vec<u8>, Faults>| {
        let fault = result.unwrap_err().first().clone();
        assert!(fault.hint.is_some() && fault.place.is_some());
        (fault.code, fault.message)
    };
    let (too_long, message) = code(get(&file, 12));
    assert!(too_long == Code::InvalidConfig && message.ends_with("is longer than 12 bytes"), "{message}");
    assert_eq!(code(get(&scratch.path().join("nothing"), 10)).0, Code::ConfigNotFound);
    assert_eq!(code(get(&file.join("below"), 10)).0, Code::ConfigNotFound);
    let (directory, message) = code(get(scratch.path(), 10));
    assert!(directory == Code::InvalidConfig && message.ends_with("is a directory, not a file"), "{message}");
    make_pipe(&scratch.path().join("pipe"));
    assert!(code(get(&scratch.path().join("pipe"), 10)).1.ends_with("is a named pipe, not a file"));
    symlink(&file, scratch.path().join("link")).unwrap();
    assert!(get(&scratch.path().join("link"), 100).is_ok(), "the user named the link");
    let endless = get(Path::new("/dev/zero"), 10);
    assert!(code(endless).1.ends_with("is a device, not a file"));
}

#[test]
fn destinations_are_told_apart() {
    let scratch = tempfile::tempdir().unwrap();
    let look = |name: &str| Destination::inspect(&scratch.path().join(name)).unwrap();
    assert_eq!(look("nothing"), Destination::Absent);
    assert_eq!(look("nothing/below"), Destination::Absent);
    fs::create_dir(scratch.path().join("directory")).unwrap();
    assert_eq!(look("directory"), Destination::EmptyDirectory);
    fs::write(scratch.path().join("directory/.hidden"), "").unwrap();
    assert_eq!(look("directory"), Destination::Directory);
    assert_eq!(look("directory/.hidden"), Destination::File);
    symlink("directory", scratch.path().join("link")).unwrap();
    assert_eq!(look("link"), Destination::Directory);
    symlink("nowhere", scratch.path().join("dangling")).unwrap();
    assert_eq!(look("dangling"), Destination::Other);
    make_pipe(&scratch.path().join("pipe"));
    assert_eq!(look("pipe"), Destination::Other);
    assert!(Destination::inspect(&scratch.path().join("directory/.hidden/below")).is_err());
}

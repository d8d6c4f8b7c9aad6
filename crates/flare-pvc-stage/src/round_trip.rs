//! Backups and restores on local directories, with this machine's Python: what is restored, what is refused, and what an
//! interrupted run leaves.
#![allow(
    clippy::disallowed_methods,
    clippy::expect_fun_call,
    reason = "these tests start Python and look at the disk behind its back"
)]

use std::{
    collections::BTreeMap,
    ffi::{OsStr, OsString},
    fs::{self, File},
    io::Write as _,
    os::unix::{
        ffi::OsStrExt as _,
        fs::{PermissionsExt as _, symlink},
    },
    path::Path,
    process::{Command, Stdio},
};

use flare_diagnostic::{Code, Collector, Diagnostic};
use flare_file_tree::NewFile;
use proptest::prelude::*;
use serde_json::json;
use tempfile::TempDir;

use crate::{
    DataKind, KitOwner, VOLUME_PROGRAM,
    answer::read,
    archive::{self, ArchiveWriter, FORMAT_VERSION, Head, Line, LinkTarget, MANIFEST, PathBytes, Total},
    contents::Contents,
    conversation::READY,
    incoming::{self, Received, Stop},
    outgoing::{Answer, Outgoing, Selected},
};

#[path = "../tests/volume/python.rs"]
mod python;

use python::python;

/// Runs the program like the helper pod, but after the lines of `PRELUDE`, and dies at the call with the number `DIE`.
const DRIVER: &str = include_str!("../tests/volume/driver.py");

fn owner() -> KitOwner {
    KitOwner { participant: "server".to_owned(), role: "server".to_owned(), project: Some("p".to_owned()) }
}

/// Runs the program on a directory; returns the exit code and the output.
fn run(root: &Path, input: &[u8], request: usize, prelude: &str, die: usize) -> (Option<i32>, Vec<u8>) {
    let mut child = Command::new(python())
        .args(["-S", "-c", &format!("{prelude}\n{DRIVER}"), &VOLUME_PROGRAM.len().to_string(), &request.to_string()])
        .arg(root)
        .env("DIE", die.to_string())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("python3 is on this machine");
    let (mut stdin, input) = (child.stdin.take().expect("a pipe"), input.to_vec());
    // A killed program reads no more.
    let feeding = std::thread::spawn(move || drop(stdin.write_all(&input)));
    let output = child.wait_with_output().expect("it ends");
    feeding.join().expect("it ends");
    assert!(output.status.code() == Some(9) || output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    (output.status.code(), output.stdout)
}

fn wait<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().expect("a runtime").block_on(work)
}

/// A workspace whose kit moves nothing.
fn contents() -> Contents {
    Contents::read("{}", "{}", "/w", "/w/jobs-storage", "/w/snapshot-storage")
}

/// The stream of a backup of a volume.
fn stream(root: &Path, what: &[DataKind], keys: bool, prelude: &str) -> Vec<u8> {
    let wanted = contents().wanted(what);
    let request = json!({"verb": "backup", "id": "1", "owner": owner(), "what": wanted, "keys": keys}).to_string();
    run(root, &[VOLUME_PROGRAM.as_bytes(), request.as_bytes()].concat(), request.len(), prelude, 0).1
}

fn head() -> Line {
    let (namespace, claim) = ("flare".to_owned(), "nvflws".to_owned());
    Line::Backup(Head { format_version: FORMAT_VERSION, flare_kube: "0".into(), owner: owner(), namespace, claim, keys: false })
}

/// Writes a stream to a file like the verb.
fn keep(printed: &[u8], file: &Path) -> Result<(Received, Total), Diagnostic> {
    let mut archive = ArchiveWriter::begin(NewFile::begin(file, 0o600, false).expect("a file")).expect("begun");
    archive.line(&head()).expect("written");
    let received = match wait(incoming::receive(printed, &mut archive, &contents(), "nvflws", &|_, _| ())) {
        Ok(received) => received,
        Err(Stop::Fault(fault)) => return Err(fault),
        Err(Stop::Cut) => return Err(Diagnostic::error(Code::StreamBroken, "cut")),
    };
    let (new, total) = archive.finish().expect("written");
    assert_eq!(archive::verify(file, new.file(), |_| Ok(())).expect("as it was written").total, total);
    new.commit().expect("named");
    Ok((received, total))
}

fn save(root: &Path, what: &[DataKind], keys: bool, file: &Path) -> (Received, Total) {
    keep(&stream(root, what, keys, ""), file).expect("saved")
}

fn warnings(received: &Received, what: &[DataKind]) -> String {
    let mut found = Collector::new();
    received.warn(what, &mut found);
    let warnings = found.finish(|| ()).expect("no error").warnings;
    warnings.iter().map(|warning| format!("{}\n", warning.message)).collect()
}

/// The input of a restore, and the length of its request.
fn input(file: &Path, keys: bool, replace: bool, id: &str) -> Result<(Vec<u8>, usize), Diagnostic> {
    let archive = archive::open(file)?;
    let mut selected = Selected::default();
    archive::verify(file, &archive, |line| {
        if let Line::Item { path, .. } = line {
            selected.item(path, keys || !matches!(path.0.as_slice(), b"startup" | b"local"));
        }
        selected.count(line);
        Ok(())
    })?;
    let outgoing = Outgoing { path: file, file: &archive, selected: &selected };
    let request = outgoing.request(id, &owner(), keys, replace);
    let mut body = Vec::new();
    wait(outgoing.write(&mut body, &|_, _| ()))?;
    assert_eq!(body.len() as u64, outgoing.length(), "the length is what is announced to the other side");
    Ok(([VOLUME_PROGRAM.as_bytes(), &request, &body].concat(), request.len()))
}

fn restore(root: &Path, file: &Path, keys: bool, replace: bool) -> Result<Answer, Diagnostic> {
    restore_with(root, file, keys, replace, "")
}

fn restore_with(root: &Path, file: &Path, keys: bool, replace: bool, prelude: &str) -> Result<Answer, Diagnostic> {
    let (input, request) = input(file, keys, replace, "2")?;
    let printed = run(root, &input, request, prelude, 0).1;
    let answer = printed.strip_prefix(READY).unwrap_or(&printed);
    read(answer, "nvflws", Code::RestoreFailed)
}

/// Everything below a directory: mode and content, or a link's target.
fn tree(root: &Path) -> BTreeMap<OsString, (u32, Vec<u8>)> {
    fn walk(root: &Path, below: &Path, found: &mut BTreeMap<OsString, (u32, Vec<u8>)>) {
        for entry in fs::read_dir(below).expect("a directory") {
            let path = entry.expect("an entry").path();
            let metadata = fs::symlink_metadata(&path).expect("it is there");
            let content = if metadata.is_symlink() {
                fs::read_link(&path).expect("a link").as_os_str().as_bytes().to_vec()
            } else if metadata.is_dir() {
                walk(root, &path, found);
                Vec::new()
            } else {
                fs::read(&path).expect("a file")
            };
            let name = path.strip_prefix(root).expect("below").as_os_str().to_owned();
            found.insert(name, (metadata.permissions().mode(), content));
        }
    }
    let mut found = BTreeMap::new();
    walk(root, root, &mut found);
    found
}

fn put(root: &Path, path: impl AsRef<OsStr>, content: &[u8]) {
    let file = root.join(path.as_ref());
    fs::create_dir_all(file.parent().expect("a parent")).expect("a directory");
    fs::write(file, content).expect("a file");
}

/// A server's volume with every kind of data in a backup.
fn volume() -> TempDir {
    let root = TempDir::new().expect("a directory");
    put(root.path(), "jobs-storage/1/copy of a key", b"-----BEGIN CERTIFICATE-----\nx\n-----BEGIN RSA PRIVATE KEY-----\nx\n");
    for path in [
        "startup/server.key",
        "local/resources.json",
        "transfer/upload.bin",
        "jobs-storage/1/data",
        "jobs-storage/1/x.pem",
        "snapshot-storage/s",
        "log.txt",
        "log.txt.1",
        "other/file",
        ".flare-kube-previous/startup/old.key",
    ] {
        put(root.path(), path, path.as_bytes());
    }
    root
}

fn names(file: &Path) -> Vec<String> {
    let listed = Command::new("tar").arg("tf").arg(file).output().expect("tar is on this machine");
    assert!(listed.status.success() && listed.stderr.is_empty(), "{}", String::from_utf8_lossy(&listed.stderr));
    String::from_utf8(listed.stdout).expect("text").lines().map(str::to_owned).collect()
}

#[test]
fn what_is_asked_for_is_saved_and_no_key_or_kit_unless_asked() {
    let (root, out) = (volume(), TempDir::new().expect("a directory"));
    let file = out.path().join("all.tar");
    let (received, total) = save(root.path(), &[DataKind::All], false, &file);
    let expected = [
        "jobs-storage/",
        "jobs-storage/1/",
        "jobs-storage/1/data",
        "log.txt",
        "log.txt.1",
        "other/",
        "other/file",
        "snapshot-storage/",
        "snapshot-storage/s",
        "transfer/",
        "transfer/upload.bin",
        MANIFEST,
    ];
    assert_eq!((names(&file).as_slice(), total.files), (&expected.map(str::to_owned)[..], 6));
    assert_eq!(
        warnings(&received, &[DataKind::All]),
        "private keys are not saved: `jobs-storage/1/copy of a key`, `jobs-storage/1/x.pem`\n"
    );
    let file = out.path().join("some.tar");
    let (received, _) = save(root.path(), &[DataKind::Transfer, DataKind::Logs], false, &file);
    assert_eq!(names(&file), ["transfer/", "transfer/upload.bin", "log.txt", "log.txt.1", MANIFEST]);
    assert_eq!(warnings(&received, &[DataKind::Transfer, DataKind::Logs]), "");
    let file = out.path().join("keys.tar");
    save(root.path(), &[DataKind::All], true, &file);
    let saved = names(&file);
    for path in ["startup/server.key", "local/resources.json", "jobs-storage/1/x.pem", "jobs-storage/1/copy of a key"] {
        assert!(saved.contains(&path.to_owned()), "{saved:?}");
    }
    assert!(!saved.iter().any(|name| name.starts_with(".flare-kube-previous")), "{saved:?}");
    fs::remove_dir_all(root.path().join("snapshot-storage")).expect("removed");
    let (received, total) = save(root.path(), &[DataKind::Snapshots], false, &out.path().join("none.tar"));
    assert_eq!(
        (warnings(&received, &[DataKind::Snapshots]).as_str(), total.files),
        ("nothing of `snapshots` stands on the volume\n", 0)
    );
}

/// The rows that the rule of `prepare` is tested with too.
#[test]
fn what_a_private_key_is_follows_the_table_that_prepare_reads_too() {
    let rows: Vec<serde_json::Value> =
        serde_json::from_str(include_str!("../../../fixtures/security/private-keys.json")).expect("the rows of the fixture");
    let (root, out) = (TempDir::new().expect("a directory"), TempDir::new().expect("a directory"));
    let path = |row: &serde_json::Value| format!("transfer/{}", row["file"].as_str().expect("a name"));
    for row in &rows {
        let before = row["before"].as_u64().and_then(|before| usize::try_from(before).ok()).expect("a length");
        put(root.path(), path(row), ("x".repeat(before) + row["content"].as_str().expect("a text")).as_bytes());
    }
    let file = out.path().join("b.tar");
    save(root.path(), &[DataKind::All], false, &file);
    let saved = names(&file);
    for row in &rows {
        assert_eq!(json!(saved.contains(&path(row))), row["saved"], "{row}");
    }
}

/// A site may keep its uploads in any directory, even that of its kit.
#[test]
fn a_kit_is_not_saved_under_the_name_of_other_data() {
    let (root, out) = (volume(), TempDir::new().expect("a directory"));
    put(root.path(), "startup/uploads/x", b"");
    let wanted =
        json!([{"name": "transfer", "paths": ["startup", "startup/uploads", "local", ".flare-kube-previous", "transfer"]}]);
    let request = json!({"verb": "backup", "id": "1", "owner": owner(), "what": wanted, "keys": false}).to_string();
    let printed = run(root.path(), &[VOLUME_PROGRAM.as_bytes(), request.as_bytes()].concat(), request.len(), "", 0).1;
    let file = out.path().join("b.tar");
    let (received, _) = keep(&printed, &file).expect("saved");
    assert_eq!(names(&file), ["transfer/", "transfer/upload.bin", MANIFEST]);
    let said = warnings(&received, &[DataKind::Transfer]);
    assert_eq!(said, "private keys are not saved: `startup`, `startup/uploads`, `local`, `.flare-kube-previous`\n");
}

/// It was copied one level too deep, and is a kit all the same.
#[test]
fn a_kit_at_a_wrong_level_is_not_saved_either() {
    let (root, out) = (volume(), TempDir::new().expect("a directory"));
    for path in ["startup/x", "local/y", "z", "client_context.tenseal"] {
        put(root.path(), Path::new("site-1-k8s").join(path), b"");
    }
    let file = out.path().join("b.tar");
    let (received, _) = save(root.path(), &[DataKind::All], false, &file);
    let saved: Vec<_> = names(&file).into_iter().filter(|name| name.starts_with("site-1-k8s")).collect();
    assert_eq!(saved, ["site-1-k8s/", "site-1-k8s/z"]);
    assert_eq!(
        warnings(&received, &[DataKind::All]).lines().next(),
        Some(
            "private keys are not saved: `jobs-storage/1/copy of a key`, `jobs-storage/1/x.pem`, \
             `site-1-k8s/client_context.tenseal`, `site-1-k8s/local`, `site-1-k8s/startup`"
        )
    );
    let file = out.path().join("keys.tar");
    save(root.path(), &[DataKind::All], true, &file);
    assert!(names(&file).contains(&"site-1-k8s/startup/x".to_owned()));
}

/// In the middle of a swap, the kit is in none of the places where it is looked for.
#[test]
fn a_volume_with_a_begun_swap_is_not_saved_with_its_kit() {
    let out = TempDir::new().expect("a directory");
    for (journal, keys, message) in [
        (r#"{"id": "1", "phase": "swap"}"#, false, None),
        (r#"{"id": "1", "phase": "swap"}"#, true, Some("a staging onto")),
        (r#"{"id": "1", "phase": "swap", "kept": ".flare-kube-replaced"}"#, false, Some("a restore onto")),
    ] {
        let root = volume();
        put(root.path(), ".flare-kube-swap.json", journal.as_bytes());
        let file = out.path().join(format!("{keys}-{}.tar", message.is_some()));
        let kept = keep(&stream(root.path(), &[DataKind::All], keys, ""), &file);
        match (message, kept) {
            (None, kept) => drop(kept.expect("saved")),
            (Some(message), kept) => {
                let fault = kept.expect_err(message);
                assert!(fault.message.starts_with(message), "{fault}");
            }
        }
    }
}

#[test]
fn a_volume_that_is_in_use_is_saved_as_it_was_when_each_file_was_opened() {
    // Files that grow at each read, are shorter than their size, or vanish after they were listed.
    let changes = "import os
root = __import__('sys').argv[3]
def before(name, first):
    real = getattr(os, name)
    def call(*arguments, **named):
        first(*arguments)
        return real(*arguments, **named)
    setattr(os, name, call)
def after(name, then):
    real = getattr(os, name)
    def call(*arguments, **named):
        answer = real(*arguments, **named)
        then(*arguments)
        return answer
    setattr(os, name, call)
before('read', lambda descriptor, _: os.readlink('/proc/self/fd/%d' % descriptor).endswith('/log.txt') and open(root + '/log.txt', 'ab').write(b'more'))
after('fstat', lambda descriptor: os.readlink('/proc/self/fd/%d' % descriptor).endswith('/shrinks') and os.truncate(root + '/other/shrinks', 3))
after('listdir', lambda path: path.endswith('/other') and os.path.exists(path + '/gone') and os.unlink(path + '/gone'))
";
    let (root, out) = (volume(), TempDir::new().expect("a directory"));
    put(root.path(), "other/shrinks", b"0123456789");
    put(root.path(), "other/gone", b"");
    let file = out.path().join("b.tar");
    let (received, _) = keep(&stream(root.path(), &[DataKind::All], true, changes), &file).expect("saved");
    let said = warnings(&received, &[DataKind::All]);
    assert!(said.contains("gone before it could be read: `other/gone`"), "{said}");
    assert!(said.contains("became shorter while it was read, and is saved to where it ended: `other/shrinks`"), "{said}");
    let unpacked = TempDir::new().expect("a directory");
    let status = Command::new("tar").arg("xf").arg(&file).arg("-C").arg(unpacked.path()).status();
    assert!(status.expect("tar is on this machine").success());
    assert_eq!(fs::read(unpacked.path().join("other/shrinks")).expect("a file"), b"012");
    assert_eq!(fs::read(unpacked.path().join("log.txt")).expect("a file"), b"log.txt");
}

#[test]
fn a_stream_that_is_cut_or_changed_leaves_no_file() {
    let (root, out) = (volume(), TempDir::new().expect("a directory"));
    let printed = stream(root.path(), &[DataKind::All], false, "");
    let file = out.path().join("b.tar");
    for cut in (0..printed.len()).step_by(23).chain([printed.len() - 1]) {
        keep(&printed[..cut], &file).expect_err(&format!("cut at {cut}"));
        assert_eq!(fs::read_dir(out.path()).expect("it").count(), 0, "cut at {cut}");
    }
    let at = printed.windows(10).position(|window| window == b"upload.bin").expect("the content");
    let mut changed = printed;
    changed[at] ^= 1;
    let fault = keep(&changed, &file).expect_err("changed");
    assert_eq!(fault.message, "`transfer/upload.bin` did not arrive as it was read on the volume");
}

#[test]
fn what_cannot_be_read_or_is_another_participants_is_no_backup() {
    let (root, out) = (volume(), TempDir::new().expect("a directory"));
    let file = out.path().join("b.tar");
    put(
        root.path(),
        ".flare-kube-staged.json",
        json!({"owner": {"participant": "site-1", "role": "client", "project": null}}).to_string().as_bytes(),
    );
    let fault = keep(&stream(root.path(), &[DataKind::All], false, ""), &file).expect_err("another's");
    assert_eq!(fault.code, Code::VolumeNotOurs);
    fs::remove_file(root.path().join(".flare-kube-staged.json")).expect("removed");
    let failing = "import os
real = os.read
def read(*arguments):
    raise OSError(5, 'bad sector', os.readlink('/proc/self/fd/%d' % arguments[0]))
os.read = read
";
    let fault = keep(&stream(root.path(), &[DataKind::All], false, failing), &file).expect_err("a bad disk");
    assert_eq!(
        (fault.code, fault.message.as_str()),
        (Code::BackupFailed, "the volume of claim `nvflws` refused at `jobs-storage/1/data`: EIO")
    );
    assert!(!file.exists());
}

#[test]
fn what_stands_there_is_refused_or_kept_aside_and_the_kit_stays_unless_asked_for() {
    let (root, out) = (volume(), TempDir::new().expect("a directory"));
    let file = out.path().join("b.tar");
    save(root.path(), &[DataKind::All], true, &file);
    let claim = TempDir::new().expect("a directory");
    fs::create_dir(claim.path().join("transfer")).expect("an empty directory is in nobody's way");
    put(claim.path(), "log.txt", b"new log");
    put(claim.path(), "startup/mine", b"mine");
    let before = tree(claim.path());
    let fault = restore(claim.path(), &file, false, false).expect_err("occupied");
    assert_eq!(
        (fault.code, fault.message.as_str()),
        (Code::VolumeOccupied, "on the volume of claim `nvflws` there is something already: `log.txt`")
    );
    assert_eq!(tree(claim.path()), before);
    let answer = restore(claim.path(), &file, false, true).expect("restored");
    assert_eq!(answer.replaced, ["log.txt"]);
    let found = tree(claim.path());
    let content = |path: &str| found.get(OsStr::new(path)).map(|(_, content)| String::from_utf8_lossy(content).into_owned());
    assert_eq!(content("log.txt").as_deref(), Some("log.txt"));
    assert_eq!(content(".flare-kube-replaced/log.txt").as_deref(), Some("new log"));
    assert_eq!(content("transfer/upload.bin").as_deref(), Some("transfer/upload.bin"));
    assert_eq!((content("startup/mine").as_deref(), content("startup/server.key")), (Some("mine"), None));
    let answer = restore(claim.path(), &file, true, true).expect("restored");
    assert!(answer.replaced.contains(&"startup".to_owned()), "{answer:?}");
    let found = tree(claim.path());
    assert!(found.contains_key(OsStr::new("startup/server.key")) && found.contains_key(OsStr::new("jobs-storage/1/x.pem")));
    assert!(found.contains_key(OsStr::new(".flare-kube-replaced/startup/mine")));
    let other = TempDir::new().expect("a directory");
    put(other.path(), "startup/fed_client.json", b"{}");
    assert_eq!(restore(other.path(), &file, false, false).expect_err("a client's").code, Code::VolumeNotOurs);
}

#[test]
fn a_damaged_or_cut_file_is_seen_before_anything_is_sent() {
    let (root, out) = (volume(), TempDir::new().expect("a directory"));
    let file = out.path().join("b.tar");
    save(root.path(), &[DataKind::All], false, &file);
    let whole = fs::read(&file).expect("it");
    let check = |bytes: &[u8]| {
        fs::write(&file, bytes).expect("written");
        input(&file, false, false, "1").map(drop)
    };
    for (index, window) in whole.windows(10).enumerate().filter(|(_, window)| *window == b"upload.bin") {
        let mut changed = whole.clone();
        changed[index] ^= 1;
        assert_eq!(check(&changed).expect_err("damaged").code, Code::InvalidBackup, "{index} {window:?}");
    }
    let end = whole.iter().rposition(|byte| *byte == b'\n').expect("the manifest's last line");
    for cut in (0..end).step_by(97).chain([end]) {
        assert_eq!(check(&whole[..cut]).expect_err("cut").code, Code::InvalidBackup, "{cut}");
    }
    check(&whole).expect("it is whole");
    assert_eq!(input(&out.path().join("none.tar"), false, false, "1").expect_err("none").code, Code::InvalidArgs);
    assert_eq!(check(b"no tar at all").expect_err("no tar").code, Code::InvalidBackup);
}

/// Writes an archive that a backup never writes.
fn forged(file: &Path, lines: &[Line]) {
    let mut archive = ArchiveWriter::begin(NewFile::begin(file, 0o600, true).expect("a file")).expect("begun");
    for line in [&head()].into_iter().chain(lines) {
        if let Line::File { path, .. } = line {
            archive.begin_file(path.clone(), 0o644, 0, 1).expect("begun");
            archive.data(b"x").expect("written");
            assert!(archive.end_file(1, &flare_file_tree::Digest::of(b"x").to_string()).expect("written"));
        } else {
            archive.line(line).expect("written");
        }
    }
    archive.finish().expect("written").0.commit().expect("named");
}

#[test]
fn nothing_leaves_the_volume_whatever_a_backup_says() {
    let out = TempDir::new().expect("a directory");
    let (file, outside) = (out.path().join("b.tar"), out.path().join("outside"));
    fs::create_dir(&outside).expect("a directory");
    let path = |text: &str| PathBytes(text.as_bytes().to_vec());
    let item = |text: &str| Line::Item { path: path(text), what: "all".to_owned() };
    let directory = |text: &str| Line::Directory { path: path(text), mode: 0o755, mtime: 0 };
    let file_line = |text: &str| Line::File { path: path(text), mode: 0o644, mtime: 0, size: 1, sha256: String::new() };
    let link = |text: &str, target: &Path| {
        let target = LinkTarget(PathBytes(target.as_os_str().as_bytes().to_vec()));
        Line::Link { path: path(text), target, mtime: 0 }
    };
    let cases: [(&str, Vec<Line>); 6] = [
        ("a file through a link", vec![item("a"), directory("a"), link("a/l", &outside), file_line("a/l/x")]),
        ("a link through a link", vec![item("a"), directory("a"), link("a/l", &outside), link("a/l/x", &outside)]),
        ("beside its item", vec![item("a"), directory("a"), file_line("b")]),
        ("upwards", vec![item("../outside"), directory("../outside"), file_line("../outside/x")]),
        ("what is ours", vec![item(".flare-kube-swap.json"), file_line(".flare-kube-swap.json")]),
        ("one in another", vec![item("a"), directory("a"), item("a/b"), directory("a/b")]),
    ];
    for (case, lines) in cases {
        forged(&file, &lines);
        let claim = TempDir::new().expect("a directory");
        restore(claim.path(), &file, false, false).expect_err(case);
        assert_eq!(fs::read_dir(&outside).expect("it").count(), 0, "{case}");
        let left: Vec<_> = fs::read_dir(claim.path()).expect("it").map(|entry| entry.expect("it").file_name()).collect();
        assert!(left.iter().all(|name| name.as_bytes().starts_with(b".flare-stage-")), "{case}: {left:?}");
    }
    // Nor through a link on the volume.
    forged(&file, &[item("store/jobs"), directory("store/jobs"), file_line("store/jobs/x")]);
    let claim = TempDir::new().expect("a directory");
    symlink(&outside, claim.path().join("store")).expect("a link");
    restore(claim.path(), &file, false, true).expect_err("through a link");
    assert_eq!(fs::read_dir(&outside).expect("it").count(), 0);
    fs::remove_file(claim.path().join("store")).expect("removed");
    restore(claim.path(), &file, false, true).expect("restored");
    assert_eq!(fs::read(claim.path().join("store/jobs/x")).expect("a file"), b"x");
}

/// Kills a restore at each call that changes the disk: each item is the old one, the new one or, during the swap, where the old one is
/// kept; a second run finishes it.
#[test]
fn killed_at_any_step_each_item_is_old_or_new_and_the_next_run_finishes() {
    let (root, out) = (TempDir::new().expect("a directory"), TempDir::new().expect("a directory"));
    for path in ["transfer/a", "jobs-storage/1/data", "log.txt"] {
        put(root.path(), path, b"new");
    }
    let file = out.path().join("b.tar");
    save(root.path(), &[DataKind::All], false, &file);
    let wanted = tree(root.path());
    let (bytes, request) = input(&file, false, true, "7").expect("an input");
    // Every third step, with another first step in each run.
    let seed = usize::try_from(std::process::id() % 3).expect("small");
    for die in (1 + seed..).step_by(3) {
        let claim = TempDir::new().expect("a directory");
        for path in ["transfer/b", "jobs-storage/2/data", "log.txt", "keep/c"] {
            put(claim.path(), path, b"old");
        }
        let (ended, _) = run(claim.path(), &bytes, request, "", die);
        for item in ["transfer", "jobs-storage"] {
            let found = tree(claim.path());
            let below = |prefix: &str| found.iter().filter(|(path, _)| path.as_bytes().starts_with(prefix.as_bytes())).count();
            let content: Vec<_> = found
                .iter()
                .filter(|(path, (_, content))| path.as_bytes().starts_with(item.as_bytes()) && !content.is_empty())
                .collect();
            assert!(content.len() <= 1, "step {die}: a mixture: {content:?} {}", below(item));
        }
        restore(claim.path(), &file, false, true).expect(&format!("after step {die}"));
        let mut found = tree(claim.path());
        assert_eq!(found.remove(OsStr::new("keep/c")).map(|(_, content)| content), Some(b"old".to_vec()), "step {die}");
        found.remove(OsStr::new("keep"));
        found.retain(|path, _| !path.as_bytes().starts_with(b".flare-kube-replaced"));
        assert_eq!(found, wanted, "step {die}");
        if ended != Some(9) {
            assert!(die > 30, "only {die} steps were seen");
            return;
        }
    }
}

/// Files are compared after they were written to the disk, since only that shows what it did not take.
#[test]
fn what_the_disk_did_not_take_does_not_replace_anything() {
    let (root, out) = (volume(), TempDir::new().expect("a directory"));
    let file = out.path().join("b.tar");
    save(root.path(), &[DataKind::Transfer], false, &file);
    let claim = TempDir::new().expect("a directory");
    put(claim.path(), "transfer/mine", b"mine");
    let before = tree(claim.path());
    for (variable, value, said) in [
        ("SYNC_ERROR", "5", "the volume of claim `nvflws` refused: EIO"),
        (
            "DAMAGED",
            ".flare-stage-2/transfer/upload.bin",
            "`transfer/upload.bin` on the volume of claim `nvflws` is not what was sent",
        ),
    ] {
        let prelude = format!("import os; os.environ['{variable}'] = '{value}'");
        let fault = restore_with(claim.path(), &file, false, true, &prelude).expect_err(variable);
        assert!(fault.message.starts_with(said), "{variable}: {fault}");
        assert_eq!(tree(claim.path()), before, "{variable}");
    }
    restore(claim.path(), &file, false, true).expect("restored");
}

#[test]
fn a_large_file_with_holes_comes_back() {
    let (root, out) = (TempDir::new().expect("a directory"), TempDir::new().expect("a directory"));
    fs::create_dir(root.path().join("jobs-storage")).expect("a directory");
    let mut sparse = File::create(root.path().join("jobs-storage/model")).expect("a file");
    sparse.set_len(80 << 20).expect("long");
    sparse.write_all(b"begin").expect("written");
    let file = out.path().join("b.tar");
    save(root.path(), &[DataKind::Jobs], false, &file);
    let claim = TempDir::new().expect("a directory");
    restore(claim.path(), &file, false, false).expect("restored");
    assert!(tree(claim.path()) == tree(root.path()));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, failure_persistence: None, ..ProptestConfig::default() })]

    /// Names that are not UTF-8, contain blanks, brackets, quotes and newlines, begin with dashes and dots or are long; modes; empty
    /// directories; arbitrary links.
    #[test]
    fn any_tree_comes_back_as_it_was(
        files in proptest::collection::btree_map("[^/\u{0}]{1,30}(/[^/\u{0}]{1,80}){0,4}", (any::<Vec<u8>>(), 0o400_u32..0o1000), 0..10),
        directories in proptest::collection::btree_map("[^/\u{0}.]{1,20}", 0o500_u32..0o1000, 0..4),
        links in proptest::collection::btree_map("[^/\u{0}.]{1,20}", proptest::collection::vec(1_u8..=255, 1..150), 0..4),
        not_text in proptest::collection::vec(128_u8..=255, 1..120),
    ) {
        let (root, out) = (TempDir::new().expect("a directory"), TempDir::new().expect("a directory"));
        let below = |path: &str| root.path().join("jobs-storage").join(path.replace("/./", "/_/").replace("/../", "/__/"));
        put(root.path(), OsStr::from_bytes(&[b"jobs-storage/".as_slice(), &not_text].concat()), b"x");
        for (path, (content, mode)) in files {
            let file = below(&path);
            if file.file_name().is_none() || fs::create_dir_all(file.parent().expect("a parent")).is_err() || fs::write(&file, content).is_err() {
                continue;
            }
            fs::set_permissions(&file, fs::Permissions::from_mode(mode | 0o400)).expect("its own");
        }
        for (path, target) in links {
            let _ = symlink(OsStr::from_bytes(&target), below(&path));
        }
        for (path, mode) in directories {
            if fs::create_dir(below(&path)).is_ok() {
                fs::set_permissions(below(&path), fs::Permissions::from_mode(mode | 0o500)).expect("its own");
            }
        }
        let file = out.path().join("b.tar");
        save(root.path(), &[DataKind::All], true, &file);
        let listed = Command::new("tar").args(["--quoting-style=escape", "-tf"]).arg(&file).output().expect("tar is on this machine");
        prop_assert!(listed.status.success() && listed.stderr.is_empty(), "{}", String::from_utf8_lossy(&listed.stderr));
        prop_assert_eq!(String::from_utf8_lossy(&listed.stdout).lines().count(), tree(root.path()).len() + 1);
        let claim = TempDir::new().expect("a directory");
        restore(claim.path(), &file, false, false).expect("restored");
        prop_assert_eq!(tree(claim.path()), tree(root.path()));
    }
}

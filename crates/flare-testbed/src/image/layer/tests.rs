//! The bytes of a layer depend only on its content.

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path};

use super::{TIME, write};
use crate::image::entry::{LayerContent, read};

/// Makes the same content in a given order, with a given time.
fn make(root: &Path, names: &[&str], time: u64) {
    for name in names {
        let path = root.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, name).unwrap();
        let time = std::time::UNIX_EPOCH + std::time::Duration::from_secs(time);
        fs::File::open(&path).unwrap().set_modified(time).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    }
    std::os::unix::fs::symlink("/usr/bin/python3", root.join("python3")).unwrap();
    fs::hard_link(root.join("b/two"), root.join("b/zwei")).unwrap();
}

const LONG: &str =
    "a/one-directory-with-a-name-that-is-long-enough-to-fill-the-hundred-bytes-of-a-tar-header/so-that-this-one-does-not-fit";

#[test]
fn same_content_gives_the_same_bytes() {
    let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    make(one.path(), &["b/two", LONG, "a/three"], 1_000_000_000);
    make(two.path(), &["a/three", "b/two", LONG], 1_500_000_000);
    let out = tempfile::tempdir().unwrap();
    let layer = |root: &Path, name| write(&read(root, &|_| true).unwrap(), &out.path().join(name)).unwrap();
    let (first, second) = (layer(one.path(), "1"), layer(two.path(), "2"));
    assert_eq!(first, second);
    assert_eq!(fs::read(out.path().join("1")).unwrap(), fs::read(out.path().join("2")).unwrap());
    assert_eq!(first.size, fs::metadata(out.path().join("1")).unwrap().len());
    fs::write(two.path().join("a/three"), "other").unwrap();
    assert_ne!(layer(two.path(), "3").digest, first.digest);
}

#[test]
fn a_layer_holds_what_the_directory_holds_with_one_time() {
    let (root, out) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    make(root.path(), &["b/two", LONG], 5);
    let file = out.path().join("layer");
    write(&read(root.path(), &|_| true).unwrap(), &file).unwrap();
    let mut archive = tar::Archive::new(fs::File::open(&file).unwrap());
    let mut seen = Vec::new();
    for entry in archive.entries().unwrap() {
        let entry = entry.unwrap();
        assert_eq!(entry.header().mtime().unwrap(), TIME);
        let target = entry.link_name().unwrap().map(|target| format!(" -> {}", target.display())).unwrap_or_default();
        seen.push(format!("{}{target}", entry.path().unwrap().display()));
    }
    let directory = LONG.rsplit_once('/').unwrap().0;
    let expected = ["a/", &format!("{directory}/"), LONG, "b/", "b/two", "b/zwei -> b/two", "python3 -> /usr/bin/python3"];
    assert_eq!(seen, expected);
    let unpacked = out.path().join("unpacked");
    tar::Archive::new(fs::File::open(&file).unwrap()).unpack(&unpacked).unwrap();
    assert_eq!(fs::read_to_string(unpacked.join(LONG)).unwrap(), LONG);
    assert_eq!(fs::metadata(unpacked.join("b/two")).unwrap().permissions().mode() & 0o777, 0o640);
}

#[test]
fn what_is_kept_brings_the_directories_above_it_and_another_first_name() {
    let root = tempfile::tempdir().unwrap();
    make(root.path(), &["b/two", LONG, "c/d/e"], 5);
    fs::create_dir(root.path().join("tmp")).unwrap();
    let kept = read(root.path(), &|path| ["b/zwei", "c/d/e", "tmp"].contains(&path)).unwrap();
    let paths: Vec<_> = kept.keys().map(String::as_str).collect();
    assert_eq!(paths, ["b", "b/zwei", "c", "c/d", "c/d/e", "tmp"]);
    // Its first name is not in the layer, so it is a file there.
    assert!(matches!(kept["b/zwei"].content, LayerContent::File(_)));
}

//! A directory of a kit as the data of an object: every tree is mounted unchanged, or refused before it is sent.

use std::{collections::BTreeMap, path::PathBuf};

use flare_diagnostic::Code;
use flare_file_tree::{Content, Entry, FileTree, RelativePath};
use flare_pvc_stage::Bundle;
use proptest::prelude::*;

fn put(tree: &mut FileTree, path: &str, bytes: impl Into<Vec<u8>>) {
    tree.insert_file(RelativePath::new(path).expect("a relative path"), bytes, 0o600);
}

fn tree(files: &[(&str, usize)]) -> FileTree {
    let mut tree = FileTree::new();
    for (path, length) in files {
        put(&mut tree, path, vec![b'x'; *length]);
    }
    tree
}

/// Unusual but valid file names.
fn name() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z0-9._-]{1,12}",
        "[^/\0]{1,20}",
        Just("no".to_owned()),
        Just("-rf".to_owned()),
        Just(" ".to_owned()),
        Just("\u{e9}\n\"'".to_owned()),
        "[a-z]{255}",
    ]
    .prop_filter("no special component, nothing longer than a name may be", |name| {
        name != "." && !name.starts_with("..") && name.len() <= 255
    })
}

proptest! {
    #[test]
    fn any_directory_comes_back_file_by_file(
        files in proptest::collection::btree_map(proptest::collection::vec(name(), 1..4), proptest::collection::vec(any::<u8>(), 0..50), 1..12)
    ) {
        let mut tree = FileTree::new();
        put(&mut tree, "local/other", "of another directory");
        for (path, bytes) in &files {
            put(&mut tree, &format!("startup/{}", path.join("/")), bytes.clone());
        }
        // A generated directory may have replaced a file of the same name, so the expected files are read from the tree.
        let startup = tree.subtree("startup").expect("a directory");
        let wanted: BTreeMap<String, Vec<u8>> = startup
            .files()
            .map(|(path, content, _)| (path.as_path().to_str().expect("text").to_owned(), match content {
                Content::Bytes(bytes) => bytes.clone(),
                Content::OnDisk { .. } => Vec::new(),
            }))
            .collect();
        prop_assume!(!wanted.is_empty());
        let bundle = Bundle::of(&tree, "startup").map_err(|faults| TestCaseError::fail(faults.to_string()))?.value;
        let mounted: BTreeMap<String, Vec<u8>> = bundle.mounted().into_iter().map(|(path, bytes)| (path.to_owned(), bytes.to_vec())).collect();
        prop_assert_eq!(mounted, wanted);
        prop_assert_eq!(bundle.data.len(), bundle.items.len());
        for (number, item) in bundle.items.iter().enumerate() {
            let valid = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
            prop_assert!(item.key.len() <= 253 && item.key.chars().all(valid), "{}", item.key);
            prop_assert!(item.key.starts_with(&format!("f{number:04}-")), "{}", item.key);
        }
        let paths: Vec<_> = bundle.items.iter().map(|item| PathBuf::from(&item.path)).collect();
        prop_assert!(paths.is_sorted(), "component by component: {paths:?}");
    }
}

#[test]
fn keys_are_those_of_the_reference() {
    let bundle = Bundle::of(&tree(&[("local/a-b", 1), ("local/a/b", 1), ("local/Grüße ?.yml", 1)]), "local").expect("fine").value;
    let keys: Vec<_> = bundle.items.iter().map(|item| (item.key.as_str(), item.path.as_str())).collect();
    let expected =
        [("f0000-f22938f753d1-Gr__e__.yml", "Grüße ?.yml"), ("f0001-c14cddc033f6-b", "a/b"), ("f0002-d44362d67d92-a-b", "a-b")];
    assert_eq!(keys, expected);
    let long = "x".repeat(255);
    let bundle = Bundle::of(&tree(&[(&format!("local/{long}"), 1)]), "local").expect("fine").value;
    assert_eq!(bundle.items[0].key.len(), 253);
}

#[test]
fn what_kubernetes_does_not_mount_is_refused_all_of_it_at_once() {
    let long = "y".repeat(256);
    let files = [("startup/..data", 1), ("startup/..x/a", 1), ("startup/a", 1), (&format!("startup/b/{long}"), 1)];
    let faults = Bundle::of(&tree(&files), "startup").expect_err("three");
    assert_eq!(faults.all().len(), 3);
    assert!(faults.all().iter().all(|fault| fault.code == Code::InvalidKit && fault.hint.is_some() && fault.place.is_some()));
    assert!(Bundle::of(&tree(&[("startup/a/..b", 1)]), "startup").is_ok(), "only the first component is special");
    let mut empty = tree(&[("local/a", 1)]);
    empty.insert_directory(RelativePath::literal("startup"), 0o755);
    empty.insert_directory(RelativePath::literal("startup/below"), 0o755);
    for without in [&empty, &tree(&[("local/a", 1)])] {
        assert_eq!(Bundle::of(without, "startup").expect_err("no file").first().code, Code::InvalidKit);
    }
}

#[test]
fn limits_are_those_of_kubernetes_and_etcd_and_nothing_is_read_that_is_too_large() {
    const MIB: usize = 1 << 20;
    let fits = Bundle::of(&tree(&[("local/a", MIB - 10), ("local/b", 10)]), "local").expect("exactly 1 MiB");
    assert_eq!(fits.value.bytes(), MIB as u64);
    assert!(fits.warnings[0].message.contains("base64"), "{:?}", fits.warnings);
    assert!(Bundle::of(&tree(&[("local/a", 600_000)]), "local").expect("small").warnings.is_empty());
    let faults = Bundle::of(&tree(&[("local/a", MIB - 10), ("local/b/c", 11)]), "local").expect_err("one byte more");
    assert_eq!(faults.first().code, Code::KitTooLarge);
    let hint = faults.first().hint.clone().expect("a hint");
    assert!(hint.contains("`local/a`, 1048566 bytes") && hint.contains("--mode objects"), "{hint}");
    let names: Vec<String> = (0..20_000).map(|number| format!("local/{number}")).collect();
    let many: Vec<_> = names.iter().map(|name| (name.as_str(), 0)).collect();
    let faults = Bundle::of(&tree(&many), "local").expect_err("names alone are too much for etcd");
    assert!(faults.first().message.contains("20000 files"), "{faults}");
    assert!(Bundle::of(&tree(&many[..5000]), "local").is_ok());
    let mut large = tree(&[("local/a", 1)]);
    let content = Content::OnDisk { source: "/nowhere/at/all".into(), length: 1 << 40 };
    large.insert(RelativePath::literal("local/model"), Entry::File { content, mode: 0o644 });
    assert_eq!(Bundle::of(&large, "local").expect_err("never read").first().code, Code::KitTooLarge);
}

#[test]
fn an_empty_directory_is_named_and_no_byte_is_shown() {
    let mut kit = tree(&[("startup/a/b", 1)]);
    put(&mut kit, "startup/client.key", "very-secret-text");
    kit.insert_directory(RelativePath::literal("startup/a/empty"), 0o755);
    let bundle = Bundle::of(&kit, "startup").expect("fine");
    assert_eq!(bundle.warnings.len(), 1);
    assert!(bundle.warnings[0].message.contains("`startup/a/empty`"));
    let shown = format!("{:?}", bundle.value);
    assert!(shown.contains("files: 2") && !shown.contains("very-secret") && !shown.contains("dmVyeS"), "{shown}");
}

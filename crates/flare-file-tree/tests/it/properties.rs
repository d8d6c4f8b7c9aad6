//! Arbitrary trees with odd names, modes and empty directories.

use std::{ffi::OsString, os::unix::ffi::OsStringExt as _, path::PathBuf};

use flare_file_tree::{CommitOptions, Content, Entry, FileTree, RelativePath, commit};
use proptest::prelude::*;

use crate::support::read;

/// Names with every byte that a file name may contain: all but `/` and NUL.
fn name() -> impl Strategy<Value = OsString> {
    let any = proptest::collection::vec(any::<u8>().prop_filter("no name holds it", |b| *b != 0 && *b != b'/'), 1..12);
    let few = proptest::sample::select(vec!["a", "b", "a-b", "a.b", " ", "..a", "-", "A", "é", "\n", "local", "startup"]);
    prop_oneof![any, few.prop_map(|text| text.as_bytes().to_vec())]
        .prop_filter("not a name", |name| name != b"." && name != b"..")
        .prop_map(OsString::from_vec)
}

fn relative() -> impl Strategy<Value = RelativePath> {
    proptest::collection::vec(name(), 1..5).prop_map(|names| RelativePath::new(names.iter().collect::<PathBuf>()).unwrap())
}

fn entry() -> impl Strategy<Value = Entry> {
    let bytes = proptest::collection::vec(any::<u8>(), 0..40).prop_map(Content::Bytes);
    prop_oneof![
        (bytes, 0_u32..0o1000).prop_map(|(content, mode)| Entry::File { content, mode }),
        prop_oneof![0_u32..0o10000, Just(0o755)].prop_map(|mode| Entry::Directory { mode }),
    ]
}

fn tree() -> impl Strategy<Value = FileTree> {
    (proptest::collection::vec((relative(), entry()), 0..12), 0_u32..0o1000).prop_map(|(entries, mode)| {
        let mut tree = FileTree::new();
        tree.set_mode(mode);
        for (path, entry) in entries {
            tree.insert(path, entry);
        }
        tree
    })
}

/// Paths, kinds, execute bits and content: what the digest covers.
fn meaning(tree: &FileTree) -> Vec<(RelativePath, Option<(Content, bool)>)> {
    let meaning = |entry: &Entry| match entry {
        Entry::File { content, mode } => Some((content.clone(), mode & 0o100 != 0)),
        Entry::Directory { .. } => None,
    };
    tree.iter().map(|(path, entry)| (path.clone(), meaning(entry))).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn what_is_committed_is_read_back(first in tree(), second in tree()) {
        let scratch = tempfile::tempdir().unwrap();
        let destination = scratch.path().join("out");
        commit(&first, &destination, &CommitOptions::default()).unwrap();
        prop_assert_eq!(&read(&destination), &first);
        let committed = commit(&second, &destination, &CommitOptions::default()).unwrap();
        prop_assert!(committed.replaced && committed.leftovers.is_empty());
        prop_assert_eq!(&read(&destination), &second);
    }

    #[test]
    fn digests_differ_where_meanings_do(first in tree(), second in tree()) {
        prop_assert_eq!(meaning(&first) == meaning(&second), first.digest().unwrap() == second.digest().unwrap());
    }

    #[test]
    fn every_parent_is_a_directory_and_nothing_is_below_a_file(tree in tree(), removed in relative(), grafted in tree()) {
        let mut tree = tree;
        tree.remove(&removed);
        tree.graft(&removed, grafted.clone());
        for (path, _) in tree.iter() {
            for parent in path.as_path().ancestors().skip(1).filter(|parent| !parent.as_os_str().is_empty()) {
                prop_assert!(tree.is_directory(parent), "{:?} in {:?}", parent, tree);
            }
        }
        prop_assert_eq!(tree.subtree(&removed).unwrap(), grafted);
        prop_assert!(tree.remove(&removed));
        prop_assert_eq!(tree.below(removed.as_path()).count(), 0);
    }

    #[test]
    fn paths_are_in_the_order_of_their_components(one in relative(), two in relative()) {
        prop_assert_eq!(one.cmp(&two), one.as_path().cmp(two.as_path()));
    }

    #[test]
    fn a_relative_path_never_leads_out(names in proptest::collection::vec(prop_oneof![Just("..".to_owned()), Just(".".to_owned()), Just(String::new()), "[a/]{0,3}"], 0..6)) {
        let text = names.join("/");
        if let Ok(path) = RelativePath::new(&text) {
            prop_assert!(std::path::Path::new("/root/kit").join(&path).starts_with("/root/kit"));
            prop_assert!(!path.as_path().components().any(|part| part.as_os_str() == ".."));
            prop_assert!(path.as_path().is_relative());
            let again = RelativePath::new(path.as_path()).unwrap();
            prop_assert_eq!(again.as_bytes(), path.as_bytes());
        }
    }
}

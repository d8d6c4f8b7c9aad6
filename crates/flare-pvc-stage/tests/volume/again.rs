//! The same or another run after one that was killed or whose answer was lost, and by another user.

use std::{collections::BTreeSet, fs, os::unix::fs::PermissionsExt as _, path::Path, process::Command};

use flare_file_tree::{Digest, FileTree, RelativePath};
use flare_pvc_stage::Answer;
use serde_json::json;
use tempfile::TempDir;

use crate::support::{
    KIT_FILES, ask, found_by_flare, input_of, kit, kit_on, owner, run, run_with, shipment, stage, steps, texts, volume,
};

const KEPT: &str = ".flare-kube-previous";

fn two_kits() -> TempDir {
    let root = volume();
    stage(root.path(), &kit("one"), "1").expect("staged");
    stage(root.path(), &kit("two"), "2").expect("staged");
    root
}

fn copy(before: &TempDir) -> TempDir {
    let root = TempDir::new().expect("a directory");
    let copied = Command::new("cp").arg("-a").arg(before.path().join(".")).arg(root.path()).status();
    assert!(copied.expect("cp is on this machine").success());
    root
}

/// The contents of the kept kit.
fn kept(root: &Path) -> BTreeSet<String> {
    texts(&root.join(KEPT)).into_values().collect()
}

fn roll_back(root: &Path) -> serde_json::Value {
    ask(root, &json!({"verb": "rollback", "id": "9", "owner": owner("site-1")}))["fingerprint"].clone()
}

/// "Run the same command again" is what a user reads after an interruption.
#[test]
fn the_same_command_after_a_run_killed_at_any_step_keeps_the_kit_for_a_rollback() {
    let before = two_kits();
    let mut closed = kit("three");
    closed.insert_directory(RelativePath::literal("startup"), 0o555);
    let third = input_of(&shipment(&closed, "site-1", "3"), "3");
    for die in steps() {
        let root = copy(&before);
        let (ended, _) = run(root.path(), &third, die);
        let _ = kit_on(root.path());
        let case = format!("step {die}");
        stage(root.path(), &closed, "3").expect(&case);
        assert_eq!(kit_on(root.path()).as_deref(), Some("three"), "{case}");
        let mode = |path: &str| fs::metadata(root.path().join(path)).expect(path).permissions().mode() & 0o777;
        assert_eq!((mode("startup"), mode("startup/closed")), (0o555, 0o555), "{case}");
        assert_eq!(kept(root.path()), BTreeSet::from(["two".to_owned()]), "{case}");
        assert_eq!(roll_back(root.path()), Digest::of(b"2").to_string(), "{case}");
        assert_eq!(kit_on(root.path()).as_deref(), Some("two"), "{case}");
        if ended != Some(9) {
            assert!(die > 50, "only {die} steps were seen");
            return;
        }
    }
}

#[test]
fn a_kit_that_takes_its_own_place_keeps_the_one_for_a_rollback() {
    let root = two_kits();
    for id in ["3", "4"] {
        let two = kit("two");
        let (_, printed) = run(root.path(), &input_of(&shipment(&two, "site-1", "2"), id), 0);
        assert!(Answer::staged(&printed, "claim").expect("staged").staged);
    }
    assert_eq!(kept(root.path()), BTreeSet::from(["one".to_owned()]));
    assert_eq!(texts(&root.path().join(KEPT)).len(), KIT_FILES);
    assert_eq!(roll_back(root.path()), Digest::of(b"1").to_string());
}

/// What is noted of a kit says nothing about what somebody did to it since.
#[test]
fn a_kit_that_was_edited_in_its_place_is_kept_when_the_same_one_is_staged_again() {
    type Edit<'a> = (&'a str, &'a dyn Fn(&Path));
    let edits: [Edit<'_>; 3] = [
        ("another content", &|root| fs::write(root.join("startup/client.key"), "by hand").expect("a file")),
        ("a new file", &|root| fs::write(root.join("local/by-hand"), "by hand").expect("a file")),
        ("a file less", &|root| fs::remove_file(root.join("local/resources.json")).expect("it was there")),
    ];
    for (edit, change) in edits {
        let root = two_kits();
        change(root.path());
        stage(root.path(), &kit("two"), "2").expect(edit);
        assert_eq!(kit_on(root.path()).as_deref(), Some("two"), "{edit}");
        let kept = texts(&root.path().join(KEPT));
        assert!(kept.values().all(|text| ["two", "by hand"].contains(&text.as_str())), "{edit}: {kept:?}");
        assert_eq!(kept.values().any(|text| text == "by hand"), edit != "a file less", "{edit}: {kept:?}");
        // It is none that was ever staged.
        assert_eq!(roll_back(root.path()), json!(null), "{edit}");
    }
    // What a kubelet does to modes (`fsGroup`) and Python beside its programs is not an edit.
    let root = two_kits();
    let (startup, cache) = (root.path().join("startup"), root.path().join("local/__pycache__"));
    fs::set_permissions(startup.join("client.key"), fs::Permissions::from_mode(0o660)).expect("its own");
    fs::create_dir(&cache).expect("a directory");
    fs::write(cache.join("custom.pyc"), "two").expect("a file");
    stage(root.path(), &kit("two"), "2").expect("staged");
    assert_eq!(kept(root.path()), BTreeSet::from(["one".to_owned()]));
    let mode = fs::metadata(startup.join("client.key")).expect("it").permissions().mode() & 0o777;
    assert_eq!((mode, cache.exists()), (0o600, false));
}

/// A user who finds no `startup` may copy one by hand.
#[test]
fn what_somebody_put_into_the_place_of_a_kit_in_the_middle_of_a_swap_is_kept_aside() {
    let before = two_kits();
    let third = input_of(&shipment(&kit("three"), "site-1", "3"), "3");
    let mut seen = 0;
    for die in steps() {
        let root = copy(&before);
        let startup = root.path().join("startup");
        let (ended, _) = run(root.path(), &third, die);
        if ended != Some(9) {
            break;
        }
        if startup.exists() {
            continue;
        }
        seen += 1;
        fs::create_dir(&startup).expect("a directory");
        fs::write(startup.join("by-hand"), "by hand").expect("a file");
        stage(root.path(), &kit("four"), "4").expect(&format!("step {die}"));
        assert_eq!(kit_on(root.path()).as_deref(), Some("four"), "step {die}");
    }
    assert!(seen > 5, "only {seen} steps were seen");
    // At the first of them, the next run finishes the swap, and nothing else replaces what is kept.
    let root = copy(&before);
    let startup = root.path().join("startup");
    for die in 1.. {
        let _ = run(root.path(), &third, die);
        if !startup.exists() {
            break;
        }
    }
    fs::create_dir(&startup).expect("a directory");
    fs::write(startup.join("fed_client.json"), "by hand").expect("a file");
    stage(root.path(), &kit("three"), "3").expect("staged");
    assert_eq!(kit_on(root.path()).as_deref(), Some("three"));
    let aside = texts(&root.path().join(KEPT).join(".misplaced"));
    assert!(aside.len() == 1 && aside.values().all(|text| text == "by hand"), "{aside:?}");
}

/// The owner of the files differs if a kit was copied by root, or the user of the pod was changed; the group lets it change them.
#[test]
fn kits_of_another_user_are_replaced_kept_and_removed_like_others() {
    let open = |text: &str| {
        let mut tree = FileTree::new();
        for path in ["startup/fed_client.json", "startup/deep/rootCA.pem", "local/resources.json"] {
            tree.insert_file(RelativePath::literal(path), text.as_bytes(), 0o644);
        }
        tree
    };
    let root = volume();
    for (id, text) in [("1", "one"), ("2", "two"), ("3", "three"), ("4", "four")] {
        let tree = open(text);
        let input = input_of(&shipment(&tree, "site-1", id), id);
        let (_, printed) = run_with(root.path(), &input, &[("FOREIGN", "yes".to_owned())]);
        assert_eq!(Answer::staged(&printed, "claim").expect(text).stays, Vec::<String>::new(), "{text}");
        let found = found_by_flare(root.path());
        assert!(found.len() == 3 && found.values().all(|found| found == text), "{found:?}");
        let names: Vec<_> = fs::read_dir(root.path()).expect("it").map(|entry| entry.expect("it").file_name()).collect();
        assert!(!names.iter().any(|name| name.to_string_lossy().starts_with(".flare-stage-")), "{names:?}");
    }
    assert_eq!(kept(root.path()), BTreeSet::from(["three".to_owned()]));
}

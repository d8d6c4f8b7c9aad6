//! Kits at the wrong level are moved to their place, or aside, and never lost, even if the run is killed.

use std::{collections::BTreeMap, fs, path::Path, process::Command};

use flare_pvc_stage::{Answer, Repair, StageAnswer};
use tempfile::TempDir;

use crate::support::{input_of, kit, kit_on, run, shipment, stage, steps, texts, volume};

fn input(text: &str, fingerprint: &str, run: &str, repair: Repair) -> (Vec<u8>, usize) {
    let tree = kit(text);
    input_of(&shipment(&tree, "site-1", fingerprint).with_repair(Some(repair)), run)
}

fn repair(root: &Path, text: &str, fingerprint: &str) -> Result<StageAnswer, flare_diagnostic::Diagnostic> {
    let (_, printed) = run(root, &input(text, fingerprint, "9", Repair::Only), 0);
    Answer::staged(&printed, "claim")
}

/// Writes files below a volume, each with its path as its content, so that a lost or swapped file is noticed.
fn put(root: &Path, paths: &[&str]) {
    for path in paths {
        let file = root.join(path);
        fs::create_dir_all(file.parent().expect("a parent")).expect("a directory");
        fs::write(file, path).expect("a file");
    }
}

fn moved(answer: &StageAnswer) -> Vec<(&str, &str)> {
    answer.moved.iter().map(|(from, to)| (from.as_str(), to.as_str())).collect()
}

#[test]
fn one_kit_at_the_wrong_level_takes_its_place_and_is_kept_as_the_earlier_one() {
    let root = volume();
    put(root.path(), &["site-1/startup/a", "site-1/local/b", "site-1/transfer/c"]);
    fs::create_dir(root.path().join("startup")).expect("an empty one is none");
    let answer = repair(root.path(), "new", "1").expect("repaired");
    assert_eq!(moved(&answer), [("site-1/local", "local"), ("site-1/startup", "startup")]);
    assert!(answer.staged && answer.misplaced.is_empty(), "{answer:?}");
    assert_eq!(kit_on(root.path()).as_deref(), Some("new"));
    let found = texts(root.path());
    assert_eq!(found.get(".flare-kube-previous/startup/a").map(String::as_str), Some("site-1/startup/a"));
    assert_eq!(found.get("site-1/transfer/c").map(String::as_str), Some("site-1/transfer/c"), "what is not a kit stays");
}

#[test]
fn beside_a_kit_in_its_place_they_are_put_aside_and_the_earlier_kit_stays_for_a_rollback() {
    let root = volume();
    stage(root.path(), &kit("one"), "1").expect("staged");
    stage(root.path(), &kit("two"), "2").expect("staged");
    put(root.path(), &["x/startup/a", "x/local/b", "startup/startup/c", "local/local/d"]);
    let answer = repair(root.path(), "two", "2").expect("repaired");
    assert!(!answer.staged && answer.misplaced.is_empty(), "{answer:?}");
    let found = texts(root.path());
    let kept = |path: &str| found.get(&format!(".flare-kube-previous/{path}")).map(String::as_str);
    for path in ["x/startup/a", "x/local/b", "startup/startup/c", "local/local/d"] {
        assert_eq!(kept(&format!(".misplaced/{path}")), Some(path), "{found:?}");
    }
    assert_eq!(kept("startup/client.key"), Some("one"));
    assert!(!root.path().join("x").exists(), "an emptied directory goes");
    assert_eq!(kit_on(root.path()).as_deref(), Some("two"));
    // A kit that was edited in its place is replaced as well.
    fs::write(root.path().join("local/by-hand"), "by hand").expect("a file");
    put(root.path(), &["startup/startup/e"]);
    let answer = repair(root.path(), "two", "2").expect("repaired");
    assert!(answer.staged && !root.path().join("local/by-hand").exists(), "{answer:?}");
    assert!(root.path().join(".flare-kube-previous/local/by-hand").exists());
    // Everything is in place, so a second run moves and replaces nothing.
    let before = texts(root.path());
    let second = repair(root.path(), "two", "2").expect("nothing to do");
    assert!(!second.staged && second.moved.is_empty(), "{second:?}");
    assert_eq!(texts(root.path()), before);
    // The next staging removes what was kept, so that keys do not stay forever.
    stage(root.path(), &kit("three"), "3").expect("staged");
    assert!(!root.path().join(".flare-kube-previous/.misplaced").exists());
}

#[test]
fn an_inner_one_takes_the_place_of_a_directory_that_holds_nothing_else() {
    let root = volume();
    put(root.path(), &["startup/startup/a", "local/local/b"]);
    let answer = repair(root.path(), "new", "1").expect("repaired");
    assert!(answer.staged && answer.misplaced.is_empty(), "{answer:?}");
    let found = texts(root.path());
    assert_eq!(found.get(".flare-kube-previous/startup/a").map(String::as_str), Some("startup/startup/a"), "{found:?}");
    assert_eq!(found.get(".flare-kube-previous/local/b").map(String::as_str), Some("local/local/b"), "{found:?}");
}

#[test]
fn of_several_none_is_taken_for_the_right_one_and_those_of_another_participant_are_refused() {
    let root = volume();
    put(root.path(), &["x/startup/a", "x/local/b", "y/startup/c", "y/local/d"]);
    let answer = repair(root.path(), "new", "1").expect("repaired");
    assert_eq!(moved(&answer).len(), 4, "{answer:?}");
    assert!(moved(&answer).iter().all(|(_, to)| to.starts_with(".flare-kube-previous/.misplaced/")), "{answer:?}");
    let root = volume();
    put(root.path(), &["x/startup/fed_server.json", "x/local/b"]);
    let before = texts(root.path());
    let fault = repair(root.path(), "new", "1").expect_err("a server's");
    assert_eq!(fault.message, "the volume of claim `claim` holds the kit of a server, in `x`");
    assert_eq!(texts(root.path()), before);
    let root = volume();
    put(root.path(), &["x/startup/fed_client.json", "x/local/b"]);
    fs::write(root.path().join("x/startup/fed_client.json"), r#"{"client": {"fqsn": "site-2"}}"#).expect("a file");
    let before = texts(root.path());
    let fault = repair(root.path(), "new", "1").expect_err("another client's");
    assert_eq!(fault.message, "the volume of claim `claim` holds the kit of the client `site-2`, in `x`");
    assert_eq!(texts(root.path()), before);
}

/// Kills a repair at calls that changes the disk. Every file still exists exactly once, and a second run finishes the repair.
#[test]
fn killed_at_any_step_nothing_is_lost_and_the_next_run_finishes() {
    let wrong: [&[&str]; 3] = [
        &["x/startup/a", "x/local/b"],
        &["startup/startup/a", "local/local/b"],
        &["x/startup/a", "x/local/b", "startup/fed_client.json", "startup/startup/c", "local/local/d", "local/e"],
    ];
    for (layout, paths) in wrong.iter().enumerate() {
        let before = volume();
        put(before.path(), paths);
        let third = input("new", "1", "7", Repair::Only);
        for die in steps() {
            let root = TempDir::new().expect("a directory");
            let copied = Command::new("cp").arg("-a").arg(before.path().join(".")).arg(root.path()).status();
            assert!(copied.expect("cp is on this machine").success());
            let (ended, _) = run(root.path(), &third, die);
            let case = format!("layout {layout}, step {die}");
            holds_each_once(root.path(), paths, &case);
            repair(root.path(), "new", "1").expect(&case);
            holds_each_once(root.path(), paths, &case);
            assert_eq!(kit_on(root.path()).as_deref(), Some("new"), "{case}");
            assert!(!root.path().join(".flare-kube-swap.json").exists(), "{case}");
            let left: Vec<_> = fs::read_dir(root.path()).expect("it").map(|entry| entry.expect("it").file_name()).collect();
            assert!(!left.iter().any(|name| name.to_string_lossy().starts_with(".flare-kube-previous-")), "{case}: {left:?}");
            if ended != Some(9) {
                assert!(die > 30, "only {die} steps were seen");
                break;
            }
        }
    }
}

fn holds_each_once(root: &Path, paths: &[&str], case: &str) {
    let mut found: BTreeMap<String, usize> = BTreeMap::new();
    for text in texts(root).into_values() {
        *found.entry(text).or_default() += 1;
    }
    for path in paths {
        assert_eq!(found.get(*path), Some(&1), "{case}: {path} in {:?}", texts(root));
    }
}

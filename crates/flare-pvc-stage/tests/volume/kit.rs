//! Stagings and rollbacks.

use std::{collections::BTreeMap, fs, os::unix::fs::PermissionsExt as _, path::Path, process::Command};

use flare_file_tree::{Digest, FileTree, RelativePath};
use flare_pvc_stage::{Answer, KitOwner, RemovedKit, Shipment, StageAnswer, VOLUME_PROGRAM};
use proptest::prelude::*;
use serde_json::json;
use tempfile::TempDir;

use crate::support::{
    KIT_FILES, ask, asking, base64, found_by_flare, input_of, kit, kit_on, owner, run, run_with, shipment, stage, steps, texts,
    volume,
};

/// What says whose a client's kit is.
const ROLE_FILE: &str = "startup/fed_client.json";

#[test]
fn a_kit_is_staged_with_its_modes_and_all_else_survives() {
    let root = volume();
    fs::create_dir_all(root.path().join("startup/stale")).expect("a directory");
    let answer = stage(root.path(), &kit("one"), "1").expect("staged");
    let expected =
        StageAnswer { recovered: false, previous: None, misplaced: vec![], staged: true, moved: vec![], stays: vec![] };
    assert_eq!(answer, expected);
    assert_eq!(kit_on(root.path()).as_deref(), Some("one"));
    let mode = |path: &str| fs::metadata(root.path().join(path)).expect(path).permissions().mode() & 0o7777;
    assert_eq!((mode("startup/client.key"), mode("startup/closed"), mode("startup/closed/a")), (0o600, 0o555, 0o400));
    assert!(root.path().join("local/empty").is_dir() && root.path().join("transfer").is_dir());
    assert!(!root.path().join("startup/stale").exists() && !root.path().join("other").exists());
    assert_eq!(texts(root.path()).get("jobs/store").map(String::as_str), Some("keep"));
    let second = stage(root.path(), &kit("two"), "2").expect("staged");
    assert_eq!(second.previous, Some(Digest::of(b"1").to_string()));
}

/// The exit code of a run, and what it printed.
type Exited = (Option<i32>, Vec<u8>);

/// Kills a run at calls that change the disk, checks which kit a parent would see, and runs again. After an answer, that must be
/// the last of those that are allowed.
fn killed_at_any_step(run_to_be_killed: &dyn Fn(&Path, usize) -> Exited, allowed: &[&str]) -> usize {
    let before = volume();
    stage(before.path(), &kit("one"), "1").expect("staged");
    stage(before.path(), &kit("two"), "2").expect("staged");
    for die in steps() {
        let root = TempDir::new().expect("a directory");
        let copied = Command::new("cp").arg("-a").arg(before.path().join(".")).arg(root.path()).status();
        assert!(copied.expect("cp is on this machine").success());
        let (ended, answer) = run_to_be_killed(root.path(), die);
        if !answer.is_empty() {
            assert_eq!(kit_on(root.path()).as_deref(), allowed.last().copied(), "step {die}: an answer before it was true");
            assert!(!root.path().join(".flare-kube-swap.json").exists(), "step {die}");
        }
        if let Some(seen) = kit_on(root.path()) {
            assert!(allowed.contains(&seen.as_str()), "step {die}: {seen}");
        }
        stage(root.path(), &kit("four"), "4").expect(&format!("after step {die}"));
        assert_eq!(kit_on(root.path()).as_deref(), Some("four"), "step {die}");
        let mut names: Vec<_> = fs::read_dir(root.path()).expect("it").map(|entry| entry.expect("it").file_name()).collect();
        names.sort();
        let expected = [".flare-kube-previous", ".flare-kube-staged.json", "jobs", "local", "startup", "transfer"];
        assert_eq!(names, expected, "step {die} left something behind");
        let kept = texts(&root.path().join(".flare-kube-previous"));
        let kept: Vec<_> = kept.values().collect();
        assert!(
            kept.len() == KIT_FILES && allowed.contains(&kept[0].as_str()) && kept.iter().all(|text| *text == kept[0]),
            "step {die}: {kept:?}"
        );
        if ended != Some(9) {
            return die;
        }
    }
    unreachable!("every run ends")
}

#[test]
fn killed_at_any_step_the_next_run_finishes_or_undoes_it() {
    let third = input_of(&shipment(&kit("three"), "site-1", "3"), "3");
    let last = killed_at_any_step(&|root, die| run(root, &third, die), &["two", "three"]);
    assert!(last > 50, "only {last} steps were seen");
}

#[test]
fn a_rollback_puts_the_kept_kit_back_and_may_be_killed_as_well() {
    let request = json!({"verb": "rollback", "id": "3", "owner": owner("site-1")});
    let root = volume();
    assert_eq!(ask(root.path(), &request)["refused"], "nothing_kept");
    stage(root.path(), &kit("one"), "1").expect("staged");
    stage(root.path(), &kit("two"), "2").expect("staged");
    let back = ask(root.path(), &request);
    assert_eq!(back["fingerprint"], Digest::of(b"1").to_string());
    // Of the kit that is in its place now.
    assert_eq!((&back["files"], &back["bytes"]), (&json!(KIT_FILES), &json!(KIT_FILES * "one".len())), "{back}");
    assert_eq!(kit_on(root.path()).as_deref(), Some("one"));
    assert_eq!(ask(root.path(), &request)["fingerprint"], Digest::of(b"2").to_string());
    assert_eq!(kit_on(root.path()).as_deref(), Some("two"));
    let input = asking(&request);
    let last = killed_at_any_step(&|root, die| run(root, &input, die), &["two", "one"]);
    assert!(last > 20, "only {last} steps were seen");
}

/// FLARE walks the whole workspace for a file, and takes the first one of its name.
#[test]
fn what_flare_looks_for_is_found_only_in_the_current_kit() {
    let with_config = |text: &str| {
        let mut tree = kit(text);
        for path in
            ["local/comm_config.json", "local/resources.json.default", "startup/fed_client.json", "startup/deep/rootCA.pem"]
        {
            tree.insert_file(RelativePath::literal(path), text.as_bytes(), 0o644);
        }
        tree
    };
    let root = volume();
    stage(root.path(), &with_config("one"), "1").expect("staged");
    let first = ["local", "startup"].map(|name| texts(&root.path().join(name)));
    stage(root.path(), &kit("plain"), "2").expect("staged");
    let found = found_by_flare(root.path());
    assert!(found.len() == 3 && found.values().all(|text| text == "plain"), "{found:?}");
    let _ = ask(root.path(), &json!({"verb": "rollback", "id": "3", "owner": owner("site-1")}));
    assert_eq!(["local", "startup"].map(|name| texts(&root.path().join(name))), first, "it comes back as it was");
    assert_eq!(found_by_flare(root.path()).len(), 6);
}

#[test]
fn an_input_that_is_cut_at_any_place_changes_nothing() {
    let root = volume();
    stage(root.path(), &kit("one"), "1").expect("staged");
    let before = texts(root.path());
    let (input, request) = input_of(&shipment(&kit("a longer text"), "site-1", "2"), "2");
    for cut in (VOLUME_PROGRAM.len()..input.len()).step_by(37).chain([input.len() - 1]) {
        let (_, printed) = run(root.path(), &(input[..cut].to_vec(), request), 0);
        let fault = Answer::staged(&printed, "claim").expect_err("something is missing");
        assert_eq!(fault.code, flare_diagnostic::Code::StageFailed, "{fault}");
        let after: BTreeMap<_, _> =
            texts(root.path()).into_iter().filter(|(path, _)| !path.starts_with(".flare-stage-")).collect();
        assert_eq!(after, before, "cut at {cut}");
    }
}

#[test]
fn a_byte_that_is_changed_on_the_way_is_seen_in_the_volume() {
    let root = volume();
    stage(root.path(), &kit("one"), "1").expect("staged");
    let (mut input, request) = input_of(&shipment(&kit("two"), "site-1", "2"), "2");
    *input.last_mut().expect("bytes") ^= 1;
    let fault = Answer::staged(&run(root.path(), &(input, request), 0).1, "claim").expect_err("it differs");
    assert!(fault.message.contains("`startup/fed_client.json`") && fault.message.contains("content"), "{fault}");
    assert_eq!(kit_on(root.path()).as_deref(), Some("one"));
}

/// The system reports late that a disk could not take what was written.
#[test]
fn a_kit_that_could_not_be_written_to_the_disk_does_not_take_its_place() {
    let root = volume();
    stage(root.path(), &kit("one"), "1").expect("staged");
    let sent = |id: &str, error: i32| {
        let (_, printed) =
            run_with(root.path(), &input_of(&shipment(&kit("two"), "site-1", id), id), &[("SYNC_ERROR", error.to_string())]);
        Answer::staged(&printed, "claim")
    };
    let fault = sent("2", 5).expect_err("refused");
    assert_eq!(fault.message, "the volume of claim `claim` refused: EIO");
    assert_eq!(kit_on(root.path()).as_deref(), Some("one"));
    // A sandbox without this call writes everything by another one.
    sent("3", 38).expect("staged");
    assert_eq!(kit_on(root.path()).as_deref(), Some("two"));
}

#[test]
fn a_volume_that_can_only_be_read_is_called_that_whoever_may_write_there() {
    let root = volume();
    stage(root.path(), &kit("one"), "1").expect("staged");
    let before = texts(root.path());
    let (_, printed) =
        run_with(root.path(), &input_of(&shipment(&kit("two"), "site-1", "2"), "2"), &[("READ_ONLY", "yes".to_owned())]);
    let fault = Answer::staged(&printed, "claim").expect_err("refused");
    assert_eq!(fault.message, "the volume of claim `claim` refused: EROFS");
    assert_eq!(texts(root.path()), before);
}

/// The claim is annotated again with what a refusal says here.
#[test]
fn a_refusal_tells_which_kit_is_still_there_and_never_takes_anothers_for_it() {
    let root = volume();
    stage(root.path(), &kit("one"), "1").expect("staged");
    let noted = |input: &(Vec<u8>, usize), driver: &str| {
        let printed = run_with(root.path(), input, &[(driver, "1".to_owned())]).1;
        let answer: serde_json::Value = serde_json::from_slice(&printed).expect("an answer");
        assert!(answer["refused"].is_string(), "{answer}");
        answer["noted"].clone()
    };
    let of = |who: &str| input_of(&shipment(&kit("two"), who, "2"), "2");
    let first = json!(Digest::of(b"1").to_string());
    let (input, request) = of("site-1");
    assert_eq!(noted(&(input[..input.len() - 1].to_vec(), request), "NOTHING"), first);
    assert_eq!(noted(&of("site-1"), "READ_ONLY"), first);
    // At the first change, which comes after the owner was seen.
    assert_eq!(noted(&of("site-1"), "END"), first);
    assert_eq!(noted(&asking(&json!({"verb": "rollback", "id": "2", "owner": owner("site-1")})), "NOTHING"), first);
    assert_eq!(noted(&of("site-2"), "NOTHING"), json!(null));
    fs::write(root.path().join(".flare-kube-staged.json"), "{").expect("a file");
    assert_eq!(noted(&of("site-1"), "NOTHING"), json!(null));
}

#[test]
fn defect_15_the_kit_of_another_participant_is_not_replaced() {
    let root = volume();
    stage(root.path(), &kit("one"), "1").expect("staged");
    let (_, printed) = run(root.path(), &input_of(&shipment(&kit("two"), "site-2", "2"), "2"), 0);
    let fault = Answer::staged(&printed, "nvflws").expect_err("refused");
    assert_eq!(fault.message, "the volume of claim `nvflws` holds the kit of the client `site-1` of project `p`");
    assert_eq!(kit_on(root.path()).as_deref(), Some("one"));
    // The role of a kit that was copied by hand is known.
    let by_hand = volume();
    fs::create_dir(by_hand.path().join("startup")).expect("a directory");
    fs::write(by_hand.path().join("startup/fed_server.json"), "{}").expect("a file");
    let fault = stage(by_hand.path(), &kit("one"), "1").expect_err("a server's");
    assert_eq!(fault.message, "the volume of claim `claim` holds the kit of a server");
}

/// The role file names the participant, from FLARE 2.6 on, and its project.
#[test]
fn defect_15_another_participants_kit_that_was_copied_by_hand_is_not_replaced() {
    let kits = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/kits");
    let project = "flare-kube test material";
    for (there, own, of, whose) in [
        ("plain-2.8.3/site-2", "client site-1", project, Some("client `site-2`")),
        ("plain-2.9.0/site-2", "client site-1", project, Some("client `site-2`")),
        ("child-2.8.3/child", "client site-1", project, Some("client `site-1.child`")),
        ("plain-2.8.3/site-1", "client site-1", "another", Some("client `site-1`")),
        ("plain-2.8.3/site-1", "client site-1", project, None),
        ("plain-2.9.0/site-1", "client site-1", "", None),
        ("old-2.5.2/site-1", "client site-1", project, None),
        ("odd-names-2.8.3/server1.example.com", "server nvflare-server", project, Some("server `server1.example.com`")),
        ("plain-2.9.0/nvflare-server", "server nvflare-server", "another", Some("server `nvflare-server`")),
        ("plain-2.8.3/nvflare-server", "server nvflare-server", project, None),
        ("plain-2.9.0/nvflare-server", "server nvflare-server", project, None),
        ("old-2.5.2/old-server", "server other", project, None),
    ] {
        let (role, participant) = own.split_once(' ').expect("role and name");
        let role_file = format!("startup/fed_{role}.json");
        let root = volume();
        fs::create_dir(root.path().join("startup")).expect("a directory");
        fs::copy(kits.join(there).join(&role_file), root.path().join(&role_file)).expect(there);
        let before = texts(root.path());
        let owner = KitOwner {
            participant: participant.to_owned(),
            role: role.to_owned(),
            project: Some(of.to_owned()).filter(|of| !of.is_empty()),
        };
        let tree = kit("one");
        let shipment = Shipment::new(owner, Digest::of(b"1"), false, &tree).expect("a tree in memory");
        let (_, printed) = run(root.path(), &input_of(&shipment, "1"), 0);
        let refused = Answer::staged(&printed, "claim").err().map(|fault| fault.message);
        let expected =
            whose.map(|whose| format!("the volume of claim `claim` holds the kit of the {whose} of project `{project}`"));
        assert_eq!(refused, expected, "{there} {own} {of}");
        if whose.is_some() {
            assert_eq!(texts(root.path()), before, "{there}");
        } else {
            assert_eq!(kit_on(root.path()).as_deref(), Some("one"), "{there}");
        }
    }
}

/// It may be anything: somebody put it there.
#[test]
fn a_role_file_that_names_nobody_is_replaced() {
    let of_client = ["", "[]", "7", "{}", r#"{"client": "x"}"#, r#"{"client": {"fqsn": 7}}"#, r#"{"client": {"fqsn": ""}}"#];
    let of_servers = [r#"{"servers": 7}"#, r#"{"servers": []}"#, r#"{"servers": ["x"]}"#, r#"{"servers": [{"name": 7}]}"#];
    let deep = "[".repeat(100_000);
    for text in of_client.into_iter().chain(of_servers).map(str::as_bytes).chain([&b"\xff"[..], deep.as_bytes()]) {
        let root = volume();
        fs::create_dir(root.path().join("startup")).expect("a directory");
        fs::write(root.path().join(ROLE_FILE), text).expect("a file");
        stage(root.path(), &kit("one"), "1").expect("staged");
        assert_eq!(kit_on(root.path()).as_deref(), Some("one"));
    }
    let root = volume();
    fs::create_dir(root.path().join("startup")).expect("a directory");
    let made = Command::new("mkfifo").arg(root.path().join(ROLE_FILE)).status();
    assert!(made.expect("mkfifo is on this machine").success());
    stage(root.path(), &kit("one"), "1").expect("a pipe that nobody writes to is not waited for");
}

#[test]
fn paths_that_lead_out_and_links_on_the_volume_are_not_followed() {
    let (root, outside) = (volume(), TempDir::new().expect("a directory"));
    for path in ["../escaped", "startup/../../escaped", "/escaped", "startup//x", "."] {
        let entry = json!({"path": base64(path), "kind": "file", "mode": 0o644, "size": 0, "sha256": ""});
        let request = json!({"verb": "stage", "id": "1", "owner": owner("site-1"), "fingerprint": "f", "transfer": false, "entries": [entry]});
        assert_eq!(ask(root.path(), &request)["refused"], "bad_path", "{path}");
    }
    // A `startup` that is a link is put aside as a link; its target stays.
    fs::write(outside.path().join("x"), "theirs").expect("a file");
    std::os::unix::fs::symlink(outside.path(), root.path().join("startup")).expect("a link");
    stage(root.path(), &kit("one"), "1").expect("staged");
    stage(root.path(), &kit("two"), "2").expect("staged");
    assert_eq!(fs::read_to_string(outside.path().join("x")).expect("untouched"), "theirs");
    assert_eq!(kit_on(root.path()).as_deref(), Some("two"));
}

#[test]
fn kits_at_the_wrong_level_are_named() {
    let root = volume();
    for path in ["server-k8s/startup", "server-k8s/local", "elsewhere/startup"] {
        fs::create_dir_all(root.path().join(path)).expect("a directory");
    }
    assert_eq!(stage(root.path(), &kit("one"), "1").expect("staged").misplaced, ["server-k8s"]);
}

#[test]
fn a_damaged_state_is_named_and_nothing_is_replaced() {
    let root = volume();
    let names_it = |file: &str| {
        let fault = stage(root.path(), &kit("one"), "1").expect_err("damaged");
        assert!(fault.message.contains(file) && fault.message.contains("damaged"), "{fault}");
        fs::remove_file(root.path().join(file)).expect("removed");
    };
    let deep = "[".repeat(100_000);
    for (file, text) in [
        (".flare-kube-staged.json", "{"),
        (".flare-kube-staged.json", deep.as_str()),
        (".flare-kube-swap.json", "[]"),
        (".flare-kube-swap.json", "{}"),
    ] {
        fs::write(root.path().join(file), text).expect("a file");
        names_it(file);
    }
    // A pipe, which a job may have put there, would never be read to its end.
    for file in [".flare-kube-staged.json", ".flare-kube-swap.json"] {
        let made = Command::new("mkfifo").arg(root.path().join(file)).status();
        assert!(made.expect("mkfifo is on this machine").success());
        names_it(file);
    }
}

/// Otherwise the disk only begins with a large file when all of it has arrived, and is waited for.
#[test]
fn a_large_file_is_written_to_the_disk_while_it_arrives() {
    let (root, told) = (volume(), TempDir::new().expect("a directory"));
    let begun = told.path().join("begun");
    let mut tree = kit("one");
    tree.insert_file(RelativePath::literal("local/model.bin"), vec![7_u8; (17 << 20) + 1], 0o644);
    let driver = [("BEGUN", begun.to_string_lossy().into_owned())];
    let (_, printed) = run_with(root.path(), &input_of(&shipment(&tree, "site-1", "1"), "1"), &driver);
    Answer::staged(&printed, "claim").expect("staged");
    assert_eq!(fs::read_to_string(begun).expect("it was told"), "0 8388608\n8388608 8388608\n");
    assert_eq!(fs::metadata(root.path().join("local/model.bin")).expect("it arrived").len(), (17 << 20) + 1);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    /// Names that are not UTF-8, contain blanks, brackets, quotes and newlines, or begin with dashes and dots.
    #[test]
    fn any_tree_arrives_as_it_was_sent(
        files in proptest::collection::btree_map("[^/\u{0}]{1,20}(/[^/\u{0}]{1,20}){0,3}", (any::<Vec<u8>>(), 0_u32..0o1000), 0..12),
        not_text in proptest::collection::vec(128_u8..=255, 1..9),
    ) {
        let mut tree = FileTree::new();
        tree.insert_directory(RelativePath::literal("startup"), 0o755);
        tree.insert_directory(RelativePath::literal("local"), 0o755);
        for (path, (bytes, mode)) in files {
            if let Ok(path) = RelativePath::new(Path::new("startup").join(path)) {
                tree.insert_file(path, bytes, mode);
            }
        }
        let name = <std::ffi::OsString as std::os::unix::ffi::OsStringExt>::from_vec(not_text);
        tree.insert_file(RelativePath::new(Path::new("local").join(name)).expect("a path"), b"x".to_vec(), 0o644);
        let root = volume();
        stage(root.path(), &tree, "1").expect("staged");
        let options = flare_file_tree::ReadOptions::new(flare_diagnostic::Code::Internal);
        for directory in ["startup", "local"] {
            let found = FileTree::read(&root.path().join(directory), &options).expect("it can be read");
            let sent = tree.subtree(directory).expect("it was sent");
            prop_assert!(found == sent, "{directory}: {found:?} instead of {sent:?}");
        }
    }
}

fn removal(root: &Path, who: &str, id: &str, die: usize) -> Option<Result<RemovedKit, flare_diagnostic::Diagnostic>> {
    let (status, printed) = run(root, &input_of(&Shipment::removal(owner(who)), id), die);
    (status != Some(9)).then(|| Answer::removed(&printed, "claim"))
}

#[test]
fn a_kit_is_taken_away_and_nothing_else_wherever_a_run_before_was_killed() {
    for die in steps() {
        let root = volume();
        let root = root.path();
        stage(root, &kit("one"), "1").expect("staged");
        stage(root, &kit("two"), "2").expect("staged");
        fs::create_dir_all(root.join("transfer/job")).expect("a directory");
        fs::write(root.join("transfer/job/meta.json"), "mine").expect("a file");
        let first = removal(root, "site-1", "3", die);
        let left = kit_on(root);
        assert!(left.is_none() || left.as_deref() == Some("two"), "{left:?} after {die}");
        let ended = first.is_some();
        if let Some(removed) = first {
            assert_eq!(removed.expect("removed").removed, ["local", "startup", ".flare-kube-previous"]);
        } else {
            removal(root, "site-1", "4", 0).expect("it ends").expect("the next run goes on");
        }
        let found = texts(root);
        let survived: Vec<_> = found.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
        assert_eq!(survived, [("jobs/store", "keep"), ("transfer/job/meta.json", "mine")], "after {die}");
        if ended {
            assert!(die > 10, "only {die} steps were seen");
            assert!(removal(root, "site-1", "5", 0).expect("it ends").expect("nothing to do").removed.is_empty());
            stage(root, &kit("three"), "6").expect("a kit can be staged again");
            return;
        }
    }
}

/// What a killed removal leaves of a kit must not be put back as if it were whole.
#[test]
fn a_rollback_after_a_removal_that_was_killed_at_any_step_finds_the_whole_kit_or_none() {
    let before = volume();
    stage(before.path(), &kit("one"), "1").expect("staged");
    let whole = ["local", "startup"].map(|name| texts(&before.path().join(name)));
    stage(before.path(), &kit("two"), "2").expect("staged");
    let mut refused = 0;
    // A part of the kit is there only for a few steps.
    for die in 1.. {
        let root = TempDir::new().expect("a directory");
        let copied = Command::new("cp").arg("-a").arg(before.path().join(".")).arg(root.path()).status();
        assert!(copied.expect("cp is on this machine").success());
        let ended = removal(root.path(), "site-1", "3", die).is_some();
        let back = ask(root.path(), &json!({"verb": "rollback", "id": "4", "owner": owner("site-1")}));
        if back["refused"].is_string() {
            refused += 1;
            assert_eq!(back["refused"], "nothing_kept", "step {die}: {back}");
        } else {
            assert_eq!(["local", "startup"].map(|name| texts(&root.path().join(name))), whole, "step {die}");
        }
        if ended {
            assert!(die > 10 && refused > 5, "only {die} steps were seen, {refused} of them without a kit");
            return;
        }
    }
}

/// A restore with keys puts the previous kit aside: that is removed as well, but not the other data, which belong to the site.
#[test]
fn kits_that_a_restore_put_aside_go_as_well_and_nothing_else_of_it() {
    let aside = ".flare-kube-replaced";
    for with_data in [false, true] {
        let root = volume();
        let root = root.path();
        stage(root, &kit("one"), "1").expect("staged");
        for (path, text) in [("startup/client.key", "old key"), ("local/resources.json", "old")] {
            let file = root.join(aside).join(path);
            fs::create_dir_all(file.parent().expect("a parent")).expect("a directory");
            fs::write(file, text).expect("a file");
        }
        if with_data {
            fs::write(root.join(aside).join("log.txt"), "mine").expect("a file");
        }
        let removed = removal(root, "site-1", "2", 0).expect("it ends").expect("removed");
        let expected = ["local", "startup", ".flare-kube-replaced/local", ".flare-kube-replaced/startup"];
        assert_eq!(
            (removed.removed.as_slice(), removed.aside.as_deref()),
            (&expected.map(str::to_owned)[..], with_data.then_some(aside))
        );
        let mut left = vec![("jobs/store", "keep")];
        if with_data {
            left.insert(0, (".flare-kube-replaced/log.txt", "mine"));
        }
        let found = texts(root);
        assert_eq!(found.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect::<Vec<_>>(), left);
        assert_eq!(root.join(aside).exists(), with_data);
    }
}

#[test]
fn only_a_kit_that_was_staged_for_this_participant_is_taken_away() {
    let root = volume();
    stage(root.path(), &kit("one"), "1").expect("staged");
    let before = texts(root.path());
    let refused = removal(root.path(), "site-2", "2", 0).expect("it ends").expect_err("another participant");
    assert_eq!(refused.code, flare_diagnostic::Code::VolumeNotOurs);
    assert_eq!(texts(root.path()), before);
    let by_hand = volume();
    fs::create_dir_all(by_hand.path().join("startup")).expect("a directory");
    fs::write(by_hand.path().join("startup/client.key"), "by hand").expect("a file");
    let refused = removal(by_hand.path(), "site-1", "3", 0).expect("it ends").expect_err("nobody knows whose");
    assert_eq!(refused.code, flare_diagnostic::Code::VolumeNotOurs);
    assert!(refused.message.contains("`startup`"), "{}", refused.message);
    assert!(by_hand.path().join("startup/client.key").exists());
}

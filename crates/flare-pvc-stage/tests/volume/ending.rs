//! What comes after the answer, and the end by SIGTERM, which the program gets when its pod is deleted.

use std::{
    fs,
    io::{BufRead as _, BufReader, Write as _},
    os::unix::process::ExitStatusExt as _,
    path::Path,
    process::Command,
};

use flare_diagnostic::Code;
use flare_pvc_stage::Answer;
use serde_json::json;
use tempfile::TempDir;

use crate::support::{asking, input_of, kit, kit_on, owner, run_with, shipment, stage, start, steps, texts, volume};

const KEPT: &str = ".flare-kube-previous";

/// The names on the volume that begin like this.
fn names(root: &Path, start: &str) -> Vec<String> {
    let names = fs::read_dir(root).expect("it").map(|entry| entry.expect("it").file_name().to_string_lossy().into_owned());
    let mut names: Vec<_> = names.filter(|name| name.starts_with(start)).collect();
    names.sort();
    names
}

/// The kit before the one that is replaced goes after the answer: no end or error of its removal is one of the staging.
#[test]
fn a_complete_staging_neither_waits_for_nor_fails_by_the_removal_of_old_data() {
    let left = [".flare-stage-3", ".flare-stage-3-out"];
    for removal in ["dies", "fails"] {
        let root = volume();
        stage(root.path(), &kit("one"), "1").expect("staged");
        stage(root.path(), &kit("two"), "2").expect("staged");
        let sent = |text: &str, id: &str| {
            let input = input_of(&shipment(&kit(text), "site-1", id), id);
            Answer::staged(&run_with(root.path(), &input, &[("REMOVAL", removal.to_owned())]).1, "claim")
        };
        assert!(sent("three", "3").expect("staged").stays.is_empty(), "{removal}");
        assert_eq!(kit_on(root.path()).as_deref(), Some("three"), "{removal}");
        assert!(texts(&root.path().join(KEPT)).values().all(|text| text == "two"), "{removal}");
        assert_eq!(names(root.path(), ".flare-stage-"), left, "{removal}");
        if removal == "fails" {
            assert_eq!(sent("four", "4").expect("staged").stays, left);
            assert_eq!(kit_on(root.path()).as_deref(), Some("four"));
        }
        assert!(stage(root.path(), &kit("five"), "5").expect("staged").stays.is_empty(), "{removal}");
        assert!(names(root.path(), ".flare-stage-").is_empty(), "{removal}");
    }
}

/// A refused kit has private keys like any other.
#[test]
fn a_refused_staging_leaves_nothing_of_it() {
    let root = volume();
    stage(root.path(), &kit("one"), "1").expect("staged");
    let (input, request) = input_of(&shipment(&kit("two"), "site-1", "2"), "2");
    let cut = (input[..input.len() - 1].to_vec(), request);
    let fault = Answer::staged(&run_with(root.path(), &cut, &[]).1, "claim").expect_err("something is missing");
    assert_eq!(fault.message, "the input of the helper pod ended early");
    assert!(names(root.path(), ".flare-stage-").is_empty());
}

/// A run ends at once and leaves nothing, except from the swap on, which it completes.
#[test]
fn sigterm_at_any_step_never_interrupts_a_swap_and_leaves_nothing() {
    let before = volume();
    stage(before.path(), &kit("one"), "1").expect("staged");
    stage(before.path(), &kit("two"), "2").expect("staged");
    let third = input_of(&shipment(&kit("three"), "site-1", "3"), "3");
    let (mut ended, mut completed) = (0, 0);
    // What comes after the last step is none.
    for step in steps().take_while(|step| *step < 120) {
        let root = TempDir::new().expect("a directory");
        let copied = Command::new("cp").arg("-a").arg(before.path().join(".")).arg(root.path()).status();
        assert!(copied.expect("cp is on this machine").success());
        let (status, printed) = run_with(root.path(), &third, &[("END", step.to_string())]);
        assert_eq!(status, Some(0), "step {step}");
        let left = [".flare-stage-", ".flare-kube-swap", ".flare-kube-previous-"].map(|start| names(root.path(), start));
        assert!(left.iter().all(Vec::is_empty), "step {step}: {left:?}");
        assert_eq!(names(root.path(), KEPT), [KEPT], "step {step}");
        let kit = kit_on(root.path());
        match Answer::staged(&printed, "claim") {
            Ok(_) => {
                completed += 1;
                assert_eq!(kit.as_deref(), Some("three"), "step {step}");
            }
            Err(fault) => {
                ended += 1;
                assert_eq!((completed, fault.code), (0, Code::StageFailed), "step {step}: {fault}");
                assert_eq!(fault.message, "the helper pod on claim `claim` was ended from outside while it was at work");
                assert_eq!(kit.as_deref(), Some("two"), "step {step}");
            }
        }
    }
    assert!(ended > 5 && completed > 10, "{ended} ended, {completed} were completed");
}

/// It has nothing to complete, and a slow reader may hold it for hours.
#[test]
fn a_backup_ends_at_once_by_sigterm() {
    let root = volume();
    let what = json!([{"name": "all", "everything": true}]);
    let request = json!({"verb": "backup", "id": "1", "owner": owner("site-1"), "what": what, "keys": false});
    let (status, printed) = run_with(root.path(), &asking(&request), &[("END", "1".to_owned())]);
    let printed = String::from_utf8_lossy(&printed);
    assert!(status.is_none() && !printed.contains("end") && !printed.contains("refused"), "{status:?}: {printed}");
}

/// The other side may be gone together with the pod, and its end of the connection may stay open.
#[test]
fn a_refusal_that_nobody_takes_does_not_hold_the_pod() {
    let root = volume();
    let rollback = asking(&json!({"verb": "rollback", "id": "1", "owner": owner("site-1")}));
    let staging = input_of(&shipment(&kit("one"), "site-1", "1"), "1");
    // SIGTERM comes after the refusal, or is the reason for it.
    for (case, (input, request), end) in [("nothing_kept", rollback, 0), ("ended", staging, 3)] {
        let mut child = start(root.path(), request, &[("END", end.to_string())]);
        let mut stdin = child.stdin.take().expect("a pipe");
        stdin.write_all(&input).expect("it reads");
        let answers = BufReader::new(child.stdout.take().expect("a pipe")).lines();
        let refusal = answers.map(|line| line.expect("text")).find(|line| line.contains("refused")).expect("a refusal");
        assert!(refusal.contains(case), "{refusal}");
        if end == 0 {
            let killed = Command::new("kill").arg("-TERM").arg(child.id().to_string()).status();
            assert!(killed.expect("kill is on this machine").success());
        }
        let ended = child.wait().expect("it ends").signal();
        // By the signal, or by the clock that runs from then on.
        assert!(ended.is_some(), "{case}: {ended:?}");
        drop(stdin);
    }
}

//! What comes after the answer, and the end by SIGTERM, which the program gets when its pod is deleted.

use std::{fs, path::Path, process::Command};

use flare_diagnostic::Code;
use flare_pvc_stage::Answer;
use tempfile::TempDir;

use crate::support::{input_of, kit, kit_on, run_with, shipment, stage, texts, volume};

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
    // Every third step, with another first step in each run; what comes after the last step is none.
    let seed = usize::try_from(std::process::id() % 3).expect("small");
    for step in (1 + seed..).step_by(3).take_while(|step| *step < 120) {
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

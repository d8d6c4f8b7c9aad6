//! Whole results: the cases of `fixtures/pods` with their snapshots, and the two of them with the reference's own result.
#![allow(clippy::disallowed_methods, reason = "tests stand at the edge")]
#![allow(clippy::unwrap_used, reason = "helpers of tests: a failure is a failed test")]

mod support;

use std::{fs, path::PathBuf};

use flare_names::Target;
use flare_pod_manifest::Additions;
use serde_json::{Value, json};
use support::{launch, meaning};

fn cases() -> Vec<(String, PathBuf, Target)> {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/pods");
    let mut cases: Vec<_> = fs::read_dir(root)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_dir())
        .map(|path| {
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            let target = name[..3].parse().unwrap();
            (name, path, target)
        })
        .collect();
    cases.sort();
    cases
}

#[test]
fn every_case_gives_its_snapshot() {
    assert!(cases().len() >= 14);
    for (name, path, target) in cases() {
        let request = fs::read_to_string(path.join("request.json")).unwrap();
        let made = launch(&request, &path.join("kit"), target, &Additions::default()).unwrap();
        let warnings: Vec<_> = made.warnings.iter().map(ToString::to_string).collect();
        insta::assert_json_snapshot!(
            name.as_str(),
            json!({ "pod": made.value.pod, "secrets": made.value.secrets, "warnings": warnings })
        );
        insta::assert_snapshot!(format!("{name}.explained"), made.value.explanation.to_string());
    }
}

/// The only addition in these results is that all files of `startup/` are included (defect 7).
#[test]
fn the_examples_of_the_page_are_met_exactly() {
    let mut met = 0;
    for (_, path, target) in cases() {
        let Ok(expected) = fs::read_to_string(path.join("expected.json")) else { continue };
        let expected: Value = serde_json::from_str(&expected).unwrap();
        let request = fs::read_to_string(path.join("request.json")).unwrap();
        let additions = Additions { all_startup_files: true, ..Additions::none() };
        let made = launch(&request, &path.join("kit"), target, &additions).unwrap();
        assert_eq!(meaning(&made.value.to_json()), meaning(&expected));
        assert!(made.warnings.is_empty());
        met += 1;
    }
    assert_eq!(met, 2);
}

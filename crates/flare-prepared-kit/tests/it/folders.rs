//! On a real disk: opening, and what may be replaced.

use std::{fs, path::Path};

use flare_diagnostic::Code;
use flare_file_tree::{CommitOptions, commit};
use flare_names::{Role, Target};
use flare_prepared_kit::{Acceptance, MARKER_FILE, Occupant, PreparedKit, check_replaceable, occupant};

use crate::support::*;

fn committed(folder: &Path) -> PreparedKit {
    let kit = prepared(Role::Client, Target::V2_9);
    commit(kit.tree(), folder, &CommitOptions::default()).unwrap();
    kit
}

fn refusal(path: &Path) -> (Code, String) {
    let faults = check_replaceable(path).expect_err("a refusal");
    assert!(faults.first().hint.is_some());
    (faults.first().code, faults.first().message.clone())
}

#[test]
fn a_committed_kit_opens_clean_and_may_be_replaced() {
    let root = tempfile::tempdir().unwrap();
    let output = root.path().join("out");
    let kit = committed(&output);
    let opened = PreparedKit::open(&output, Acceptance::default()).unwrap();
    assert_eq!(shown(&opened.warnings), "");
    assert_eq!(opened.value.fingerprint(), kit.fingerprint());
    assert!(matches!(check_replaceable(&output).unwrap(), Occupant::Ours { marker } if marker.plan == *kit.plan()));
}

#[test]
fn defect_8_only_our_own_and_empty_folders_may_be_replaced() {
    let root = tempfile::tempdir().unwrap();
    let path = |name: &str| root.path().join(name);
    fs::create_dir(path("empty")).unwrap();
    fs::create_dir_all(path("victim/sub")).unwrap();
    fs::write(path("victim/sub/file"), "precious").unwrap();
    fs::write(path("file"), "x").unwrap();
    assert_eq!(check_replaceable(&path("absent")).unwrap(), Occupant::Absent);
    assert_eq!(check_replaceable(&path("empty")).unwrap(), Occupant::EmptyFolder);
    assert_eq!(occupant(&path("victim")).unwrap(), Occupant::Foreign);
    assert_eq!(occupant(&path("file")).unwrap(), Occupant::File);
    for name in ["victim", "file", "file/below"] {
        assert_eq!(refusal(&path(name)).0, Code::InvalidArgs, "{name}");
    }
    for garbage in ["", "{}", r#"{"format_version": 99}"#] {
        fs::write(path("victim").join(MARKER_FILE), garbage).unwrap();
        assert_eq!(refusal(&path("victim")).0, Code::InvalidArgs, "{garbage}");
    }
    assert_eq!(fs::read_to_string(path("victim/sub/file")).unwrap(), "precious");
}

#[test]
fn an_output_that_records_staged_objects_is_not_replaced() {
    let root = tempfile::tempdir().unwrap();
    let output = root.path().join("out");
    committed(&output);
    let values = output.join("helm_chart/values.yaml");
    let original = fs::read_to_string(&values).unwrap();
    for (old, new) in [("configMapName: null", "configMapName: nvflare-local-site-1"), ("secretName: null", "secretName: s")] {
        fs::write(&values, original.replace(old, new)).unwrap();
        assert_eq!(refusal(&output).0, Code::OutputStaged);
    }
    // The reference's output has no marker, and its record counts first.
    fs::remove_file(output.join(MARKER_FILE)).unwrap();
    assert_eq!(refusal(&output).0, Code::OutputStaged);
    fs::write(&values, original).unwrap();
    assert_eq!(refusal(&output).0, Code::InvalidArgs);
}

#[test]
fn values_that_cannot_be_read_may_hide_a_record() {
    let root = tempfile::tempdir().unwrap();
    let output = root.path().join("out");
    committed(&output);
    fs::write(output.join("helm_chart/values.yaml"), "a: [").unwrap();
    let (code, message) = refusal(&output);
    assert_eq!(code, Code::InvalidArgs);
    assert!(message.contains("record of staged objects"), "{message}");
}

#[test]
fn links_in_a_prepared_kit_are_refused() {
    let root = tempfile::tempdir().unwrap();
    let output = root.path().join("out");
    committed(&output);
    std::os::unix::fs::symlink("/etc/passwd", output.join("startup/link")).unwrap();
    let faults = PreparedKit::open(&output, Acceptance { changes: true }).expect_err("a refusal");
    assert_eq!(faults.first().code, Code::InvalidPreparedKit);
}

//! On a real disk: opening a prepared kit, and what may be replaced.

use std::{
    fs,
    os::unix::fs::{PermissionsExt as _, symlink},
    path::Path,
};

use flare_diagnostic::Code;
use flare_file_tree::{CommitOptions, FileTree, commit};
use flare_names::{Role, Target};
use flare_prepared_kit::{
    ExistingOutput, MARKER_FILE, OpenOptions, PreparedKit, check_losses, check_replaceable, inspect_output,
};

use crate::support::*;

fn committed(directory: &Path) -> PreparedKit {
    let kit = prepared(Role::Client, Target::V2_9);
    commit(kit.tree(), directory, &CommitOptions::default()).unwrap();
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
    let opened = PreparedKit::open(&output, OpenOptions::default()).unwrap();
    assert_eq!(shown(&opened.warnings), "");
    assert_eq!(opened.value.fingerprint(), kit.fingerprint());
    assert!(
        matches!(check_replaceable(&output).unwrap(), ExistingOutput::Marked { head } if head.files.contains_key("startup/rootCA.pem"))
    );
}

#[test]
fn defect_8_only_our_own_and_empty_directories_may_be_replaced() {
    let root = tempfile::tempdir().unwrap();
    let path = |name: &str| root.path().join(name);
    fs::create_dir(path("empty")).unwrap();
    fs::create_dir_all(path("victim/sub")).unwrap();
    fs::write(path("victim/sub/file"), "precious").unwrap();
    fs::write(path("file"), "x").unwrap();
    assert_eq!(check_replaceable(&path("absent")).unwrap(), ExistingOutput::Absent);
    assert_eq!(check_replaceable(&path("empty")).unwrap(), ExistingOutput::EmptyDirectory);
    assert_eq!(inspect_output(&path("victim")).unwrap(), ExistingOutput::Foreign);
    assert_eq!(inspect_output(&path("file")).unwrap(), ExistingOutput::NotADirectory);
    for name in ["victim", "file", "file/below"] {
        assert_eq!(refusal(&path(name)).0, Code::InvalidArgs, "{name}");
    }
    for garbage in [
        "",
        "{}",
        r#"{"format_version": 99}"#,
        r#"{"format_version": 1, "files": {}}"#,
        r#"{"format_version": 0, "files": {"a": "b"}}"#,
    ] {
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
    // The reference's output has no marker; its record of staged objects is checked first.
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
    let faults = PreparedKit::open(&output, OpenOptions { accept_changes: true }).expect_err("a refusal");
    assert_eq!(faults.first().code, Code::InvalidPreparedKit);
}

#[test]
fn a_link_in_transfer_is_the_users_and_no_fault_of_the_kit() {
    let root = tempfile::tempdir().unwrap();
    let output = root.path().join("out");
    let kit = committed(&output);
    symlink("/etc/passwd", output.join("transfer/link")).unwrap();
    let opened = PreparedKit::open(&output, OpenOptions::default()).unwrap();
    assert_eq!(shown(&opened.warnings), "");
    assert_eq!(opened.value.fingerprint(), kit.fingerprint());
    assert!(opened.value.changes().is_empty());
}

/// What a run that writes `kit` there would lose: codes and messages of the faults, or of the warnings with `discard`.
fn losses(output: &Path, kit: &FileTree, discard: bool) -> Result<String, String> {
    let existing = check_replaceable(output).unwrap();
    let outcome = check_losses(output, &existing, kit, discard);
    let text = |found: &[flare_diagnostic::Diagnostic]| {
        assert!(found.iter().all(|one| one.hint.is_some()));
        found.iter().map(|one| format!("{}\n", one.message)).collect()
    };
    outcome.map(|checked| text(&checked.warnings)).map_err(|faults| {
        assert!(faults.all().iter().all(|fault| fault.code == Code::InvalidArgs));
        text(faults.all())
    })
}

#[test]
fn each_file_that_people_added_or_edited_is_named_and_nothing_else() {
    let root = tempfile::tempdir().unwrap();
    let output = root.path().join("out");
    let prepared = committed(&output);
    let new = kit(prepared.plan());
    assert_eq!(losses(&output, &new, false).unwrap(), "");
    for file in ["notes.txt", "local/custom/mine.py", "helm_chart/values-site.yaml", "transfer/model.pt", "transfer/deep/er"] {
        fs::create_dir_all(output.join(file).parent().unwrap()).unwrap();
        fs::write(output.join(file), "mine").unwrap();
    }
    symlink("/etc/passwd", output.join("local/link")).unwrap();
    fs::write(output.join("transfer/job.zip"), "edited").unwrap();
    fs::write(output.join("local/study_data.yaml"), "edited").unwrap();
    fs::write(output.join("helm_chart/values.yaml"), "edited: 1").unwrap();
    fs::write(output.join("readme.txt"), "edited").unwrap();
    fs::remove_file(output.join("startup/client.key")).unwrap();
    insta::assert_snapshot!(losses(&output, &new, false).unwrap_err(), @r"
    `helm_chart/values-site.yaml` was added after the earlier output was prepared, and would be lost
    `helm_chart/values.yaml` was changed after the earlier output was prepared, and would be lost
    `local/custom/mine.py` was added after the earlier output was prepared, and would be lost
    `local/study_data.yaml` was changed after the earlier output was prepared, and would be lost
    `notes.txt` was added after the earlier output was prepared, and would be lost
    `readme.txt` was changed after the earlier output was prepared, and would be lost
    `local/link` was added after the earlier output was prepared, and would be lost
    ");
    insta::assert_snapshot!(losses(&output, &new, true).unwrap(), @r"
    the earlier output's `transfer/job.zip` stay, and the kit has others of these names
    files that were added to or changed in the earlier output are discarded: `helm_chart/values-site.yaml`, `helm_chart/values.yaml`, `local/custom/mine.py`, `local/study_data.yaml`, `notes.txt`, `readme.txt`, `local/link`
    ");
}

#[test]
fn what_the_new_kit_holds_in_the_same_form_is_not_lost() {
    let root = tempfile::tempdir().unwrap();
    let output = root.path().join("out");
    let prepared = committed(&output);
    let mut new = kit(prepared.plan());
    for (file, text) in [("local/custom/mine.py", "mine"), ("readme.txt", "edited")] {
        fs::create_dir_all(output.join(file).parent().unwrap()).unwrap();
        fs::write(output.join(file), text).unwrap();
        assert!(losses(&output, &new, false).is_err(), "{file}");
        put(&mut new, file, text);
        assert_eq!(losses(&output, &new, false).unwrap(), "", "{file}");
    }
}

#[test]
fn a_copied_marker_makes_no_directory_ours() {
    let root = tempfile::tempdir().unwrap();
    let output = root.path().join("out");
    let prepared = committed(&output);
    let project = root.path().join("project");
    let write = |file: &str, bytes: &[u8]| {
        fs::create_dir_all(project.join(file).parent().unwrap()).unwrap();
        fs::write(project.join(file), bytes).unwrap();
    };
    write("src/main.py", b"precious");
    write(MARKER_FILE, prepared.tree().bytes(MARKER_FILE).unwrap());
    // A startup kit has most of the files that the marker lists.
    write("startup/rootCA.pem", b"root");
    write("startup/client.key", b"very secret key material");
    write("local/resources.json.default", prepared.tree().bytes("local/resources.json.default").unwrap());
    write("local/comm_config.json", prepared.tree().bytes("local/comm_config.json").unwrap());
    for discard in [false, true] {
        let found = losses(&project, &kit(prepared.plan()), discard).unwrap_err();
        assert!(found.contains("does not describe it") && found.lines().count() == 1, "{found}");
    }
}

#[test]
fn a_user_is_told_whose_an_earlier_output_is() {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let root = tempfile::tempdir().unwrap();
    fs::set_permissions(root.path(), fs::Permissions::from_mode(0o777)).unwrap();
    let output = root.path().join("out");
    committed(&output);
    let message = std::thread::scope(|scope| {
        let asked = scope.spawn(|| {
            rustix::thread::set_thread_uid(rustix::process::Uid::from_raw(65534)).unwrap();
            refusal(&output).1
        });
        asked.join().unwrap()
    });
    assert!(message.contains("belongs to another user (uid 0)"), "{message}");
    assert!(check_replaceable(&output).is_ok());
}

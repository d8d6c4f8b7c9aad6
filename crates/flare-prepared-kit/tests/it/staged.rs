//! The record of staged objects in values: written, read back and removed, whatever else the file contains.

use std::fs;

use flare_diagnostic::Code;
use flare_names::{Role, Target};
use flare_prepared_kit::{OpenOptions, PreparedKit, StagedItem, StagedRecord};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::support::{prepared, put, text};

const FILE: &str = "helm_chart/values.yaml";

/// A prepared kit whose values end with this text in place of their own `workspaceConfig`.
fn with_block(block: &str) -> PreparedKit {
    let mut tree = prepared(Role::Client, Target::V2_9).tree().clone();
    let values = text(&tree, FILE);
    let (before, rest) = values.split_once("workspaceConfig:").expect("the block");
    let after = &rest[rest.find("args:").expect("the next block")..];
    put(&mut tree, FILE, format!("{before}{after}{block}"));
    PreparedKit::from_tree(tree, OpenOptions::default()).expect("it can be opened").value
}

fn item(key: &str, path: &str) -> StagedItem {
    StagedItem { key: key.to_owned(), path: path.to_owned() }
}

fn record() -> StagedRecord {
    StagedRecord {
        namespace: Some("nvflare".to_owned()),
        config_map: Some("nvflare-local-no-1".to_owned()),
        local: vec![item("f0000-1-a", "a b/: #x"), item("f0001-2-b", "no"), item("f0002-3-c", "1e3\n\u{e9}")],
        secret: Some("1e3".to_owned()),
        startup: vec![item("f0000-4-d", "client.key")],
    }
}

fn put_in(kit: &PreparedKit, record: Option<&StagedRecord>) -> PreparedKit {
    let mut tree = kit.tree().clone();
    put(&mut tree, FILE, kit.values_with(record).expect("it can be recorded"));
    PreparedKit::from_tree(tree, OpenOptions::default()).expect("it can be opened").value
}

fn without_block(kit: &PreparedKit) -> Value {
    let mut values = kit.values().expect("values");
    values.as_object_mut().expect("a mapping").remove("workspaceConfig");
    values
}

#[test]
fn a_record_is_written_read_back_exchanged_and_taken_out_whatever_form_the_block_has() {
    let forms = [
        "",
        "workspaceConfig: {namespace: null, local: {configMapName: null, items: []}, startup: {secretName: null, items: []}}\n",
        "workspaceConfig: null\n# the end\n",
        "workspaceConfig:\n  namespace: null\n  local: {}\n  startup:\n    secretName: \"\"\n",
        "workspaceConfig:\n    startup:\n        items: []\n        # which one\n        secretName: null\n\n    local:\n        items:\n        - path: b\n          key: a\n        # after\n        configMapName: old\n    namespace: nvflare\n# the end",
        "\"workspaceConfig\":\r\n  namespace: null\r\n  local:\r\n    configMapName: null\r\n    items: []\r\n  startup:\r\n    secretName: null\r\n    items: []\r\nextra: [1,\r\n  2]\r\n",
    ];
    for form in forms {
        let kit = with_block(form);
        let staged = put_in(&kit, Some(&record()));
        assert_eq!(staged.staged_record().expect("readable"), Some(record()), "{form:?}");
        let mut other = record();
        other.startup.clear();
        other.config_map = None;
        assert_eq!(put_in(&staged, Some(&other)).staged_record().expect("readable"), Some(other), "{form:?}");
        let back = put_in(&staged, None);
        assert_eq!(back.staged_record().expect("readable"), None, "{form:?}");
        for after in [&staged, &back] {
            assert_eq!(without_block(after), without_block(&kit), "{form:?}");
        }
        for comment in ["# which one", "# after", "# the end"] {
            let kept = |kit: &PreparedKit| text(kit.tree(), FILE).contains(comment);
            assert_eq!(kept(&staged), kept(&kit), "{comment} in {form:?}");
        }
    }
}

#[test]
fn as_prepare_writes_the_block_comments_stay_and_taking_out_is_undoing() {
    let block = "# Staged objects.\nworkspaceConfig:\n  # Where.\n  namespace: null\n  local:\n    # What.\n    configMapName: null\n    # Files.\n    items: []\n  # Below.\n  startup:\n    secretName: null\n    items: []\n\n# Next.\nextra: 1\n";
    let kit = with_block(block);
    let staged = put_in(&kit, Some(&record()));
    let written = text(staged.tree(), FILE);
    for comment in block.lines().filter(|line| line.trim_start().starts_with('#')) {
        assert!(written.contains(comment), "{comment}\n{written}");
    }
    assert_eq!(text(put_in(&staged, None).tree(), FILE), text(kit.tree(), FILE));
    assert_eq!(staged.values_with(Some(&record())).expect("again"), written);
}

#[test]
fn a_block_that_cannot_be_exchanged_alone_is_refused_and_nothing_is_written() {
    for form in [
        "workspaceConfig:\n  namespace: null\n  mine: 1\n",
        "workspaceConfig: &a {}\nextra: *a\n",
        "? workspaceConfig\n: namespace: null\n",
    ] {
        let kit = with_block(form);
        let refused = kit.values_with(Some(&record()));
        match refused {
            Err(faults) => assert_eq!(faults.first().code, Code::InvalidPreparedKit, "{form}"),
            Ok(_) => assert_eq!(put_in(&kit, Some(&record())).staged_record().expect("readable"), Some(record()), "{form}"),
        }
    }
    assert!(with_block("workspaceConfig:\n  namespace: null\n  mine: 1\n").values_with(Some(&record())).is_err());
    let many =
        StagedRecord { local: (0..20_000).map(|n| item(&format!("f{n}-{n:040}"), &format!("{n:060}"))).collect(), ..record() };
    assert_eq!(with_block("").values_with(Some(&many)).expect_err("too many").first().code, Code::KitTooLarge);
}

#[test]
fn the_file_is_written_whole_and_an_edit_meanwhile_is_never_lost() {
    let directory = tempfile::tempdir().expect("a directory");
    let kit = with_block("# mine\n");
    let file = directory.path().join(FILE);
    fs::create_dir_all(file.parent().expect("above")).expect("a directory");
    fs::write(&file, text(kit.tree(), FILE)).expect("a file");
    assert!(kit.write_record(directory.path(), Some(&record())).expect("written"));
    assert!(!kit.write_record(directory.path(), Some(&record())).expect("as it is"));
    let staged = put_in(&kit, Some(&record()));
    assert_eq!(fs::read_to_string(&file).expect("a file"), text(staged.tree(), FILE));
    fs::write(&file, "edited: 1\n").expect("a file");
    let refused = staged.write_record(directory.path(), None).expect_err("somebody edited it");
    assert_eq!(refused.first().code, Code::InvalidPreparedKit);
    assert_eq!(fs::read_to_string(&file).expect("a file"), "edited: 1\n");
    assert_eq!(fs::read_dir(file.parent().expect("above")).expect("a directory").count(), 1, "nothing is left beside it");
}

proptest! {
    #[test]
    fn any_names_and_paths_come_back(paths in proptest::collection::vec(".{0,40}", 0..8), name in "[a-z0-9.-]{1,40}") {
        let local: Vec<_> = paths.iter().enumerate().map(|(n, path)| item(&format!("f{n:04}"), path)).collect();
        let record = StagedRecord { local, config_map: Some(name.clone()), secret: Some(name), ..record() };
        let kit = with_block("workspaceConfig:\n  namespace: null\n  local:\n    configMapName: null\n    items: []\n  startup:\n    secretName: null\n    items: []\nextra: 1\n");
        match kit.values_with(Some(&record)) {
            Ok(_) => {
                let staged = put_in(&kit, Some(&record));
                prop_assert_eq!(staged.staged_record().expect("readable"), Some(record));
                prop_assert_eq!(without_block(&staged), without_block(&kit));
            }
            Err(faults) => prop_assert!(false, "{}", faults),
        }
    }
}

#[test]
fn a_record_of_the_reference_is_read_and_nonsense_is_a_fault() {
    let kit = with_block("workspaceConfig:\n  local:\n    configMapName: c\n");
    let found = kit.staged_record().expect("readable").expect("a record");
    assert_eq!((found.namespace, found.config_map, found.secret), (None, Some("c".to_owned()), None));
    let nonsense = with_block("workspaceConfig:\n  local:\n    configMapName: c\n    items: 7\n");
    assert_eq!(nonsense.staged_record().expect_err("no list").first().code, Code::InvalidPreparedKit);
    assert_eq!(json!(found.local), json!([]));
}

#[test]
fn values_of_the_release_go_before_the_charts_as_in_helm_and_are_not_the_record_of_staged_objects() {
    let of = |value: Value| value.as_object().expect("a mapping").clone();
    let mut kit = prepared(Role::Client, Target::V2_9);
    let chart = kit.values().expect("values");
    assert!(chart["persistence"]["workspace"]["mountPath"].is_string() && chart["siteName"].is_string(), "{chart}");
    kit.give_values(of(json!({"persistence": {"workspace": {"claimName": "a", "mountPath": null}}, "tolerations": [1, 2]})));
    kit.give_values(of(json!({"persistence": {"workspace": {"claimName": "b"}}, "tolerations": [3], "siteName": null})));
    kit.give_values(of(json!({"workspaceConfig": {"startup": {"secretName": "of-somebody"}}})));
    // The chart has no such keys: a template sees these nulls, by which a security profile's own key is taken away.
    kit.give_values(of(json!({"securityContext": {"fsGroup": null, "runAsUser": 7, "runAsGroup": 7}})));
    kit.give_values(of(json!({"securityContext": {"runAsGroup": null}})));
    let values = kit.values().expect("values");
    assert_eq!(values["securityContext"], json!({"fsGroup": null, "runAsUser": 7, "runAsGroup": null}));
    assert_eq!((&values["persistence"], &values["tolerations"]), (&json!({"workspace": {"claimName": "b"}}), &json!([3])));
    assert_eq!((values.get("siteName"), &values["name"]), (None, &chart["name"]));
    assert_eq!(kit.staged_record().expect("a record"), None);
}

//! Files that the copy no longer has: reported only if somebody had written or changed them.

use std::path::Path;

use flare_diagnostic::Code;
use flare_file_tree::{FileTree, ReadOptions, RelativePath};
use flare_names::{Role, Target};
use serde_json::{Value, json};

use crate::support::*;

/// Every startup kit of servers and clients in `fixtures/kits`: releases 2.5.2 to 2.9.0.
fn provisioned_kits() -> Vec<(String, Role, FileTree)> {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/kits");
    let mut kits = Vec::new();
    for project in flare_file_tree::directories(&fixtures).unwrap() {
        for kit in flare_file_tree::directories(&project).unwrap() {
            let tree = FileTree::read(&kit, &ReadOptions::new(Code::InvalidKit)).unwrap();
            for (role, file) in [(Role::Server, "startup/fed_server.json"), (Role::Client, "startup/fed_client.json")] {
                if tree.is_file(file) {
                    kits.push((kit.display().to_string(), role, tree.clone()));
                }
            }
        }
    }
    assert!(kits.len() > 20);
    kits
}

fn warnings(kit: FileTree, role: Role, target: Target) -> Vec<String> {
    let warnings = patched(kit, &plan(role, target)).warnings;
    assert!(warnings.iter().all(|warning| warning.hint.is_some()));
    warnings.into_iter().filter(|warning| warning.code == Code::Notice).map(|warning| warning.message).collect()
}

#[test]
fn nothing_is_said_of_an_untouched_kit_of_any_release() {
    for (path, role, kit) in provisioned_kits() {
        for target in Target::ALL {
            assert_eq!(warnings(kit.clone(), role, target), [""; 0], "{path}");
        }
    }
}

#[test]
fn a_changed_script_is_named_and_not_quoted() {
    for (path, role, kit) in provisioned_kits() {
        for script in ["startup/start.sh", "startup/sub_start.sh", "startup/stop_fl.sh"] {
            let before = text(&kit, script);
            let mut changed = kit.clone();
            put(&mut changed, script, before.replacen("DIR=", "export TOKEN=hunter2\nDIR=", 1));
            let found = warnings(changed, role, Target::V2_9);
            assert!(found.len() == 1 && found[0].contains(script) && !found[0].contains("hunter2"), "{path}: {found:?}");
            let mut commented = kit.clone();
            put(&mut commented, script, format!("{before}# ours\n"));
            assert_eq!(warnings(commented, role, Target::V2_9), [""; 0], "{path}: a comment does nothing");
        }
    }
    let mut own = kit(Role::Client);
    put(&mut own, "startup/docker.sh", "docker run mine\n");
    put(&mut own, "helm_chart/values.yaml", "a: 1\n");
    insta::assert_snapshot!(warnings(own, Role::Client, Target::V2_8).join("\n"), @r"
    `startup/docker.sh` is not in the copy, because a pod does not start by it, and `provision` did not write it so
    the kit's own `helm_chart` is not in the copy, because the chart is written anew: `helm_chart/values.yaml`
    ");
}

#[test]
fn what_stands_only_in_the_active_resources_is_told_by_name() {
    let default = r#"{"format_version": 2, "client": {"retry_timeout": 30}, "components": [{"id": "a", "path": "x.A"}]}"#;
    for (active, expected) in [
        (default.to_owned(), ""),
        (default.replace(' ', "\n "), ""),
        (
            r#"{"format_version": 2, "client": {}, "components": [{"id": "security_handler", "path": "my_checks.SiteAuth", "args": {"password": "hunter2"}}]}"#.to_owned(),
            "only there are the components `security_handler`; the keys `client`",
        ),
        (
            r#"{"format_version": 2, "client": {"retry_timeout": 30}, "token": "hunter2", "components": [{"id": "a", "path": "x.B"}, {"path": "y"}]}"#.to_owned(),
            "only there are the components `a`, `components[1]`; the keys `token`",
        ),
        ("hunter2".to_owned(), "it cannot be read as a JSON object"),
        ("[]".to_owned(), "it cannot be read as a JSON object"),
    ] {
        let mut kit = kit(Role::Client);
        put(&mut kit, RESOURCES, default);
        put(&mut kit, "local/resources.json", active.clone());
        let found = warnings(kit, Role::Client, Target::V2_8).concat();
        assert!(found.ends_with(expected) && found.is_empty() == expected.is_empty(), "{active}: {found}");
        assert!(!found.contains("hunter2") && (found.is_empty() || found.contains("`local/resources.json`")), "{found}");
    }
}

#[test]
fn a_private_key_is_for_its_owner_alone_in_the_copy() {
    let mut kit = kit(Role::Client);
    let mut insert = |path: &str, text: &str, mode: u32| kit.insert_file(RelativePath::new(path).unwrap(), text, mode);
    insert("startup/client.key", "anything", 0o644);
    insert("local/custom/tls.pem", "x\n-----BEGIN RSA PRIVATE KEY-----\n", 0o4755);
    insert("startup/closed.key", "anything", 0o400);
    insert("startup/rootCA.pem", "-----BEGIN CERTIFICATE-----\n", 0o644);
    insert("transfer/their.key", "anything", 0o644);
    let tree = patched(kit, &plan(Role::Client, Target::V2_8)).value;
    let mode = |path: &str| tree.get(path).unwrap().mode();
    assert_eq!([mode("startup/client.key"), mode("local/custom/tls.pem"), mode("startup/closed.key")], [0o600, 0o4700, 0o400]);
    assert_eq!([mode("startup/rootCA.pem"), mode("transfer/their.key")], [0o644, 0o644]);
}

/// The rows that a backup's rule is tested with too.
#[test]
fn what_a_private_key_is_does_not_differ_from_what_a_backup_leaves_out() {
    let rows: Vec<Value> = serde_json::from_str(include_str!("../../../../fixtures/security/private-keys.json")).unwrap();
    let path = |row: &Value| format!("local/custom/{}", row["file"].as_str().unwrap());
    let mut kit = kit(Role::Client);
    for row in &rows {
        let filler = "x".repeat(row["before"].as_u64().unwrap().try_into().unwrap());
        let text = filler + row["content"].as_str().unwrap();
        kit.insert_file(RelativePath::new(path(row)).unwrap(), text, 0o644);
    }
    let tree = patched(kit, &plan(Role::Client, Target::V2_8)).value;
    for row in &rows {
        let narrowed = tree.get(path(row)).unwrap().mode() == 0o600;
        assert_eq!(json!(narrowed), row["narrowed"], "{row}");
        assert!(!narrowed || row["saved"] == false, "a backup has a private key: {row}");
    }
}

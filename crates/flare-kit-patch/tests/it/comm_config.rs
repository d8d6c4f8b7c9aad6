//! `local/comm_config.json`.

use flare_diagnostic::Code;
use flare_names::{Role, Target};
use flare_site_plan::InternalSecurity;
use serde_json::json;

use crate::support::*;

fn with(text: &str) -> flare_file_tree::FileTree {
    let mut kit = kit(Role::Client);
    put(&mut kit, COMM_CONFIG, text);
    kit
}

#[test]
fn it_is_made_where_missing() {
    for (role, host) in [(Role::Server, "nvflare-server"), (Role::Client, "site-1")] {
        for (target, security) in [(Target::V2_8, "clear"), (Target::V2_9, "mtls")] {
            let out = patched(kit(role), &plan(role, target)).value;
            assert_eq!(
                json(&out, COMM_CONFIG),
                json!({"allow_adhoc_conns": false, "backbone_conn_gen": 2, "internal": {"scheme": "tcp",
                    "resources": {"host": host, "port": 8102, "connection_security": security}}})
            );
        }
    }
}

#[test]
fn other_keys_stay_and_ours_are_set_whatever_stood_there() {
    let kit = with(
        r#"{"x": 1e400, "internal": {"scheme": "uds", "y": [10.0], "resources": {"port": null, "z": "\ud800"}}, "last": {}}"#,
    );
    let out = patched(kit, &plan(Role::Client, Target::V2_9)).value;
    insta::assert_snapshot!(text(&out, COMM_CONFIG), @r#"
    {
        "x": 1e400,
        "internal": {
            "scheme": "tcp",
            "y": [
                10.0
            ],
            "resources": {
                "port": 8102,
                "z": "\ud800",
                "host": "site-1",
                "connection_security": "mtls"
            }
        },
        "last": {}
    }
    "#);
    let out = patched(with("{}"), &plan(Role::Client, Target::V2_8)).value;
    assert_eq!(
        json(&out, COMM_CONFIG),
        json!({"internal": {"resources": {"host": "site-1", "port": 8102, "connection_security": "clear"}, "scheme": "tcp"}})
    );
}

#[test]
fn defect_17_a_security_of_the_kit_that_is_taken_away_is_warned_about() {
    let kit = || with(r#"{"internal": {"resources": {"connection_security": "mtls"}}}"#);
    let out = patched(kit(), &plan(Role::Client, Target::V2_8));
    assert_eq!(json(&out.value, COMM_CONFIG)["internal"]["resources"]["connection_security"], "clear");
    assert_eq!(out.warnings.iter().map(|warning| warning.code).collect::<Vec<_>>(), [Code::ClearInternalLink]);
    assert_eq!(shown(&patched(kit(), &plan(Role::Client, Target::V2_9)).warnings), "");
    let mut clear = plan(Role::Client, Target::V2_9);
    clear.internal_connection.security = InternalSecurity::Clear;
    assert_eq!(patched(kit(), &clear).warnings.len(), 1);
}

#[test]
fn defect_22_what_is_no_object_is_a_message_with_its_place() {
    let cases = [
        ("[]", "1:1: `local/comm_config.json` must hold a JSON object, not a list"),
        (r#"{"internal": null}"#, "1:14: `internal` in `local/comm_config.json` must be an object, not null"),
        (
            r#"{"internal": {"resources": null}}"#,
            "1:28: `internal.resources` in `local/comm_config.json` must be an object, not null",
        ),
        (
            "{\"internal\":\n {\"resources\": 3}}",
            "2:16: `internal.resources` in `local/comm_config.json` must be an object, not a number",
        ),
        ("{\"ä\": tru}", "1:7: `local/comm_config.json` is not JSON: this is not a value of JSON"),
    ];
    for (text, expected) in cases {
        for target in Target::ALL {
            let faults = faults(with(text), &plan(Role::Client, target));
            assert_invalid_kit(&faults);
            assert_eq!(shown(faults.all()), format!("local/comm_config.json:{expected}\n"), "{text}");
        }
    }
}

#[test]
fn a_shared_file_scheme_is_refused_by_2_9_and_overwritten_by_2_8() {
    let text = r#"{"internal": {"scheme": "shared-file", "resources": []}}"#;
    let found = faults(with(text), &plan(Role::Client, Target::V2_9));
    assert_invalid_kit(&found);
    assert_eq!(found.all().len(), 2, "the scheme and the resources: {found}");
    let out = patched(with(r#"{"internal": {"scheme": "shared-file"}}"#), &plan(Role::Client, Target::V2_8)).value;
    assert_eq!(json(&out, COMM_CONFIG)["internal"]["scheme"], "tcp");
}

#[test]
fn faults_of_all_files_come_at_once() {
    let mut kit = with("[]");
    put(&mut kit, RESOURCES, "{\"components\": null}");
    kit.remove("startup/start.sh");
    put(&mut kit, "startup/start.sh/file", "");
    let found = faults(kit, &plan(Role::Client, Target::V2_9));
    assert_invalid_kit(&found);
    let files: Vec<_> = found.all().iter().map(|fault| fault.place.clone().unwrap().file).collect();
    assert_eq!(files, [RESOURCES, COMM_CONFIG, "startup/start.sh"]);
}

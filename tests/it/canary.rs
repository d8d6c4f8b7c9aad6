//! The program of `launch canary` with a real Python and nvflare: each check with and without a fault.

use std::fs;
use std::net::TcpListener;
use std::process::Command;

use flare_names::release_of;
use integration_tests::command::Sandbox;
use integration_tests::reference::Release;
use integration_tests::workspace_directory;
use serde_json::{Value, json};

/// The program's result for this input.
fn findings(release: Release, told: &Value) -> Vec<(String, String)> {
    let program = fs::read_to_string(workspace_directory().join("xtask/src/pipeline/canary.py")).unwrap();
    let output =
        Command::new(release.python()).args(["-u", "-c", &program]).env("FLARE_KUBE_CANARY", told.to_string()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let printed = String::from_utf8(output.stdout).unwrap();
    let line = printed.lines().find_map(|line| line.strip_prefix("flare-kube-canary ")).expect("the line with the findings");
    let rows: Vec<Value> = serde_json::from_str(line).unwrap();
    let text = |row: &Value, key: &str| row[key].as_str().unwrap().to_owned();
    let nvflare = rows.iter().find(|row| row["id"] == "J03").and_then(|row| row["version"].as_str()).unwrap();
    assert_eq!(release_of(nvflare).as_deref(), Some("2.9"), "what the image has, for the one who judges it");
    rows.iter().map(|row| (text(row, "id"), text(row, "severity"))).collect()
}

fn severity<'found>(found: &'found [(String, String)], id: &str) -> Vec<&'found str> {
    found.iter().filter(|(of, _)| of == id).map(|(_, severity)| severity.as_str()).collect()
}

#[test]
fn a_healthy_site_and_a_broken_one_are_told_apart() {
    let sandbox = Sandbox::new();
    for (path, text) in [("startup/rootCA.pem", "root"), ("startup/empty.crt", ""), ("data/sample", "1"), ("nothing/.keep", "")] {
        fs::create_dir_all(sandbox.join(path).parent().unwrap()).unwrap();
        fs::write(sandbox.join(path), text).unwrap();
    }
    fs::remove_file(sandbox.join("nothing/.keep")).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let path = |name: &str| sandbox.join(name).to_string_lossy().into_owned();
    let told = json!({"host": "127.0.0.1", "port": port, "gpus": 0, "gpu_resource": "nvidia.com/gpu", "startup": path("startup"), "workspace": path("."),
        "files": ["rootCA.pem"], "data": [[path("data"), true], [path("nothing"), false]]});
    let found = findings(Release::V29, &told);
    let all: Vec<&str> = found.iter().map(|(id, _)| id.as_str()).collect();
    assert_eq!(all, ["J02", "J03", "J04", "J05", "J06", "J07", "J07", "J08", "J09"], "{found:?}");
    for id in ["J02", "J03", "J04", "J05", "J06"] {
        assert_eq!(severity(&found, id), ["ok"], "{found:?}");
    }
    assert_eq!(severity(&found, "J07"), ["ok", "warning"], "an empty claim is a warning");
    drop(listener);
    let mut broken = told;
    broken["files"] = json!(["empty.crt", "missing.key"]);
    broken["data"] = json!([["/no/such/data", true]]);
    broken["gpus"] = json!(64);
    broken["workspace"] = json!("/proc");
    let found = findings(Release::V29, &broken);
    for id in ["J05", "J06", "J07", "J09"] {
        assert_eq!(severity(&found, id), ["error"], "{found:?}");
    }
    assert_eq!(severity(&found, "J04"), ["warning", "error"], "{found:?}");
    // No device is known of the GPUs of other makers.
    broken["gpu_resource"] = json!("amd.com/gpu");
    assert_eq!(severity(&findings(Release::V29, &broken), "J09"), ["info"]);
}

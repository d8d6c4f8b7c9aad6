//! The program of `launch canary` with a real Python and nvflare: each check with and without a fault.

use std::fs;
use std::net::TcpListener;
use std::process::Command;

use flare_names::release_of;
use integration_tests::command::Sandbox;
use integration_tests::reference::Release;
use integration_tests::workspace_directory;
use serde_json::{Value, json};

/// The program's result for this input. What stands before it is run before it, in the same Python.
fn rows(release: Release, before: &str, told: &Value) -> Vec<Value> {
    let program = fs::read_to_string(workspace_directory().join("xtask/src/pipeline/canary.py")).unwrap();
    let program = format!("{before}{program}");
    let output =
        Command::new(release.python()).args(["-u", "-c", &program]).env("FLARE_KUBE_CANARY", told.to_string()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let printed = String::from_utf8(output.stdout).unwrap();
    let line = printed.lines().find_map(|line| line.strip_prefix("flare-kube-canary ")).expect("the line with the findings");
    serde_json::from_str(line).unwrap()
}

/// Each finding's check and severity.
fn findings(release: Release, told: &Value) -> Vec<(String, String)> {
    let rows = rows(release, "", told);
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

/// No machine of these tests has a GPU, so the program is told what is in `/dev`; all else is as in a pod.
#[test]
fn the_gpus_of_a_pod_are_counted_by_their_devices() {
    let sandbox = Sandbox::new();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let told = |gpus: u32, resource: &str| {
        json!({"host": "127.0.0.1", "port": listener.local_addr().unwrap().port(), "gpus": gpus, "gpu_resource": resource,
            "startup": sandbox.join("."), "workspace": sandbox.join("."), "files": [], "data": []})
    };
    let (whole, slice) = ("nvidia.com/gpu", "nvidia.com/mig-1g.5gb");
    let cases: [(u32, &str, &[&str], &str); 5] = [
        (1, whole, &["nvidia0"], "ok: 1 nvidia.com/gpu was asked for, and nvidia0 in /dev"),
        (2, whole, &["nvidia3", "nvidia0"], "ok: 2 nvidia.com/gpu were asked for, and nvidia0, nvidia3 in /dev"),
        (2, whole, &["nvidia0"], "error: 2 nvidia.com/gpu were asked for, and 1 is in /dev"),
        (1, whole, &[], "error: 1 nvidia.com/gpu was asked for, and no GPU is in /dev"),
        (2, slice, &["nvidia0"], "ok: 2 nvidia.com/mig-1g.5gb were asked for, and nvidia0 in /dev"),
    ];
    for (gpus, resource, devices, expected) in cases {
        // What a driver has beside its GPUs.
        let present = [&["null", "nvidia-caps", "nvidia-uvm", "nvidiactl"][..], devices].concat();
        let before = format!(
            "import os\nlisted = os.listdir\nos.listdir = lambda path='.': {} if path == '/dev' else listed(path)\n",
            json!(present)
        );
        let rows = rows(Release::V29, &before, &told(gpus, resource));
        let row = rows.iter().find(|row| row["id"] == "J09").unwrap_or_else(|| panic!("{rows:?}"));
        assert_eq!(format!("{}: {}", row["severity"].as_str().unwrap(), row["message"].as_str().unwrap()), expected);
    }
}

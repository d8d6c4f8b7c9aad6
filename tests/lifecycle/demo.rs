//! `demo --cluster` and `demo --down`: a federation that is registered and runs a job, the same again with nothing to change, and nothing left.

use std::{
    path::Path,
    process::{Command, Output, Stdio},
    thread,
    time::{Duration, Instant},
};

use integration_tests::{command::Sandbox, workspace_directory};
use serde_json::{Value, json};

use super::{Cluster, machine};

/// A verb in the checkout, with the environment of this run: Helm and FLARE's image are those of the cache.
fn run(arguments: &[&str]) -> (i32, Value) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_flare-kube-under-test"));
    command.args(arguments).args(["--format", "json"]).current_dir(workspace_directory()).stdin(Stdio::null());
    let Output { status, stdout, stderr } = command.output().unwrap();
    let answer = serde_json::from_slice(&stdout);
    let answer = answer.unwrap_or_else(|_| panic!("no JSON but {}", String::from_utf8_lossy(&stderr)));
    (status.code().unwrap_or(-1), answer)
}

fn demo(output: &Path) -> Value {
    let (code, answer) = run(&["demo", "--cluster", "--output", output.to_str().unwrap()]);
    assert_eq!(code, 0, "{answer}");
    answer["data"].clone()
}

/// What each participant went through: its name, its steps from staging on, and whether all is well.
fn rows(data: &Value) -> Vec<Value> {
    let participants = data["participants"].as_array().unwrap_or_else(|| panic!("no participants in {data}"));
    let steps = |one: &Value| ["stage", "install", "verify"].map(|step| one["steps"][step].clone());
    participants.iter().map(|one| json!([one["name"], steps(one), one["ok"]])).collect()
}

/// The rows of all participants, if each went through the same.
fn all_with(state: &str) -> Vec<Value> {
    ["nvflare-server", "site-1", "site-2"].map(|name| json!([name, [state, state, "unchanged"], true])).to_vec()
}

#[test]
fn the_demo_comes_up_again_changes_nothing_and_goes_down_to_nothing() {
    let _machine = machine();
    let (cluster, sandbox) = (Cluster::new("demo"), Sandbox::new());
    let prepared = sandbox.join("prepared");
    let first = demo(&prepared);
    assert_eq!(rows(&first), all_with("done"), "{first}");
    assert_eq!((&first["cluster"]["name"], &first["cluster"]["ready"]), (&json!("demo"), &json!(true)), "{first}");
    assert_eq!(first["job"]["status"], "FINISHED:COMPLETED", "{first}");
    let second = demo(&prepared);
    assert_eq!(rows(&second), all_with("unchanged"), "{second}");
    assert_eq!(second["cluster"], first["cluster"], "the cluster is the same");
    assert_eq!(second["job"]["status"], "FINISHED:COMPLETED", "{second}");
    assert_ne!(second["job"]["id"], first["job"]["id"], "each run submits a job of its own");
    // What it tells people to look around with.
    let federation = workspace_directory().join("fixtures/demo/federation.yaml");
    let kubeconfig = first["cluster"]["kubeconfig"].as_str().unwrap();
    let place = ["--prepared", prepared.to_str().unwrap(), "--kubeconfig", kubeconfig];
    let (code, status) = run(&[&["status", "--federation", federation.to_str().unwrap()], &place[..]].concat());
    assert_eq!(code, 0, "{status}");
    let (code, down) = run(&["demo", "--down"]);
    assert_eq!((code, &down["data"]["state"]), (0, &json!(true)), "{down}");
    let deadline = Instant::now() + Duration::from_secs(5);
    while Instant::now() < deadline && !cluster.traces().is_empty() {
        thread::sleep(Duration::from_millis(50));
    }
    assert_eq!(cluster.traces(), Vec::<String>::new(), "after {down}");
    let (code, again) = run(&["demo", "--down"]);
    assert_eq!((code, &again["data"]["processes"], &again["data"]["state"]), (0, &json!(0), &json!(false)), "{again}");
}

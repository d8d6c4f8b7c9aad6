//! The harness itself: what it keeps of a failed test, and that nothing is left behind, however a run ends.
//!
//! Each of these tests starts this test binary again with a single test, as a child, and checks what that leaves behind.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use integration_tests::cluster::Cluster;
use integration_tests::cluster::namespace::Namespace;
use integration_tests::cluster::run::{Following, succeed, wait};
use rustix::process::Signal;
use serde_json::json;

/// Set in the child.
const CHILD: &str = "FLARE_KUBE_TEST_CHILD";
const SECRET: &str = "c2VjcmV0LW9mLXRoZS1raXQ";

/// Whether this process is the child.
fn is_child() -> bool {
    std::env::var_os(CHILD).is_some()
}

/// The command for a child: this binary with one test of this file.
fn child(test: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", &format!("harness::{test}"), "--nocapture"]).env(CHILD, "1");
    command
}

/// Opens a namespace with a pod that has restarted once, and a Secret.
fn scene(test: &str) -> Namespace {
    let namespace = Namespace::open(test);
    namespace.apply(&json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "kit"}, "stringData": {"key": SECRET}}));
    let script = "[ -e /state/again ] && echo second life && exec sleep 600; touch /state/again; echo first life; exit 7";
    namespace.apply(&json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "crashed"}, "spec": {
        "terminationGracePeriodSeconds": 0,
        "volumes": [{"name": "state", "emptyDir": {}}, {"name": "kit", "secret": {"secretName": "kit"}}],
        "containers": [{"name": "main", "image": "busybox:1.36", "command": ["sh", "-c", script],
            "env": [{"name": "KEY", "valueFrom": {"secretKeyRef": {"name": "kit", "key": "key"}}}],
            "volumeMounts": [{"name": "state", "mountPath": "/state"}, {"name": "kit", "mountPath": "/kit"}]}],
    }}));
    let state = || namespace.pod("crashed").pointer("/status/containerStatuses/0").cloned().unwrap_or_default();
    let again = || (state()["restartCount"] == 1 && state()["state"]["running"].is_object()).then_some(());
    wait(Duration::from_mins(1), || state().to_string(), again);
    namespace
}

/// The child that is ended from outside: prints its namespace and sleeps.
fn rest_in_a_namespace(test: &str) {
    let namespace = Namespace::open(test);
    println!("\nnamespace: {}", namespace.name);
    std::thread::sleep(Duration::from_mins(2));
}

/// Starts a child and waits for its namespace.
fn start(test: &str) -> (Following, String) {
    let child = Following::start(&mut child(test));
    let deadline = Instant::now() + Duration::from_mins(2);
    let mut lines = std::iter::from_fn(|| child.next_before(deadline));
    let name = lines.find_map(|line| line.strip_prefix("namespace: ").map(str::to_owned)).expect("the child opens a namespace");
    (child, name)
}

/// The namespace's phase: `Active`, `Terminating`, or empty.
fn phase(namespace: &str) -> String {
    let get = ["get", "namespace", namespace, "--ignore-not-found", "--output", "jsonpath={.status.phase}"];
    succeed(Cluster::named().kubectl().args(get))
}

/// All files of a directory, by name.
fn files(directory: &Path) -> Vec<(String, String)> {
    let entries = fs::read_dir(directory).unwrap_or_else(|error| panic!("{}: {error}", directory.display())).map(Result::unwrap);
    entries.map(|entry| (entry.file_name().into_string().unwrap(), fs::read_to_string(entry.path()).unwrap())).collect()
}

#[test]
fn a_failed_test_keeps_what_explains_it_and_never_a_secret() {
    if is_child() {
        let namespace = scene("fails");
        panic!("this failure of {} is meant", namespace.name);
    }
    let output = child("a_failed_test_keeps_what_explains_it_and_never_a_secret").output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(101), "{said}");
    let named = |before: &str, after: &str| Some(said.split(before).nth(1)?.split(after).next()?.trim().to_owned());
    let namespace = named("this failure of ", " is meant").unwrap_or_else(|| panic!("not the failure that is meant:\n{said}"));
    let directory = named("of the failed test: ", "\n").unwrap_or_else(|| panic!("no directory is named:\n{said}"));
    let kept = files(Path::new(&directory));
    let text = |file: &str| {
        let found = kept.iter().find(|(name, _)| name == file);
        &found.unwrap_or_else(|| panic!("no {file} in {directory}")).1
    };
    assert_eq!(text("crashed.main.log"), "second life\n");
    assert_eq!(text("crashed.main.previous.log"), "first life\n");
    assert!(text("events.txt").contains("Started") && text("events.txt").contains("pod/crashed"), "{}", text("events.txt"));
    assert!(text("objects.yaml").contains("kind: Pod\n") && text("objects.yaml").contains("exitCode: 7\n"));
    assert!(text("pods.txt").contains("Last State:") && text("nodes.txt").contains("Allocatable:"));
    for (name, text) in &kept {
        assert!(!text.contains(SECRET) && !text.contains("kind: Secret\n"), "{directory}/{name} holds a Secret");
    }
    assert_ne!(phase(&namespace), "Active", "the namespace of a failed test is deleted as well");
    fs::remove_dir_all(&directory).unwrap();
}

#[test]
fn an_interrupted_run_ends_with_130_and_deletes_its_namespaces() {
    if is_child() {
        return rest_in_a_namespace("interrupted");
    }
    for end in [Signal::INT, Signal::TERM] {
        let (mut child, namespace) = start("an_interrupted_run_ends_with_130_and_deletes_its_namespaces");
        assert_eq!(phase(&namespace), "Active");
        child.signal(end);
        assert_eq!(child.wait().code(), Some(130), "{end:?}");
        assert_ne!(phase(&namespace), "Active", "{end:?}");
    }
}

#[test]
fn what_a_killed_run_left_is_deleted_by_the_next_one_and_what_lives_is_not() {
    const TEST: &str = "what_a_killed_run_left_is_deleted_by_the_next_one_and_what_lives_is_not";
    if is_child() {
        return rest_in_a_namespace("killed");
    }
    let (mut killed, left) = start(TEST);
    assert_eq!(phase(&left), "Active");
    // It can no longer delete anything itself.
    killed.signal(Signal::KILL);
    assert_eq!(killed.wait().code(), None);
    let (mut living, ours) = start(TEST);
    assert_ne!(phase(&left), "Active");
    let (mut another, _) = start(TEST);
    assert_eq!(phase(&ours), "Active", "the run that made it lives");
    for child in [&mut living, &mut another] {
        child.signal(Signal::TERM);
        assert_eq!(child.wait().code(), Some(130));
    }
}

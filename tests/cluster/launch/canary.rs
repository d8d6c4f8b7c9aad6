//! `launch canary` on a real cluster.

use std::fs;
use std::path::{Path, PathBuf};

use integration_tests::cluster::namespace::Namespace;
use integration_tests::cluster::run::succeed;
use integration_tests::command::Sandbox;
use integration_tests::kit::Tree;
use integration_tests::reference::Release;
use integration_tests::workspace_directory;
use serde_json::{Value, json};

use super::document;
use crate::PROGRAM;

/// Prepares the kit of `site-1` for the namespace, with these further lines of its configuration.
pub(super) fn prepare(namespace: &Namespace, sandbox: &Sandbox, release: Release, further: &str, flags: &[&str]) -> PathBuf {
    let kit = format!("fixtures/kits/plain-{}/site-1", release.version());
    Tree::read(&workspace_directory().join(kit)).write(&sandbox.join("site-1"));
    let image = namespace.cluster.image(release);
    let config = format!("runtime: k8s\nnamespace: {}\nparent: {{docker_image: {image:?}}}\n{further}", namespace.name);
    fs::write(sandbox.join("k8s.yaml"), config).unwrap();
    let mut prepare = sandbox.command(PROGRAM);
    prepare.args(["prepare", "site-1", "--config", "k8s.yaml", "--output", "prepared", "--target", release.target()]);
    succeed(prepare.args(flags));
    sandbox.join("prepared")
}

/// Runs a canary; returns its findings.
pub(super) fn canary(namespace: &Namespace, prepared: &Path, flags: &[&str], code: i32) -> Vec<Value> {
    let mut command = namespace.cluster.program(PROGRAM);
    command.args(["launch", "canary"]).arg(prepared).args(["-o", "json"]).args(flags);
    document(&command.output().unwrap(), code)["data"]["findings"].as_array().unwrap().clone()
}

/// Each finding's check and severity.
fn severities(findings: &[Value]) -> Vec<String> {
    findings.iter().map(|row| format!("{} {}", row["id"].as_str().unwrap(), row["severity"].as_str().unwrap())).collect()
}

#[test]
fn a_canary_proves_a_site_and_names_what_is_missing() {
    let (namespace, sandbox) = (Namespace::open("launch-canary"), Sandbox::new());
    let kit = prepare(&namespace, &sandbox, Release::V28, "", &[]);
    let canary = |flags: &[&str], code: i32| severities(&canary(&namespace, &kit, flags, code));
    let mut expected =
        ["J01 ok", "J02 ok", "J03 ok", "J04 ok", "J05 error", "J06 ok", "J07 info", "J08 info", "J09 info"].map(str::to_owned);
    assert_eq!(canary(&[], 1), expected, "no parent is installed");
    let absent = namespace.cluster.image_with_tag("no-such-tag");
    assert_eq!(canary(&["--image", &absent, "--pending-timeout", "10"], 1), ["J01 error"]);
    // What listens is enough: whether it is a parent is the matter of `verify`.
    let listen = ["-m", "http.server", "8102"];
    let image = namespace.cluster.image(Release::V28);
    namespace.apply(&json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "parent", "labels": {"app": "parent"}}, "spec": {
        "terminationGracePeriodSeconds": 0, "containers": [{"name": "c", "image": image, "command": ["/usr/local/bin/python3"], "args": listen}]}}));
    namespace.apply(&json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "site-1"},
        "spec": {"selector": {"app": "parent"}, "ports": [{"port": 8102}]}}));
    succeed(namespace.kubectl().args(["wait", "--for=condition=Ready", "pod/parent", "--timeout=60s"]));
    expected[4] = "J05 ok".to_owned();
    assert_eq!(canary(&[], 0), expected);
    let left = succeed(namespace.kubectl().args(["get", "pods", "--output", "name"]));
    assert_eq!(left.trim(), "pod/parent", "canaries leave no pod");
}

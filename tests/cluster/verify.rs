//! `verify`, `status` and `logs` on real parents of both releases.

use std::path::{Path, PathBuf};
use std::process::Command;

use integration_tests::cluster::component;
use integration_tests::cluster::federation::Federation;
use integration_tests::cluster::install::upgrade;
use integration_tests::cluster::limited_user::{LimitedUser, Rules};
use integration_tests::cluster::namespace::Namespace;
use integration_tests::cluster::run::{succeed, succeed_json};
use integration_tests::cluster::stage;
use integration_tests::cluster::telling::Telling;
use integration_tests::command::Sandbox;
use integration_tests::reference::Release;
use serde_json::{Value, json};

use crate::PROGRAM;

const SERVER: &str = "nvflare-server";
const SITE: &str = "site-1";

/// The command of a verb on a prepared kit, with JSON output.
fn verb(namespace: &Namespace, verb: &str, prepared: &Path) -> Command {
    let mut command = namespace.cluster.program(PROGRAM);
    command.arg(verb).arg(prepared).args(["-o", "json"]);
    command
}

/// The data of a verb, which must succeed.
fn data(command: &mut Command) -> Value {
    succeed_json(command)["data"].take()
}

/// Stages and installs a server and a site; returns the directory of the prepared kits.
fn federation(namespace: &Namespace, release: Release) -> (Federation, PathBuf) {
    let federation = Federation::provision(release);
    let prepared = federation.prepare(namespace, Path::new(PROGRAM));
    for name in [SERVER, SITE] {
        stage::by_program(namespace, Path::new(PROGRAM), &prepared.join(name));
        succeed(&mut upgrade(namespace, name, &prepared.join(name)));
    }
    (federation, prepared)
}

fn both_join(namespace: &Namespace, release: Release) {
    let (_federation, prepared) = federation(namespace, release);
    for name in [SERVER, SITE] {
        let verified = data(verb(namespace, "verify", &prepared.join(name)).args(["--stable", "5", "--timeout", "240"]));
        let findings = verified["findings"].as_array().expect("findings");
        let other: Vec<_> = findings.iter().filter(|finding| finding["severity"] != "ok").collect();
        assert!(other.is_empty() && findings.len() >= 18, "{name}: {other:#?}");
        assert_eq!(verified["counts"]["ok"], findings.len());
        let status = data(&mut verb(namespace, "status", &prepared.join(name)));
        let row = &status["participants"][0];
        let all = json!({"prepare": "ok", "stage": "ok", "install": "ok", "verify": "ok"});
        assert_eq!((&row["name"], &row["steps"], &row["ok"]), (&json!(name), &all, &json!(true)), "{row:#}");
        let state = &row["state"];
        assert_eq!(state["joined"], true, "{state:#}");
        assert_eq!(state["deployment"]["available"], 1, "{state:#}");
        let kit = &state["kit"];
        assert!(kit["prepared"] == kit["staged"] && kit["staged"] == kit["running"] && kit["staged"].is_string(), "{kit:#}");
    }
    let lines = data(&mut verb(namespace, "logs", &prepared.join(SITE)))["lines"].take();
    let lines: Vec<_> = lines.as_array().expect("lines").iter().map(|line| line.as_str().expect("text")).collect();
    let registered =
        lines.iter().find(|line| line.contains("Successfully registered client:site-1")).expect("the site has registered");
    assert!(
        !registered.contains('\u{1b}') && registered.split("Token:").nth(1).is_none_or(|behind| behind.starts_with(" (hidden)"))
    );
    let last = data(verb(namespace, "logs", &prepared.join(SITE)).args(["--tail", "1"]));
    assert_eq!(last["lines"].as_array().map(Vec::len), Some(1), "{last:#}");
    let missing = verb(namespace, "logs", &prepared.join(SITE)).args(["--job", "nothing"]).output().unwrap();
    assert_eq!(missing.status.code(), Some(5), "{}", String::from_utf8_lossy(&missing.stdout));
}

#[test]
fn a_server_and_a_site_of_2_8_join_and_every_check_is_ok() {
    both_join(&Namespace::open("verify-2-8"), Release::V28);
}

#[test]
fn a_server_and_a_site_of_2_9_join_and_every_check_is_ok() {
    both_join(&Namespace::open("verify-2-9"), Release::V29);
}

/// What the user may not read is neither ok nor a fault.
#[test]
fn a_user_who_may_only_read_pods_is_told_what_was_not_checked() {
    let namespace = Namespace::open("verify-limited");
    let federation = Federation::provision(Release::V28);
    let prepared = federation.prepare(&namespace, Path::new(PROGRAM)).join(SERVER);
    stage::by_program(&namespace, Path::new(PROGRAM), &prepared);
    succeed(&mut upgrade(&namespace, SERVER, &prepared));
    let read: &[&str] = &["get", "list", "watch"];
    let rules: Rules<'_> =
        &[("", "pods", read), ("", "pods/log", read), ("apps", "deployments", read), ("apps", "replicasets", read)];
    let sandbox = Sandbox::new();
    let user = LimitedUser::new(&namespace, "reader", &sandbox);
    user.grant(rules, None);
    let mut verify = verb(&namespace, "verify", &prepared);
    let verified = data(verify.env("KUBECONFIG", &user.kubeconfig).args(["--stable", "1"]));
    let severity = |id: &str| {
        let findings = verified["findings"].as_array().expect("findings");
        findings.iter().find(|finding| finding["id"] == id).map(|finding| finding["severity"].clone())
    };
    for id in ["D31", "D35", "D70", "D72"] {
        assert_eq!(severity(id), Some("unknown".into()), "{id}: {verified:#}");
    }
    for id in ["D80", "D81", "D82"] {
        assert_eq!(severity(id), Some("ok".into()), "{id}: {verified:#}");
    }
}

/// An API server that is killed and started again meanwhile is waited for.
#[test]
fn verify_outlives_a_restart_of_the_api_server() {
    let namespace = Namespace::exclusive("verify-restart");
    let federation = Federation::provision(Release::V28);
    let prepared = federation.prepare(&namespace, Path::new(PROGRAM)).join(SERVER);
    stage::by_program(&namespace, Path::new(PROGRAM), &prepared);
    succeed(&mut upgrade(&namespace, SERVER, &prepared));
    namespace.wait_for_rollout(SERVER);
    let mut verify = verb(&namespace, "verify", &prepared);
    let mut verify = Telling::start(verify.args(["-v", "--stable", "15", "--timeout", "180"]));
    verify.wait_for("has to stay up");
    component::restart(&namespace, "kube-apiserver");
    let output = verify.output();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{said}");
    let document: Value = serde_json::from_str(&said).expect("an envelope");
    assert_eq!(document["data"]["counts"]["error"], 0, "{document:#}");
}

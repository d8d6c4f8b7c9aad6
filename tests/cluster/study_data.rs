//! `study-data` on a real cluster: missing and unsuitable claims are reported with their place in the study file, and created on request.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use integration_tests::cluster::limited_user::{LimitedUser, Rules};
use integration_tests::cluster::namespace::Namespace;
use integration_tests::cluster::run::{attempt, succeed, succeed_json, wait};
use integration_tests::command::Sandbox;
use integration_tests::kit::Tree;
use integration_tests::reference::Release;
use integration_tests::workspace_directory;
use serde_json::{Value, json};

use crate::PROGRAM;

/// A kit for the namespace, whose studies use two claims, one of them twice.
fn prepared(namespace: &Namespace, sandbox: &Sandbox) -> PathBuf {
    let studies = "a:\n  images: {source: images, mode: ro}\nb:\n  images: {source: images, mode: rw}\n  labels: {source: labels, mode: rw}\n";
    prepared_with(namespace, sandbox, Release::V28, "study_data.yaml", studies)
}

/// A kit of a release for the namespace, with this study file alone.
fn prepared_with(namespace: &Namespace, sandbox: &Sandbox, release: Release, file: &str, studies: &str) -> PathBuf {
    let source = sandbox.join("kit");
    let kits = workspace_directory().join(format!("fixtures/kits/plain-{}", release.version()));
    Tree::read(&kits.join("site-1")).write(&source);
    let config = sandbox.join("k8s.yaml");
    let image = namespace.cluster.image(release);
    fs::write(&config, format!("runtime: k8s\nnamespace: {}\nparent: {{docker_image: {image:?}}}\n", namespace.name)).unwrap();
    let output = sandbox.join("prepared");
    let mut prepare = sandbox.command(PROGRAM);
    succeed(prepare.arg("prepare").arg(source).arg("--config").arg(config).arg("--output").arg(&output));
    for name in ["study_data.yaml", "study_runtime.yaml"] {
        let _ = fs::remove_file(output.join("local").join(name));
    }
    fs::write(output.join("local").join(file), studies).unwrap();
    output
}

fn study_data(namespace: &Namespace, prepared: &Path, arguments: &[&str]) -> Command {
    let mut command = namespace.cluster.program(PROGRAM);
    command.arg("study-data").arg(prepared).args(["-o", "json"]).args(arguments);
    command
}

/// The envelope of a run that found faults or was refused.
fn refused(namespace: &Namespace, prepared: &Path, arguments: &[&str]) -> Value {
    let output = study_data(namespace, prepared, arguments).output().unwrap();
    assert!(!output.status.success(), "it was not refused");
    serde_json::from_slice(&output.stdout).expect("an envelope")
}

/// Message and line of every fault.
fn faults(document: &Value) -> Vec<(&str, u64)> {
    let errors = document["errors"].as_array().unwrap().iter();
    errors.map(|error| (error["message"].as_str().unwrap(), error["location"]["line"].as_u64().unwrap())).collect()
}

/// The claims of the namespace, with their uids and resource versions.
fn there(namespace: &Namespace) -> String {
    let columns = "custom-columns=NAME:.metadata.name,VERSION:.metadata.resourceVersion,BY:.metadata.labels.app\\.kubernetes\\.io/managed-by";
    succeed(namespace.kubectl().args(["get", "pvc", "--no-headers", "--output", columns]))
}

#[test]
fn study_data_missing_claims_are_named_and_made_and_a_second_run_changes_nothing() {
    let (namespace, sandbox) = (&Namespace::open("study-data"), Sandbox::new());
    let kit = &prepared(namespace, &sandbox);
    let missing = refused(namespace, kit, &[]);
    let of = |claim: &str| format!("there is no claim `{claim}` in namespace `{}`", namespace.name);
    assert_eq!((&missing["error_code"], &missing["exit_code"]), (&json!("CHECK_FAILED"), &json!(1)), "{missing}");
    assert_eq!(faults(&missing), [(of("images").as_str(), 2), (of("labels").as_str(), 5)]);
    assert_eq!(missing["data"]["claims"][0]["state"], "missing");
    let create = ["--create", "1Gi", "--access-mode", "ReadWriteMany"];
    let dry = succeed_json(&mut study_data(namespace, kit, &[&create[..], &["--dry-run"]].concat()));
    assert_eq!((&dry["data"]["claims"][0]["created"], &dry["data"]["dry_run"]), (&json!(true), &json!(true)), "{dry}");
    assert_eq!(there(namespace), "", "nothing is made");
    let made = succeed_json(&mut study_data(namespace, kit, &create));
    assert_eq!(
        made["data"]["claims"],
        json!([
            {"name": "images", "studies": ["a", "b"], "mode": "rw", "state": "Pending", "created": true},
            {"name": "labels", "studies": ["b"], "mode": "rw", "state": "Pending", "created": true},
        ])
    );
    let before = there(namespace);
    assert_eq!(before.matches("flare-kube").count(), 2, "{before}");
    for again in [study_data(namespace, kit, &create), study_data(namespace, kit, &[])] {
        let again = succeed_json(&mut { again });
        assert!(again["data"]["claims"].as_array().unwrap().iter().all(|claim| claim["created"] == false), "{again}");
        assert!(again["warnings"][0]["message"].as_str().unwrap().contains("with the first pod"), "{again}");
    }
    assert_eq!(there(namespace), before);
}

#[test]
fn study_data_claims_that_cannot_be_used_are_told_apart() {
    let (namespace, sandbox) = (&Namespace::open("study-data-modes"), Sandbox::new());
    let kit = &prepared(namespace, &sandbox);
    let claim = |name: &str, mode: &str, class: &str| {
        namespace.apply(&json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": name},
            "spec": {"accessModes": [mode], "storageClassName": class, "resources": {"requests": {"storage": "1Gi"}}}}));
    };
    claim("images", "ReadOnlyMany", "local-path");
    claim("labels", "ReadWriteOncePod", "");
    let found = refused(namespace, kit, &["--create", "1Gi"]);
    let expected = [
        ("the study `b` writes to the claim `images`, which can only be read (ReadOnlyMany)", 4),
        ("the claim `labels` has no volume, and its storage class does not wait for a pod", 5),
    ];
    assert_eq!(faults(&found), expected, "{found}");
    assert!(found["warnings"].to_string().contains("a second job waits"), "{found}");
    // A claim that a finalizer keeps in deletion.
    let finalizer = json!({"metadata": {"finalizers": ["flare-kube.test/keep"]}}).to_string();
    succeed(namespace.kubectl().args(["patch", "pvc", "labels", "--type", "merge", "--patch", &finalizer]));
    succeed(namespace.kubectl().args(["delete", "pvc", "labels", "--wait=false"]));
    let deleted = refused(namespace, kit, &[]);
    assert_eq!(faults(&deleted)[1], ("the claim `labels` is being deleted", 5), "{deleted}");
    let none = json!({"metadata": {"finalizers": null}}).to_string();
    succeed(namespace.kubectl().args(["patch", "pvc", "labels", "--type", "merge", "--patch", &none]));
}

#[test]
fn study_data_of_2_9_are_those_of_the_runtime_file() {
    let (namespace, sandbox) = (&Namespace::open("study-data-runtime"), Sandbox::new());
    let studies = "format_version: 2
studies:
  a:
    datasets:
      images: {type: mount, source: images, mode: rw}
      labels: {source: labels, mode: ro}
      results: {source: results, mode: rw}
";
    let kit = &prepared_with(namespace, &sandbox, Release::V29, "study_runtime.yaml", studies);
    for (name, mode) in [("images", "ReadOnlyMany"), ("results", "ReadWriteOnce")] {
        namespace.apply(&json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": name},
            "spec": {"accessModes": [mode], "storageClassName": "local-path", "resources": {"requests": {"storage": "1Gi"}}}}));
    }
    let found = refused(namespace, kit, &[]);
    let missing = format!("there is no claim `labels` in namespace `{}`", namespace.name);
    let only_read = "the study `a` writes to the claim `images`, which can only be read (ReadOnlyMany)";
    assert_eq!(faults(&found), [(only_read, 5), (missing.as_str(), 6)], "{found}");
    for error in found["errors"].as_array().unwrap() {
        assert!(error["location"]["file"].as_str().unwrap().ends_with("/local/study_runtime.yaml"), "{error}");
    }
    let claim = |name: &str, mode: &str, state: &str| json!({"name": name, "studies": ["a"], "mode": mode, "state": state, "created": false});
    let claims = json!([claim("images", "rw", "Pending"), claim("labels", "ro", "missing"), claim("results", "rw", "Pending")]);
    assert_eq!(found["data"]["claims"], claims, "{found}");
    // The one that fits stays; the others are made.
    succeed(namespace.kubectl().args(["delete", "pvc", "images"]));
    let made = succeed_json(&mut study_data(namespace, kit, &["--create", "1Gi"]));
    let created = made["data"]["claims"].as_array().unwrap().iter().map(|claim| claim["created"].as_bool().unwrap());
    assert_eq!(created.collect::<Vec<_>>(), [true, true, false], "{made}");
}

/// The Role that the README of flare-pvc-stage lists.
const ROLE: Rules<'_> = &[("", "persistentvolumeclaims", &["get", "create", "patch"])];

#[test]
fn study_data_needs_the_documented_role_and_names_each_verb_that_is_missing() {
    let (namespace, sandbox) = (&Namespace::open("study-data-role"), Sandbox::new());
    let kit = &prepared(namespace, &sandbox);
    let user = LimitedUser::new(namespace, "checker", &sandbox);
    let arguments = ["--kubeconfig", user.kubeconfig.to_str().unwrap(), "--create", "1Gi"];
    for missing in ROLE[0].2 {
        user.grant(ROLE, Some(("persistentvolumeclaims", missing)));
        let expected = format!("may not {missing} `persistentvolumeclaims` in namespace");
        let refusal = || refused(namespace, kit, &arguments);
        let named = |refusal: &Value| {
            refusal["errors"].to_string().contains(&expected) && refusal["errors"].as_array().unwrap().len() == 1
        };
        // The API server applies a role with a delay.
        wait(Duration::from_secs(20), || format!("{expected}: {}", refusal()), || named(&refusal()).then_some(()));
        assert_eq!(refusal()["exit_code"], 5);
    }
    assert_eq!(there(namespace), "", "nothing was made");
    user.grant(ROLE, None);
    let done = || attempt(&mut study_data(namespace, kit, &arguments), &[]);
    let document = wait(Duration::from_mins(1), || format!("{:?}", done()), || done().ok());
    assert!(document.contains("storage class may not be read"), "{document}");
}

//! `reprovision` without a cluster: what is refused before anything is changed, and what a dry run shows.

use std::fs;

use integration_tests::{
    command::{Finished, Sandbox},
    helm::helm,
    kit::Tree,
    workspace_directory,
};
use serde_json::{Value, json};

const PROGRAM: &str = env!("CARGO_BIN_EXE_flare-kube-under-test");
const CONFIG: &str = "runtime: k8s\nparent: {docker_image: 'registry.example.com/nvflare/nvflare:2.8.3'}\n";

/// A sandbox with a kit, prepared as `out`, and no cluster.
fn prepared() -> Sandbox {
    let sandbox = Sandbox::new();
    Tree::read(&workspace_directory().join("fixtures/kits/plain-2.8.3/site-1")).write(&sandbox.join("kit"));
    fs::write(sandbox.join("k8s.yaml"), CONFIG).unwrap();
    let _ = sandbox.run(PROGRAM, ["prepare", "kit", "--config", "k8s.yaml", "--output", "out"]).expect_code(0);
    sandbox
}

fn change(sandbox: &Sandbox, from: &str, to: &str) {
    assert!(CONFIG.contains(from));
    fs::write(sandbox.join("k8s.yaml"), CONFIG.replace(from, to)).unwrap();
}

fn run(sandbox: &Sandbox, line: &str) -> Finished {
    let mut command = sandbox.command(PROGRAM);
    command.args(["reprovision", "kit", "--config", "k8s.yaml", "-o", "json"]).args(line.split_whitespace()).env("HELM", helm());
    Finished::new(&command.output().unwrap(), sandbox.path())
}

/// The names in the sandbox.
fn names(sandbox: &Sandbox) -> Vec<String> {
    let entries = fs::read_dir(sandbox.path()).unwrap();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// The run is refused, with these words in message or hint, and changes nothing.
fn refused(sandbox: &Sandbox, line: &str, code: &str, words: &str) -> Value {
    let before = (names(sandbox), Tree::read(&sandbox.join("kit")));
    let answer = run(sandbox, line).expect_code(4).json();
    assert_eq!(answer["error_code"], code, "{answer}");
    let said = format!("{} {}", answer["message"], answer["hint"]);
    assert!(said.contains(words), "`{words}` is not in {said}");
    assert_eq!((names(sandbox), Tree::read(&sandbox.join("kit"))), before);
    answer
}

#[test]
fn what_cannot_be_reprovisioned_is_refused_before_anything_is_changed() {
    let sandbox = prepared();
    let whole = Tree::read(&sandbox.join("out"));
    // The kit was never prepared there.
    refused(&sandbox, "", "INVALID_ARGS", "--output");
    refused(&sandbox, "--output kit/startup/out", "INVALID_ARGS", "startup");
    change(&sandbox, "runtime: k8s\n", "runtime: k8s\nnamespace: elsewhere\n");
    refused(&sandbox, "--output out", "INVALID_ARGS", "the namespace would change from `default` to `elsewhere`");
    refused(&sandbox, "--output out --dry-run", "INVALID_ARGS", "namespace");
    change(&sandbox, "runtime", "runtyme");
    refused(&sandbox, "--output out", "INVALID_CONFIG", "runtime");
    change(&sandbox, "nvflare:2.8.3", "nvflare:2.8.4");
    fs::write(sandbox.join("taken.tar"), "mine").unwrap();
    refused(&sandbox, "--output out --backup taken.tar", "INVALID_ARGS", "already");
    refused(&sandbox, "--output out --backup kit/local/b.tar", "INVALID_ARGS", "would be in the startup kit");
    assert_eq!(fs::read_to_string(sandbox.join("taken.tar")).unwrap(), "mine");
    assert_eq!(Tree::read(&sandbox.join("out")), whole);
    // Edits would be lost.
    fs::write(sandbox.join("out/local/privacy.json"), "{}").unwrap();
    refused(&sandbox, "--output out", "INVALID_ARGS", "privacy.json");
    let _ = run(&sandbox, "--output out --discard-changes --dry-run").expect_code(0);
}

#[test]
fn a_kit_that_cannot_work_is_refused_while_the_earlier_one_stands() {
    let sandbox = prepared();
    fs::copy(sandbox.join("kit/startup/client.crt"), sandbox.join("kit/startup/client.key")).unwrap();
    let answer = run(&sandbox, "--output out").json();
    assert_eq!(answer["status"], "error", "{answer}");
    assert!(answer["message"].as_str().unwrap().contains("client.key"), "{answer}");
    assert!(!names(&sandbox).iter().any(|name| name.starts_with("out-")), "{:?}", names(&sandbox));
}

#[test]
fn without_a_cluster_the_prepared_kit_stays() {
    let sandbox = prepared();
    change(&sandbox, "nvflare:2.8.3", "nvflare:2.8.4");
    let whole = Tree::read(&sandbox.join("out"));
    let answer = refused(&sandbox, "--output out", "KUBECONFIG_INVALID", "kubeconfig");
    assert_eq!(answer["data"]["steps"]["backup"], "failed", "{answer}");
    for step in ["prepare", "stage", "install", "verify"] {
        assert_eq!(answer["data"]["steps"][step], "not_begun", "{answer}");
    }
    assert_eq!(Tree::read(&sandbox.join("out")), whole);
}

/// What a run leaves that was interrupted after it had replaced the prepared kit; returns its note.
fn interrupted(sandbox: &Sandbox) -> Value {
    /// Of the text of its backup.
    const SHA256: &str = "d81c55f49c5bb0d36bc11e3966ec4efab66f8dfefbbc1761161ca9d230e5466a";
    let marker: Value = serde_json::from_slice(&fs::read(sandbox.join("out/.flare-kube.json")).unwrap()).unwrap();
    Tree::read(&sandbox.join("out")).write(&sandbox.join("out-earlier/prepared"));
    change(sandbox, "nvflare:2.8.3", "nvflare:2.8.4");
    let _ = sandbox.run(PROGRAM, ["prepare", "kit", "--config", "k8s.yaml", "--output", "out"]).expect_code(0);
    let file = sandbox.join("out-backup.tar");
    fs::write(&file, "saved").unwrap();
    let backup = json!({"file": file, "files": 1, "bytes": 5, "sha256": SHA256, "namespace": "default",
        "claim": "nvflws"});
    let note = json!({"fingerprint": marker["fingerprint"], "backup": backup, "revision": 1, "ended": false});
    fs::write(sandbox.join("out-earlier/run.json"), note.to_string()).unwrap();
    note
}

#[test]
fn an_interrupted_run_is_still_gone_on_with_after_one_that_failed_before_it_came_to_anything() {
    let sandbox = prepared();
    let note = interrupted(&sandbox);
    let kept = Tree::read(&sandbox.join("out-earlier/prepared"));
    for _ in 0..2 {
        let answer = refused(&sandbox, "--output out", "KUBECONFIG_INVALID", "kubeconfig");
        assert_eq!(
            answer["data"]["fingerprint"]["before"], note["fingerprint"],
            "the kept kit is the one to go back to: {answer}"
        );
        assert_eq!(answer["data"]["back"], Value::Null, "{answer}");
        assert!(answer["warnings"].to_string().contains("the interrupted run"), "{answer}");
        let found: Value = serde_json::from_slice(&fs::read(sandbox.join("out-earlier/run.json")).unwrap()).unwrap();
        assert_eq!(found, note);
    }
    assert_eq!(Tree::read(&sandbox.join("out-earlier/prepared")), kept);
}

#[test]
fn a_dry_run_shows_what_would_change_in_the_prepared_kit_and_changes_nothing() {
    let sandbox = prepared();
    change(&sandbox, "nvflare:2.8.3", "nvflare:2.8.4");
    let before = (names(&sandbox), Tree::read(&sandbox.join("out")));
    let answer = run(&sandbox, "--output out --dry-run --backup b.tar").expect_code(0).json();
    let data = &answer["data"];
    assert_eq!((&data["dry_run"], &data["steps"]["prepare"]), (&Value::Bool(true), &Value::from("done")), "{answer}");
    let changed: Vec<_> = data["changes"].as_array().unwrap().iter().map(|change| change["path"].as_str().unwrap()).collect();
    assert!(changed.contains(&"helm_chart/values.yaml"), "{changed:?}");
    assert!(!changed.iter().any(|path| path.starts_with("startup/")), "{changed:?}");
    assert_ne!(data["fingerprint"]["before"], Value::Null, "{answer}");
    let mut text = sandbox.command(PROGRAM);
    text.args(["reprovision", "kit", "--config", "k8s.yaml", "--output", "out", "--dry-run"]);
    let text = Finished::new(&text.output().unwrap(), sandbox.path()).expect_code(0);
    assert!(text.stdout.contains("2.8.4") && text.stdout.contains("nothing was changed"), "{}", text.stdout);
    assert_eq!((names(&sandbox), Tree::read(&sandbox.join("out"))), before);
}

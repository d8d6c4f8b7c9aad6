//! Each participant of a federation has its own cluster: `up`, `status` and `down` look for it there alone, and so does Helm. With real users
//! and their rights: `tests/cluster/federation_users.rs`.

use std::{fs, os::unix::fs::PermissionsExt as _};

use integration_tests::{command::Sandbox, demo_federation, pod_cluster::PodCluster};
use serde_json::{Value, json};

const PROGRAM: &str = env!("CARGO_BIN_EXE_flare-kube-under-test");

const NAMES: [&str; 3] = ["nvflare-server", "site-1", "site-2"];
/// The context of each of them.
const CONTEXTS: [&str; 3] = ["c", "one", "two"];
const CLAIMS: [&str; 3] = ["nvflws-server", "nvflws-site-1", "nvflws-site-2"];
const BELOW: &str = "/api/v1/namespaces/flare-demo/persistentvolumeclaims";

/// Knows no release, and notes what it is asked.
const HELM: &str = r#"#!/bin/sh
echo "$@" >> "$(dirname "$0")/said"
case "$1" in
version) echo v3.20.0 ;;
history | list) echo '[]' ;;
*) exit 1 ;;
esac
"#;

/// The demo federation in three clusters, each with the claim of its participant. The server has a kubeconfig of its own, `site-1` a context of
/// another one, `site-2` a context of that which the command line names. Its current context leads nowhere.
fn scene() -> (Sandbox, [PodCluster; 3]) {
    let (sandbox, clusters) = (demo_federation::sandbox(), [(); 3].map(|()| PodCluster::start()));
    let mut text = fs::read_to_string(sandbox.join("federation.yaml")).unwrap();
    let keys = ["kubeconfig: own-0", "kubeconfig: shared, context: one", "context: two"];
    for (name, keys) in NAMES.into_iter().zip(keys) {
        let entry = format!("{{name: {name},");
        assert!(text.contains(&entry), "no `{entry}` in\n{text}");
        text = text.replace(&entry, &format!("{entry} {keys},"));
    }
    fs::write(sandbox.join("federation.yaml"), text).unwrap();
    let mut shared = json!({"apiVersion": "v1", "kind": "Config", "current-context": "nowhere", "users": [{"name": "u", "user": {"token": "t"}}],
        "clusters": [{"name": "nowhere", "cluster": {"server": "http://127.0.0.1:1"}}],
        "contexts": [{"name": "nowhere", "context": {"cluster": "nowhere", "user": "u"}}]});
    for (number, cluster) in clusters.iter().enumerate() {
        let own = cluster.kubeconfig(&sandbox.join(format!("own-{number}")));
        let own: Value = serde_json::from_str(&fs::read_to_string(own).unwrap()).unwrap();
        let name = CONTEXTS[number];
        let context = json!({"name": name, "context": {"cluster": name, "user": "u"}});
        shared["clusters"].as_array_mut().unwrap().push(json!({"name": name, "cluster": own["clusters"][0]["cluster"]}));
        shared["contexts"].as_array_mut().unwrap().push(context);
        let claim = CLAIMS[number];
        cluster.make(&format!("{BELOW}/{claim}"), json!({"metadata": {"name": claim, "namespace": "flare-demo"}}));
    }
    fs::write(sandbox.join("shared"), shared.to_string()).unwrap();
    fs::write(sandbox.join("helm"), HELM).unwrap();
    fs::set_permissions(sandbox.join("helm"), fs::Permissions::from_mode(0o755)).unwrap();
    (sandbox, clusters)
}

#[test]
fn defect_15_a_cluster_that_is_named_in_two_ways_is_seen_to_be_one_before_anything_is_sent() {
    let (sandbox, clusters) = scene();
    let edit = |from: &str, to: &str| {
        let text = fs::read_to_string(sandbox.join("federation.yaml")).unwrap();
        assert!(text.contains(from), "no `{from}` in\n{text}");
        fs::write(sandbox.join("federation.yaml"), text.replace(from, to)).unwrap();
    };
    let run = |verb: &str| {
        let shared = sandbox.join("shared");
        let place = format!("--federation federation.yaml --prepared out --kubeconfig {}", shared.display());
        sandbox.run(PROGRAM, format!("{verb} {place} --timeout 60 -o json").split_whitespace())
    };
    // One claim in two clusters is right: only Helm is missing.
    edit("claim: nvflws-site-2", "claim: nvflws-site-1");
    let apart = run("up --helm /nowhere/helm").expect_code(5).json();
    assert_eq!(apart["error_code"], "HELM_NOT_FOUND", "{apart}");
    let before: Vec<_> = clusters.iter().map(|cluster| cluster.count("")).collect();
    // The cluster of `site-1`, whose context is in another file.
    edit("context: two", "kubeconfig: own-1");
    for verb in ["up --helm ./helm", "up --helm ./helm --dry-run", "stage"] {
        let refused = run(verb).expect_code(4).json();
        assert_eq!(refused["error_code"], "INVALID_FEDERATION", "{verb}: {refused}");
        let message = refused["message"].as_str().unwrap();
        assert!(message.starts_with("`site-1` and `site-2` share the claim `nvflws-site-1`"), "{message}");
        assert!(refused["hint"].as_str().unwrap().ends_with("their kubeconfigs and contexts lead to one cluster"), "{refused}");
        assert!(refused["location"]["file"].as_str().unwrap().ends_with("federation.yaml"), "{refused}");
    }
    let after: Vec<_> = clusters.iter().map(|cluster| cluster.count("")).collect();
    let of_identity = clusters[1].count("GET /api/v1/namespaces/kube-system");
    assert_eq!((after[0], after[2]), (before[0], before[2]), "clusters at other addresses are not asked");
    assert_eq!(of_identity, 6, "each verb asks by both names");
    assert_eq!(after[1] - before[1], 2 * of_identity, "besides that, only for the version");
}

/// How often each cluster was asked for each claim.
fn asked(clusters: &[PodCluster; 3]) -> [[usize; 3]; 3] {
    clusters.each_ref().map(|cluster| CLAIMS.map(|claim| cluster.count(&format!("GET {BELOW}/{claim}"))))
}

#[test]
fn each_verb_looks_for_a_participant_in_its_own_cluster_alone() {
    let (sandbox, clusters) = scene();
    let run = |verb: &str, flags: &str| {
        let shared = sandbox.join("shared");
        let place = format!("--federation federation.yaml --prepared out --kubeconfig {}", shared.display());
        let line = format!("{verb} {place} --timeout 60 -o json {flags}");
        sandbox.run(PROGRAM, line.split_whitespace())
    };
    // Prepares the kits.
    let _ = run("up", "--helm /nowhere/helm").expect_code(5);
    for (verb, flags, code) in [("up", "--dry-run --helm ./helm", 0), ("status", "", 1), ("down", "--dry-run --helm ./helm", 0)] {
        let before = asked(&clusters);
        let answer = run(verb, flags).expect_code(code).json();
        let participants = answer["data"]["participants"].as_array().unwrap();
        assert_eq!(participants.len(), 3, "{answer}");
        assert!(participants.iter().all(|one| one["errors"].as_array().is_none_or(Vec::is_empty)), "{verb}: {answer}");
        let after = asked(&clusters);
        for (cluster, claim) in (0..3).flat_map(|cluster| (0..3).map(move |claim| (cluster, claim))) {
            let is_asked = after[cluster][claim] > before[cluster][claim];
            assert_eq!(is_asked, cluster == claim, "{verb}: {} in the cluster of {}", NAMES[claim], NAMES[cluster]);
        }
    }
    let said = fs::read_to_string(sandbox.join("said")).unwrap();
    for ((name, context), kubeconfig) in NAMES.into_iter().zip(CONTEXTS).zip(["own-0", "shared", "shared"]) {
        let of_release: Vec<_> = said.lines().filter(|line| line.starts_with(&format!("history {name} "))).collect();
        let place = format!("--kube-context {context}");
        assert!(!of_release.is_empty(), "{said}");
        assert!(of_release.iter().all(|line| line.ends_with(&place) && line.contains(&format!("/{kubeconfig} "))), "{said}");
    }
}

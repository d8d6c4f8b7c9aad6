//! Deployments, with and without pods.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::objects::Objects;
use crate::rollout::{ObservedParent, RolloutStatus, judge};

#[test]
fn a_container_that_runs_and_is_ready_counts() {
    let RolloutStatus::Running(running) = Objects::running().judge() else { panic!("it runs") };
    assert_eq!((running.pod.as_str(), running.node.as_str(), running.restarts), ("site-1-b-x", "node-1", 0));
    let mut not_ready = Objects::running();
    not_ready.pods[0]["status"]["conditions"][0]["status"] = json!("False");
    assert_eq!(not_ready.event("p", "Unhealthy", 3, "connection refused").waiting().0, "D81");
}

#[test]
fn an_earlier_template_does_not_count() {
    let mut unseen = Objects::running();
    unseen.deployment["metadata"]["generation"] = json!(3);
    assert_eq!(unseen.waiting().0, "D80");
    let mut no_set = Objects::running();
    no_set.deployment["metadata"]["annotations"]["deployment.kubernetes.io/revision"] = json!("3");
    assert_eq!(no_set.waiting().0, "D80");
    let mut ending = Objects::running();
    ending.pods[0]["metadata"]["deletionTimestamp"] = json!("2026-11-28T12:00:00Z");
    assert!(ending.waiting().1.contains("former pod"));
    let mut two = Objects::running();
    let mut former = two.pods[0].clone();
    former["metadata"]["uid"] = json!("q");
    former["metadata"]["deletionTimestamp"] = json!("2026-11-28T12:00:00Z");
    two.pods.push(former.clone());
    assert!(two.waiting().1.contains("former pod"));
    former["status"]["phase"] = json!("Failed");
    two.pods[1] = former;
    assert!(matches!(two.judge(), RolloutStatus::Running(_)), "a record of an eviction is not a pod");
    let mut stranger = Objects::running();
    stranger.pods[0]["metadata"]["ownerReferences"][0]["uid"] = json!("another");
    assert!(stranger.waiting().1.contains("has no pod yet"));
}

#[test]
fn a_deployment_that_makes_no_pod_is_told_from_one_that_will() {
    let mut scaled = Objects::running();
    scaled.deployment["spec"]["replicas"] = json!(0);
    assert_eq!(scaled.hopeless().0, "D80");
    let mut paused = Objects::running();
    paused.deployment["spec"]["paused"] = json!(true);
    assert!(paused.hopeless().1.contains("paused"));
    for (mut objects, command) in [(scaled, "scale deployment site-1 --replicas=1"), (paused, "rollout resume deployment/site-1")]
    {
        objects.deployment["metadata"]["namespace"] = json!("fl");
        let RolloutStatus::Hopeless { finding, .. } = objects.judge() else { panic!("it makes no pod") };
        assert!(
            finding.hint.as_ref().is_some_and(|hint| hint.ends_with(&format!("`kubectl {command} --namespace fl`"))),
            "{finding:?}"
        );
    }
    let nothing: ObservedParent<'_> = ObservedParent {
        name: "site-1",
        deployment: None,
        replica_sets: &[],
        pods: &[],
        events: &[],
        claims: &[],
        missing: &[],
        log: "",
        now: Timestamp::UNIX_EPOCH,
    };
    assert!(matches!(judge(&nothing), RolloutStatus::Hopeless { finding, .. } if finding.id == "D80"));
}

#[test]
fn what_the_api_server_refuses_is_named_by_its_cause() {
    let refused = |message: &str| {
        let mut objects = Objects::running();
        objects.pods.clear();
        objects.replica_set["status"] = json!({"replicas": 0, "conditions": [
            {"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": message}]});
        objects
    };
    let forbidden = |what: &str| format!("pods \"site-1-b-\" is forbidden: {what}");
    for (id, what) in [
        ("D21", "violates PodSecurity \"restricted:latest\": allowPrivilegeEscalation != false"),
        ("D23", "exceeded quota: team, requested: requests.memory=8Gi, used: requests.memory=0, limited: requests.memory=4Gi"),
        ("D23", "failed quota: team: must specify limits.memory for: site-1"),
        ("D24", "maximum memory usage per Container is 1Gi, but limit is 8Gi"),
        ("D22", "error looking up service account fl/site-1: serviceaccount \"site-1\" not found"),
        ("D22", "something that nobody knows yet"),
    ] {
        let (found, _, after) = refused(&forbidden(what)).hopeless();
        assert!(found == id && after <= 3, "{found} after {after} s: {what}");
    }
    assert_eq!(refused("Internal error occurred: failed calling webhook \"w\": timeout").waiting().0, "D22");
    assert_eq!(refused("").waiting().0, "D22");
}

#[test]
fn objects_without_any_field_are_no_reason_to_panic() {
    let mut objects = Objects::running();
    objects.pods[0]["spec"] = Value::Null;
    objects.pods[0]["status"] = Value::Null;
    assert!(matches!(objects.judge(), RolloutStatus::Waiting(_)));
    objects.deployment = json!({"metadata": {}});
    assert!(matches!(objects.judge(), RolloutStatus::Waiting(_)));
}

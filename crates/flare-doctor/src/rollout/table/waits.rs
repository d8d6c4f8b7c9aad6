//! What a pod names, its volumes, and the room on nodes.

use serde_json::{Value, json};

use super::objects::Objects;
use crate::rollout::{Reference, ReferenceKind, RolloutStatus};

#[test]
fn what_the_pod_names_must_be_there() {
    let cases = [(ReferenceKind::Secret, "D51"), (ReferenceKind::ConfigMap, "D51"), (ReferenceKind::Claim, "D31")];
    for (kind, id) in cases {
        let mut objects = Objects::with_container("Pending", &json!({"state": {"waiting": {"reason": "ContainerCreating"}}}));
        objects.missing = vec![Reference { kind, name: "x".into() }];
        let (found, message, after) = objects.hopeless();
        assert!(found == id && message.contains("`x`") && after == 3, "{found} {message} {after}");
    }
    let config =
        json!({"state": {"waiting": {"reason": "CreateContainerConfigError", "message": "couldn't find key a in Secret"}}});
    assert_eq!(Objects::with_container("Pending", &config).hopeless().0, "D81");
    for passing in
        ["services have not yet been read at least once, cannot construct envvars", "failed to sync secret cache: timed out"]
    {
        let config = json!({"state": {"waiting": {"reason": "CreateContainerConfigError", "message": passing}}});
        assert_eq!(Objects::with_container("Pending", &config).waiting().0, "D81", "{passing}");
    }
}

#[test]
fn a_claim_without_a_volume_waits_or_never_gets_one() {
    let with_claim = |claim: &Value| {
        let condition = json!({"type": "PodScheduled", "status": "False", "reason": "Unschedulable",
            "message": "0/1 nodes are available: pod has unbound immediate PersistentVolumeClaims."});
        let mut objects = Objects::with_pod(&json!({"phase": "Pending", "conditions": [condition]}));
        objects.pods[0]["spec"]["nodeName"] = Value::Null;
        let mut claim = claim.clone();
        claim["metadata"] = json!({"name": "nvflws", "uid": "c"});
        objects.claims.push(claim);
        objects
    };
    let pending = json!({"phase": "Pending"});
    let first_consumer = with_claim(&json!({"spec": {"storageClassName": "local"}, "status": pending}));
    assert_eq!(first_consumer.waiting().0, "D31");
    let failing = first_consumer.clone().event("c", "ProvisioningFailed", 2, "storageclass \"fast\" not found");
    assert_eq!((failing.hopeless().0, failing.hopeless().2), ("D31", 0));
    let mut mended = failing.clone();
    mended.pods[0]["metadata"]["creationTimestamp"] = json!("2026-11-28T12:00:06Z");
    assert_eq!(mended.waiting().0, "D31", "what an earlier pod met says nothing");
    let passing = "failed to provision volume: rpc error: code = DeadlineExceeded desc = context deadline exceeded";
    assert_eq!(first_consumer.clone().event("c", "ProvisioningFailed", 9, passing).waiting().0, "D31");
    let mut once = first_consumer.event("c", "ProvisioningFailed", 1, "busy");
    assert_eq!(once.waiting().0, "D31");
    once.missing = vec![Reference { kind: ReferenceKind::StorageClass, name: "local".into() }];
    let (id, message, after) = once.hopeless();
    assert!(id == "D31" && message.contains("no storage class `local`") && after == 3, "{id} {message} {after}");
    once.missing[0].name = "of another claim".into();
    assert_eq!(once.waiting().0, "D31");
    let no_class = with_claim(&json!({"spec": {}, "status": pending}));
    assert!(no_class.hopeless().1.contains("no default one"));
    let mut annotated = no_class;
    annotated.claims[0]["metadata"]["annotations"] = json!({"volume.beta.kubernetes.io/storage-class": "local"});
    assert_eq!(annotated.waiting().0, "D31", "the class stands where Kubernetes still reads it");
    let lost = with_claim(&json!({"spec": {}, "status": {"phase": "Lost"}}));
    assert!(lost.hopeless().1.contains("lost"));
    let mut ending = lost;
    ending.claims[0]["metadata"]["deletionTimestamp"] = json!("2026-11-28T12:00:01Z");
    assert!(ending.hopeless().1.contains("is being deleted"));
}

#[test]
fn a_wait_for_a_volume_names_the_pod_that_uses_it() {
    let condition = json!({"type": "PodScheduled", "status": "False", "reason": "Unschedulable",
        "message": "0/1 nodes are available: 1 node has pod using PersistentVolumeClaim with the same name and ReadWriteOncePod access mode."});
    let mut objects = Objects::with_pod(&json!({"phase": "Pending", "conditions": [condition]}));
    objects.pods[0]["spec"]["nodeName"] = Value::Null;
    objects
        .claims
        .push(json!({"metadata": {"name": "nvflws"}, "spec": {"storageClassName": "local"}, "status": {"phase": "Bound"}}));
    let user = |name: &str, phase: &str| {
        json!({"metadata": {"name": name, "uid": name}, "status": {"phase": phase}, "spec": {"containers": [],
            "volumes": [{"name": "w", "persistentVolumeClaim": {"claimName": "nvflws"}}]}})
    };
    objects.pods.extend([user("holder", "Running"), user("ended", "Succeeded")]);
    let RolloutStatus::Waiting(finding) = objects.judge() else { panic!("it may end") };
    assert_eq!(
        (finding.id, finding.evidence.last().map(String::as_str)),
        ("D31", Some("the claim `nvflws` is used by the pod `holder`"))
    );
}

#[test]
fn room_may_come() {
    let condition = json!({"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/1 nodes: 1 Insufficient memory."});
    let mut objects = Objects::with_pod(&json!({"phase": "Pending", "conditions": [condition]}));
    objects.pods[0]["spec"]["nodeName"] = Value::Null;
    assert_eq!(objects.waiting().0, "D61");
}

//! The objects of an observation.

use jiff::Timestamp;
use k8s_openapi::api::{
    apps::v1::{Deployment, ReplicaSet},
    core::v1::{Event, PersistentVolumeClaim, Pod},
};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::super::{ObservedParent, Reference, RolloutStatus, judge};

/// The objects of an observation, as JSON.
#[derive(Debug, Clone)]
pub(super) struct Objects {
    pub(super) deployment: Value,
    pub(super) replica_set: Value,
    pub(super) pods: Vec<Value>,
    pub(super) events: Vec<Value>,
    pub(super) claims: Vec<Value>,
    pub(super) missing: Vec<Reference>,
    pub(super) log: &'static str,
}

fn read<T: DeserializeOwned>(value: &Value) -> T {
    serde_json::from_value(value.clone()).unwrap_or_else(|error| panic!("{error}: {value}"))
}

fn all<T: DeserializeOwned>(values: &[Value]) -> Vec<T> {
    values.iter().map(read).collect()
}

impl Objects {
    /// A Deployment whose pod has this status.
    pub(super) fn with_pod(status: &Value) -> Self {
        let container = json!({"name": "site-1", "image": "registry.example.com/nvflare/nvflare:2.8.3"});
        let spec = json!({"containers": [container]});
        let template = json!({"metadata": {}, "spec": spec});
        let owned = |uid: &str| json!([{"apiVersion": "apps/v1", "kind": "x", "name": "x", "uid": uid, "controller": true}]);
        Self {
            deployment: json!({
                "metadata": {"name": "site-1", "uid": "d", "generation": 2, "annotations": {"deployment.kubernetes.io/revision": "2"}},
                "spec": {"replicas": 1, "selector": {}, "template": template}, "status": {"observedGeneration": 2},
            }),
            replica_set: json!({
                "metadata": {"name": "site-1-b", "uid": "r", "ownerReferences": owned("d"),
                    "annotations": {"deployment.kubernetes.io/revision": "2"}},
                "spec": {"selector": {}}, "status": {"replicas": 1},
            }),
            pods: vec![json!({
                "metadata": {"name": "site-1-b-x", "uid": "p", "ownerReferences": owned("r"), "creationTimestamp": "2026-11-28T12:00:00Z"},
                "spec": {"nodeName": "node-1", "containers": [container]}, "status": status,
            })],
            events: vec![],
            claims: vec![],
            missing: vec![],
            log: "",
        }
    }

    pub(super) fn with_container(phase: &str, container: &Value) -> Self {
        let mut status = container.clone();
        for (key, value) in [("name", json!("site-1")), ("ready", json!(false)), ("image", json!("i")), ("imageID", json!(""))] {
            status[key] = value;
        }
        if status["restartCount"].is_null() {
            status["restartCount"] = json!(0);
        }
        let ready = if container["ready"] == json!(true) { "True" } else { "False" };
        Self::with_pod(&json!({"phase": phase, "containerStatuses": [status], "conditions": [{"type": "Ready", "status": ready},
            {"type": "PodScheduled", "status": "True"}]}))
    }

    pub(super) fn running() -> Self {
        Self::with_container("Running", &json!({"ready": true, "state": {"running": {}}}))
    }

    pub(super) fn event(mut self, uid: &str, reason: &str, count: i32, message: &str) -> Self {
        self.events
            .push(json!({"metadata": {}, "involvedObject": {"uid": uid}, "reason": reason, "count": count, "type": "Warning",
            "message": message, "lastTimestamp": "2026-11-28T12:00:05Z"}));
        self
    }

    pub(super) fn judge(&self) -> RolloutStatus {
        let now: Timestamp = "2026-11-28T12:00:10Z".parse().unwrap();
        let deployment: Option<Deployment> = Some(read(&self.deployment)).filter(|_: &Deployment| !self.deployment.is_null());
        let (sets, pods): (Vec<ReplicaSet>, Vec<Pod>) = (vec![read(&self.replica_set)], all(&self.pods));
        let (events, claims): (Vec<Event>, Vec<PersistentVolumeClaim>) = (all(&self.events), all(&self.claims));
        judge(&ObservedParent {
            name: "site-1",
            deployment: deployment.as_ref(),
            replica_sets: &sets,
            pods: &pods,
            events: &events,
            claims: &claims,
            missing: &self.missing,
            log: self.log,
            now,
        })
    }

    /// The id and the message of a hopeless state, and how many seconds it must last.
    pub(super) fn hopeless(&self) -> (&'static str, String, u64) {
        match self.judge() {
            RolloutStatus::Hopeless { finding, after } => {
                let hint = finding.hint.as_deref().unwrap_or_default();
                assert!(!hint.is_empty(), "{finding:?}");
                // The pod that was judged mounts the claim, and `stage` refuses a claim in use.
                assert!(!hint.contains("--create-pvc") || hint.contains("--restart"), "{finding:?}");
                (finding.id, finding.message, after.as_secs())
            }
            other => panic!("not hopeless: {other:?}"),
        }
    }

    pub(super) fn waiting(&self) -> (&'static str, String) {
        match self.judge() {
            RolloutStatus::Waiting(finding) => (finding.id, finding.message),
            other => panic!("not a wait: {other:?}"),
        }
    }
}

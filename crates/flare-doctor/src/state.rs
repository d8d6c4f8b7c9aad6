//! The current state of a participant, without waiting and without findings.

use flare_cluster::{
    Cluster, Selection,
    pod_state::{condition, phase, waiting},
};
use flare_diagnostic::Diagnostic;
use flare_names::labels::{self, KIT_FINGERPRINT};
use flare_pod_launch::{JobPodMatcher, job_container};
use flare_prepared_kit::PreparedKit;
use flare_pvc_stage::noted_kit;
use k8s_openapi::{
    api::{
        apps::v1::Deployment,
        core::v1::{ContainerStatus, PersistentVolumeClaim, Pod},
    },
    apimachinery::pkg::apis::meta::v1::ObjectMeta,
};
use serde::Serialize;

use crate::{
    Proven,
    joining::{self, LogSource},
    registered::{Joined, LogReader},
    rollout::parent_container,
};

/// The current state of a participant. Serialized as `state` of a row of `status`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ParticipantState {
    /// The participant.
    pub participant: String,
    /// `server` or `client`.
    pub role: &'static str,
    /// Its namespace.
    pub namespace: String,
    /// Its Deployment, if it exists.
    pub deployment: Option<DeploymentState>,
    /// The pods of its parent: one, or more during a rollout.
    pub pods: Vec<PodState>,
    /// The fingerprints of the kit.
    pub kit: KitState,
    /// Whether it has joined; `None` if that is unknown.
    pub joined: Option<bool>,
    /// Why it has not joined, according to its log.
    pub reason: Option<String>,
    /// The pods of its jobs.
    pub jobs: Vec<PodState>,
}

/// A Deployment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DeploymentState {
    /// Its name.
    pub name: String,
    /// The wanted number of pods.
    pub desired: i32,
    /// The number of available pods.
    pub available: i32,
}

/// A pod.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PodState {
    /// Its name.
    pub name: String,
    /// The container of the parent or of the job.
    pub container: String,
    /// The status of `kubectl get pods`: a container's reason if it has one, otherwise the phase.
    pub status: String,
    /// Whether it is ready.
    pub ready: bool,
    /// The number of restarts of its containers.
    pub restarts: i32,
    /// Its creation time, RFC 3339.
    pub created: Option<String>,
    /// Its node.
    pub node: Option<String>,
}

/// The fingerprints of the kit in three places. If they are equal, nothing is left to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct KitState {
    /// Of the prepared kit.
    pub prepared: String,
    /// Of the kit that `stage` put onto the workspace claim; `None` without one, or if the kit is staged as objects.
    pub staged: Option<String>,
    /// Of the kit with which the parent was started.
    pub running: Option<String>,
}

/// Reads the state once.
///
/// # Errors
/// Missing permissions, and the errors of flare-cluster. A claim that the user may not read is unknown.
pub async fn look(cluster: &Cluster, kit: &PreparedKit) -> Result<ParticipantState, Diagnostic> {
    let plan = kit.plan();
    let namespace = plan.namespace.as_str();
    let participant = JobPodMatcher::new(plan.role, &plan.site, &plan.names);
    let deployment = cluster.namespaced::<Deployment>(namespace).find(plan.names.deployment.as_str()).await?;
    let all = cluster.namespaced::<Pod>(namespace).list(&Selection::default()).await?;
    let claim = cluster.namespaced::<PersistentVolumeClaim>(namespace).find(plan.workspace.claim.as_str()).await;
    let name = plan.names.deployment.as_str();
    let parents: Vec<_> = parents(&all, name).collect();
    let newest = parents.first().copied();
    let (joined, reason) = match newest {
        Some(pod) => {
            let (state, proven) = (parent_state(pod, name), deployment.as_ref().and_then(Proven::read));
            joined(cluster, kit, &state, proven.is_some_and(|proven| proven.is_of_pod(pod, &state.container))).await
        }
        None => (Some(false), None),
    };
    Ok(ParticipantState {
        participant: plan.participant.clone(),
        role: plan.role.as_str(),
        namespace: namespace.to_owned(),
        deployment: deployment.as_ref().map(deployment_state),
        pods: parents.iter().map(|pod| parent_state(pod, name)).collect(),
        kit: KitState {
            prepared: kit.fingerprint().to_string(),
            staged: staged(kit, claim.ok().flatten().as_ref()),
            running: newest.and_then(|pod| annotation(&pod.metadata, KIT_FINGERPRINT)),
        },
        joined,
        reason,
        jobs: all.iter().filter(|pod| participant.runs(pod)).map(|pod| pod_state(pod, job_container(pod))).collect(),
    })
}

/// The fingerprint that `stage` noted on the workspace claim. What an earlier staging noted there says nothing about a kit that is staged as
/// objects, which its parent mounts over the volume.
fn staged(kit: &PreparedKit, claim: Option<&PersistentVolumeClaim>) -> Option<String> {
    let is_as_objects = kit.staged_record().ok().flatten().is_some();
    claim.filter(|_| !is_as_objects).and_then(noted_kit).map(|noted| noted.fingerprint)
}

/// The pods of a Deployment, the newest first, those being deleted last.
fn parents<'pods>(all: &'pods [Pod], deployment: &str) -> impl Iterator<Item = &'pods Pod> + use<'pods> {
    let is_parent =
        |pod: &&Pod| labels::carries(pod.metadata.labels.as_ref(), &[(labels::NAME, deployment)]) && is_controlled(pod);
    let mut found: Vec<_> = all.iter().filter(is_parent).collect();
    found.sort_by_key(|pod| {
        (pod.metadata.deletion_timestamp.is_none(), pod.metadata.creation_timestamp.as_ref().map(|time| time.0))
    });
    found.into_iter().rev()
}

fn is_controlled(pod: &Pod) -> bool {
    pod.metadata.owner_references.as_ref().is_some_and(|owners| owners.iter().any(|owner| owner.kind == "ReplicaSet"))
}

fn annotation(metadata: &ObjectMeta, key: &str) -> Option<String> {
    metadata.annotations.as_ref()?.get(key).cloned()
}

fn deployment_state(deployment: &Deployment) -> DeploymentState {
    DeploymentState {
        name: deployment.metadata.name.clone().unwrap_or_default(),
        desired: deployment.spec.as_ref().and_then(|spec| spec.replicas).unwrap_or(1),
        available: deployment.status.as_ref().and_then(|status| status.available_replicas).unwrap_or(0),
    }
}

fn parent_state(pod: &Pod, deployment: &str) -> PodState {
    pod_state(pod, parent_container(pod.spec.as_ref(), deployment).to_owned())
}

fn pod_state(pod: &Pod, container: String) -> PodState {
    let status = pod.status.as_ref();
    let statuses = status.and_then(|status| status.container_statuses.as_deref()).unwrap_or_default();
    let shown = || statuses.iter().find_map(reason).or(phase(pod)).unwrap_or("Unknown");
    let shown = if pod.metadata.deletion_timestamp.is_some() { "Terminating" } else { shown() };
    let spec = pod.spec.as_ref();
    PodState {
        name: pod.metadata.name.clone().unwrap_or_default(),
        container,
        status: shown.to_owned(),
        ready: condition(pod, "Ready", "True").is_some(),
        restarts: statuses.iter().map(|status| status.restart_count).sum(),
        created: pod.metadata.creation_timestamp.as_ref().map(|time| time.0.to_string()),
        node: spec.and_then(|spec| spec.node_name.clone()),
    }
}

fn reason(status: &ContainerStatus) -> Option<&str> {
    let ended = || status.state.as_ref()?.terminated.as_ref()?.reason.as_deref();
    waiting(status).map(|(reason, _)| reason).or_else(ended)
}

/// Whether the parent has joined, according to its log and, if `is_known`, to what was noted of it; unknown if the log cannot be read.
async fn joined(cluster: &Cluster, kit: &PreparedKit, pod: &PodState, is_known: bool) -> (Option<bool>, Option<String>) {
    let plan = kit.plan();
    let start = LogReader::new(plan.role, &plan.site).of_known(is_known);
    let source = LogSource { namespace: plan.namespace.as_str(), pod: &pod.name, container: &pod.container };
    if pod.status != "Running" {
        return (Some(false), None);
    }
    let look = joining::look(cluster, source, &start, None).await;
    match (&look.unread, look.joined()) {
        (Some(fault), _) => (None, Some(fault.message.clone())),
        (None, Joined::Yes) => (Some(true), None),
        (None, Joined::Lost(cause) | Joined::No(Some(cause))) => (Some(false), Some(cause.message.to_owned())),
        (None, Joined::No(None)) => (Some(false), None),
    }
}

#[cfg(test)]
mod tests {
    use flare_file_tree::{FileTree, RelativePath};
    use flare_names::labels::KIT_OWNER;
    use flare_prepared_kit::FingerprintedKit;
    use serde_json::json;

    use super::*;

    #[test]
    fn an_earlier_staging_on_the_volume_says_nothing_about_a_kit_that_is_staged_as_objects() {
        let annotations = json!({KIT_OWNER: "{}", KIT_FINGERPRINT: "earlier"});
        let claim: PersistentVolumeClaim = serde_json::from_value(json!({"metadata": {"annotations": annotations}})).unwrap();
        let kit = |values: &str| {
            let plan = serde_json::from_str(include_str!("../../flare-helm-chart/tests/plans/client-2.8.json")).unwrap();
            let mut chart = FileTree::new();
            chart.insert_file(RelativePath::literal("values.yaml"), values, 0o644);
            PreparedKit::assemble(plan, FingerprintedKit::new(FileTree::new()).unwrap(), chart).unwrap()
        };
        assert_eq!(staged(&kit("{}\n"), Some(&claim)).as_deref(), Some("earlier"));
        let objects = "workspaceConfig: {local: {configMapName: a}, startup: {secretName: b}}\n";
        assert_eq!(staged(&kit(objects), Some(&claim)), None);
        assert_eq!(staged(&kit("{}\n"), None), None);
    }

    fn pod(name: &str, label: &str, owner: Option<&str>, created: &str) -> Pod {
        let owners: Vec<_> =
            owner.into_iter().map(|kind| json!({"apiVersion": "apps/v1", "kind": kind, "name": "x", "uid": "u"})).collect();
        serde_json::from_value(
            json!({"metadata": {"name": name, "labels": {"app.kubernetes.io/name": label}, "ownerReferences": owners,
            "creationTimestamp": created}, "spec": {"containers": [{"name": "c"}]}}),
        )
        .expect("a pod")
    }

    #[test]
    fn the_newest_parent_comes_first_and_those_of_others_are_left_out() {
        let set = Some("ReplicaSet");
        let mut ending = pod("site-1-c", "site-1", set, "2026-11-28T13:00:00Z");
        ending.metadata.deletion_timestamp.clone_from(&ending.metadata.creation_timestamp);
        let all = [
            pod("site-1-a", "site-1", set, "2026-11-28T11:00:00Z"),
            pod("site-1-b", "site-1", set, "2026-11-28T12:00:00Z"),
            ending,
            pod("site-10-a", "site-10", set, "2026-11-28T12:00:00Z"),
            pod("j1-site-1", "", None, "2026-11-28T12:00:00Z"),
            pod("x-site-1", "other", set, "2026-11-28T12:00:00Z"),
        ];
        let names = |pods: Vec<&Pod>| pods.iter().filter_map(|pod| pod.metadata.name.clone()).collect::<Vec<_>>();
        assert_eq!(names(parents(&all, "site-1").collect()), ["site-1-b", "site-1-a", "site-1-c"]);
    }

    #[test]
    fn a_pod_shows_the_reason_that_says_most() {
        let mut one = pod("a", "a", None, "2026-11-28T12:00:00Z");
        let state = |status: serde_json::Value| PodState {
            ..parent_state(&Pod { status: serde_json::from_value(status).ok(), ..one.clone() }, "a")
        };
        assert_eq!(state(json!({"phase": "Running"})).status, "Running");
        let status = |state: serde_json::Value| {
            json!({"phase": "Pending", "containerStatuses": [{"name": "c", "ready": false,
            "image": "i", "imageID": "", "restartCount": 2, "state": state}]})
        };
        let waiting = state(status(json!({"waiting": {"reason": "ImagePullBackOff"}})));
        assert_eq!((waiting.status.as_str(), waiting.restarts, waiting.ready), ("ImagePullBackOff", 2, false));
        assert_eq!(state(status(json!({"terminated": {"reason": "OOMKilled", "exitCode": 137}}))).status, "OOMKilled");
        one.metadata.deletion_timestamp.clone_from(&one.metadata.creation_timestamp);
        assert_eq!(parent_state(&one, "a").status, "Terminating");
    }

    #[test]
    fn a_container_that_is_injected_first_is_neither_the_parents_nor_the_jobs() {
        let with = |names: &[&str]| {
            let mut pod = pod("a", "a", None, "2026-11-28T12:00:00Z");
            let containers: Vec<_> = names.iter().map(|name| json!({"name": name})).collect();
            pod.spec = serde_json::from_value(json!({"containers": containers})).ok();
            pod
        };
        let parent = |names: &[&str]| parent_state(&with(names), "site-1").container;
        assert_eq!(parent(&["proxy", "site-1"]), "site-1");
        assert_eq!(parent(&["renamed", "proxy"]), "renamed", "a chart of somebody else");
        assert_eq!(job_container(&with(&["proxy", "container-j1"])), "container-j1");
    }
}

//! A pod whose container has not run yet, or runs but is not ready.

use std::{iter::once, time::Duration};

use flare_cluster::{
    claim_state::{self, ClaimPhase},
    events, pod_state,
    start_fault::{StartFault, start_fault},
};
use flare_pod_launch as launch;
use k8s_openapi::api::core::v1::{Event, PersistentVolumeClaim, Pod};

use super::{
    current::Current,
    look::{ObservedParent, RolloutStatus, RunningParent},
    pull,
    reference::ReferenceKind,
};
use crate::Finding;

pub(super) fn judge(look: &ObservedParent<'_>, current: &Current<'_>, pod: &Pod) -> RolloutStatus {
    if let Some(verdict) = missing(look).or_else(|| claims(look, pod)) {
        return verdict;
    }
    if let Some(message) = image_trouble(current, pod) {
        return pull::judge(look, pod, current.container(), image(current, pod), message);
    }
    let events: Vec<Event> = events::about(look.events, pod.metadata.uid.as_deref()).cloned().collect();
    match of_pod(look, current, pod, &events) {
        launch::Verdict::Running => running(look, current, pod, &events),
        launch::Verdict::Waiting { class, reason, message, .. } => waiting(look, pod, class, &reason, &message),
        launch::Verdict::NotStarted { reason, message, .. } => RolloutStatus::hopeless(not_started(&reason, &message)),
        // The container has exited and is about to be restarted; `crash` has reported what is known.
        launch::Verdict::Failed { reason, message, .. } => RolloutStatus::Waiting(
            Finding::error("D81", format!("the parent's pod ended: {reason}"), LOOK_AT_POD).evidence(once(message)),
        ),
        launch::Verdict::Succeeded => {
            RolloutStatus::Waiting(Finding::error("D81", "the parent's pod has ended by itself", LOOK_AT_POD))
        }
    }
}

/// The kubelet's message if the parent's container waits for its image, for the first time or before a restart.
fn image_trouble<'pod>(current: &Current<'_>, pod: &'pod Pod) -> Option<&'pod str> {
    let (reason, message) = pod_state::waiting(current.status(pod)?)?;
    pod_state::is_failed_pull(reason).then_some(message)
}

/// What one can do about a missing workspace claim. The parent's pod names the claim, so it has to be scaled down meanwhile.
pub(crate) const STAGE_ON_A_NEW_CLAIM: &str = "make it and put the kit there: `stage --create-pvc 10Gi --restart`";

const LOOK_AT_POD: &str = "look at the pod and its events: `kubectl describe pod`";

/// Applies the rules of job pods for pods that do not start; only the time limits differ, which `wait` decides here.
fn of_pod(look: &ObservedParent<'_>, current: &Current<'_>, pod: &Pod, events: &[Event]) -> launch::Verdict {
    let situation = launch::Situation {
        answer: launch::PodAnswer::Pod(pod),
        events,
        container: waiting_container(pod, current.container()),
        waited: Duration::ZERO,
        in_state: Duration::ZERO,
        now: look.now,
        memory: launch::Memory::Pending,
    };
    let limits = launch::Limits { pull_attempts: i32::MAX, ..launch::Limits::with_pending(None) };
    launch::classify(&situation, &limits)
}

/// The container that keeps the pod Pending: the parent's own, or if that runs one that was injected beside it.
fn waiting_container<'pod>(pod: &'pod Pod, own: &'pod str) -> &'pod str {
    let status = pod.status.as_ref().filter(|_| pod_state::phase(pod) == Some("Pending"));
    let statuses = status.and_then(|status| status.container_statuses.as_deref()).unwrap_or_default();
    let waits = |name: &&str| {
        let state = statuses.iter().find(|status| status.name == **name).and_then(|status| status.state.as_ref());
        state.is_some_and(|state| state.waiting.is_some())
    };
    Some(own).filter(waits).or_else(|| statuses.iter().map(|status| status.name.as_str()).find(waits)).unwrap_or(own)
}

/// The verdict about missing objects that the pod names, except pull Secrets, without which an image may be pulled too, and classes, without
/// which a claim may find a volume.
fn missing(look: &ObservedParent<'_>) -> Option<RolloutStatus> {
    let keeps = |kind| !matches!(kind, ReferenceKind::PullSecret | ReferenceKind::StorageClass);
    let missing = look.missing.iter().find(|missing| keeps(missing.kind))?;
    let name = &missing.name;
    let finding = match missing.kind {
        ReferenceKind::Claim => {
            Finding::error("D31", format!("the claim `{name}`, which the parent mounts, is not there"), STAGE_ON_A_NEW_CLAIM)
        }
        ReferenceKind::ConfigMap => Finding::error(
            "D51",
            format!("the ConfigMap `{name}`, which the parent's pod names, is not there"),
            "stage the kit again (`stage --mode objects`), or create what the values name",
        ),
        ReferenceKind::Secret | ReferenceKind::PullSecret | ReferenceKind::StorageClass => Finding::error(
            "D51",
            format!("the Secret `{name}`, which the parent's pod names, is not there"),
            "stage the kit again (`stage --mode objects`), or create what the values name",
        ),
    };
    Some(RolloutStatus::hopeless_soon(finding))
}

fn claims(look: &ObservedParent<'_>, pod: &Pod) -> Option<RolloutStatus> {
    look.claims.iter().find_map(|claim| of_claim(look, pod, claim))
}

/// The verdict about a claim that no pod can ever mount; one that waits for its first pod is fine.
fn of_claim(look: &ObservedParent<'_>, pod: &Pod, claim: &PersistentVolumeClaim) -> Option<RolloutStatus> {
    let name = claim.metadata.name.as_deref().unwrap_or_default();
    if claim.metadata.deletion_timestamp.is_some() {
        let hint = "wait until it is gone, make it anew with `stage --create-pvc 10Gi --restart`; pods that still use it keep it";
        return Some(RolloutStatus::hopeless_soon(Finding::error("D31", format!("the claim `{name}` is being deleted"), hint)));
    }
    match claim_state::phase(claim) {
        ClaimPhase::Lost => {
            let hint = "delete the claim, make it anew with `stage --create-pvc 10Gi --restart`, then put its data back with \
                        `restore --restart`";
            Some(RolloutStatus::hopeless(Finding::error("D31", format!("the claim `{name}` has lost its volume"), hint)))
        }
        ClaimPhase::Pending if claim_state::volume_name(claim).is_none() => {
            if let Some(class) = missing_class(look, claim) {
                let message =
                    format!("the cluster cannot make a volume for the claim `{name}`: there is no storage class `{class}`");
                let hint = "delete the claim and create it with a class of `kubectl get storageclasses` \
                            (`stage --create-pvc 10Gi --storage-class CLASS --restart`)";
                return Some(RolloutStatus::hopeless_soon(Finding::error("D31", message, hint)));
            }
            let about = events::about(look.events, claim.metadata.uid.as_deref());
            let attempts: Vec<_> = claim_state::failed_attempts(about).filter(|event| is_since(event, pod)).collect();
            if claim_state::is_hopeless(attempts.iter().copied()) {
                let hint = "delete the claim and create it with another storage class, access mode or size \
                            (`stage --create-pvc 10Gi --restart`)";
                let finding = Finding::error("D31", format!("the cluster cannot make a volume for the claim `{name}`"), hint);
                let lasting = attempts.into_iter().filter(|attempt| !claim_state::passes(attempt));
                return Some(RolloutStatus::hopeless(finding.evidence(lasting.map(events::message))));
            }
            if claim_state::storage_class(claim).is_none() {
                let message = format!(
                    "the claim `{name}` names no storage class, and the cluster has no default one: nobody makes its volume"
                );
                let hint = "delete the claim and create it with `stage --create-pvc 10Gi --storage-class CLASS --restart`, or have \
                            a default class set";
                return Some(RolloutStatus::hopeless_soon(Finding::error("D31", message, hint)));
            }
            None
        }
        ClaimPhase::Pending | ClaimPhase::Bound => None,
    }
}

/// The class that a claim names, if it is known not to exist.
fn missing_class<'api>(look: &ObservedParent<'_>, claim: &'api PersistentVolumeClaim) -> Option<&'api str> {
    let is_missing =
        |class: &&str| look.missing.iter().any(|missing| missing.kind == ReferenceKind::StorageClass && missing.name == **class);
    claim_state::storage_class(claim).filter(is_missing)
}

/// Whether an event was last seen since the pod was created: what an earlier pod met may have been mended. One without a time counts.
fn is_since(event: &Event, pod: &Pod) -> bool {
    let created = pod.metadata.creation_timestamp.as_ref().map(|time| time.0);
    events::time(event).zip(created).is_none_or(|(last, created)| last >= created)
}

fn waiting(look: &ObservedParent<'_>, pod: &Pod, class: launch::Class, reason: &str, message: &str) -> RolloutStatus {
    let name = look.name;
    let (id, what, hint) = match (class, reason) {
        // The kubelet's reason for unusable references of a pod, including a Secret that is created late.
        (_, "CreateContainerConfigError") if start_fault(message) != Some(StartFault::Passing) => {
            let hint = "correct what the text names in the chart's values, or create it";
            let finding = Finding::error("D81", format!("the container of `{name}` cannot be made from its settings"), hint);
            return RolloutStatus::hopeless_soon(finding.evidence(once(message)));
        }
        (launch::Class::Capacity, _) => {
            ("D61", "no node has room for it, or none fits", "free or add a node, or lower `parent.resources` in k8s.yaml")
        }
        (_, "FailedAttachVolume" | "FailedMount" | "FailedMapVolume") => {
            ("D31", "its volumes cannot be mounted yet", "see which pod or node still holds the volume")
        }
        (_, "Unschedulable" | "FailedScheduling") => {
            ("D31", "its volume keeps it from every node", "see the claim and its storage class: `kubectl describe pvc`")
        }
        _ => ("D81", "it does not run yet", LOOK_AT_POD),
    };
    let finding = Finding::error(id, format!("the pod of `{name}` waits ({reason}): {what}"), hint).evidence(once(message));
    RolloutStatus::Waiting(if id == "D31" { finding.evidence(holders(look, pod)) } else { finding })
}

/// Other pods that use the pod's claims: some volumes can be used by only one pod or node.
fn holders(look: &ObservedParent<'_>, pod: &Pod) -> Vec<String> {
    let others = || look.pods.iter().filter(|other| other.metadata.uid != pod.metadata.uid && !pod_state::has_ended(other));
    let of_claim = |claim: &PersistentVolumeClaim| {
        let name = claim.metadata.name.clone().unwrap_or_default();
        let users =
            others().filter(|other| pod_state::mounts_claim(other, &name)).filter_map(|other| other.metadata.name.as_ref());
        users.map(|user| format!("the claim `{name}` is used by the pod `{user}`")).collect::<Vec<_>>()
    };
    look.claims.iter().flat_map(of_claim).collect()
}

fn not_started(reason: &str, message: &str) -> Finding {
    let (id, what, hint) = match reason {
        "InvalidImageName" => {
            ("D50", "the image's name is not valid", "correct `docker_image` in k8s.yaml, and prepare and install again")
        }
        "ErrImageNeverPull" => (
            "D52",
            "the node does not have the image and may not pull it",
            "set `image.pullPolicy` of the values to `IfNotPresent`",
        ),
        "StartError" | "ContainerCannotRun" => {
            ("D53", "the image does not run the parent's command", "set `parent.python_path` in k8s.yaml to the image's Python")
        }
        _ => ("D81", "the parent's pod cannot start", LOOK_AT_POD),
    };
    Finding::error(id, format!("{what} ({reason})"), hint).evidence(once(message))
}

fn image<'pod>(current: &Current<'_>, pod: &'pod Pod) -> &'pod str {
    let containers = pod.spec.as_ref().map(|spec| spec.containers.as_slice()).unwrap_or_default();
    let own = containers.iter().find(|container| container.name == current.container());
    own.and_then(|container| container.image.as_deref()).unwrap_or_default()
}

fn running(look: &ObservedParent<'_>, current: &Current<'_>, pod: &Pod, events: &[Event]) -> RolloutStatus {
    let name = look.name;
    if pod_state::condition(pod, "Ready", "True").is_none() {
        let unhealthy = events.iter().filter(|event| events::reason(event) == "Unhealthy");
        let finding =
            Finding::error("D81", format!("the parent `{name}` runs and is not ready yet"), "see its log for what it waits for");
        return RolloutStatus::Waiting(finding.evidence(unhealthy.filter_map(|event| event.message.as_deref())));
    }
    if current.others > 0 {
        let hint = "see why that pod does not end: `kubectl describe pod`";
        return RolloutStatus::Waiting(Finding::error("D80", format!("a former pod of `{name}` has not ended yet"), hint));
    }
    let status = current.status(pod);
    RolloutStatus::Running(RunningParent {
        pod: pod.metadata.name.clone().unwrap_or_default(),
        uid: pod.metadata.uid.clone().unwrap_or_default(),
        container: current.container().to_owned(),
        node: pod.spec.as_ref().and_then(|spec| spec.node_name.clone()).unwrap_or_default(),
        restarts: status.map_or(0, |status| status.restart_count),
    })
}

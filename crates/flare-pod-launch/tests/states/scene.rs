//! Observations of a job's pod, and what the state machine makes of them as lines.

use std::time::Duration;

use flare_pod_launch::{End, Lifecycle, Limits, Moment, Notice, Observation, PodLookup};
use jiff::SignedDuration;
use k8s_openapi::api::core::v1::{Event, Pod};
use serde_json::{Value, json};

pub(crate) const CONTAINER: &str = "container-j1";
pub(crate) const UID: &str = "u1";

pub(crate) fn at(seconds: u64) -> Moment {
    let start: jiff::Timestamp = "2026-11-28T12:00:00Z".parse().unwrap();
    let now = start + SignedDuration::from_secs(i64::try_from(seconds).unwrap());
    Moment { elapsed: Duration::from_secs(seconds), wall: now, cluster: now }
}

pub(crate) fn pod_with(uid: &str, phase: &str, state: &Value, deleting: bool) -> Observation {
    let mut pod = json!({"metadata": {"name": "j1", "uid": uid}, "spec": {"containers": [], "nodeName": "n1"}, "status": {"phase": phase,
        "conditions": [{"type": "PodScheduled", "status": "True"}],
        "containerStatuses": [{"name": CONTAINER, "image": "i", "imageID": "", "ready": false, "restartCount": 0, "state": state}]}});
    if deleting {
        pod["metadata"]["deletionTimestamp"] = "2026-11-28T12:00:30Z".into();
    }
    Observation::Seen(Box::new(serde_json::from_value::<Pod>(pod).unwrap()))
}

pub(crate) fn pending() -> Observation {
    pod_with(UID, "Pending", &json!({"waiting": {"reason": "ContainerCreating"}}), false)
}

/// A pod for which no node has room.
pub(crate) fn unschedulable() -> Observation {
    let pod = json!({"metadata": {"name": "j1", "uid": UID}, "spec": {"containers": []}, "status": {"phase": "Pending",
        "conditions": [{"type": "PodScheduled", "status": "False", "reason": "Unschedulable",
            "message": "0/1 nodes are available: 1 Insufficient cpu."}]}});
    Observation::Seen(Box::new(serde_json::from_value::<Pod>(pod).unwrap()))
}

pub(crate) fn running() -> Observation {
    pod_with(UID, "Running", &json!({"running": {}}), false)
}

pub(crate) fn ended(code: i32) -> Observation {
    let phase = if code == 0 { "Succeeded" } else { "Failed" };
    pod_with(UID, phase, &json!({"terminated": {"exitCode": code, "reason": "Error"}}), false)
}

pub(crate) fn warning(reason: &str) -> Observation {
    let event = json!({"metadata": {"name": reason}, "involvedObject": {"uid": UID}, "type": "Warning", "reason": reason, "message": "why"});
    Observation::Happened(Box::new(serde_json::from_value::<Event>(event).unwrap()))
}

/// The answer to a look that finds what an observation shows.
pub(crate) fn found(seen: Observation) -> Observation {
    let Observation::Seen(pod) = seen else { panic!("{seen:?} shows no pod") };
    Observation::Looked(PodLookup::Found(pod))
}

pub(crate) fn limits() -> Limits {
    Limits { pending: Duration::from_mins(1), ..Limits::default() }
}

pub(crate) fn life(keep: bool) -> Lifecycle {
    Lifecycle::new(CONTAINER, limits(), keep, at(0))
}

/// A notice as one line.
pub(crate) fn line(notice: &Notice) -> String {
    match notice {
        Notice::Changed(to) => to.to_string(),
        Notice::Uid(uid) => format!("uid {uid}"),
        Notice::Ended(End { state, return_code, exit_code, reason, .. }) => {
            format!("end {} {return_code} {exit_code:?} {reason}", state.as_str())
        }
        Notice::Kept(evidence) => format!("kept {} events, {} lines", evidence.events.len(), evidence.log.len()),
        Notice::Settled(settlement) => format!("settled {settlement:?}"),
    }
}

/// Feeds observations at the given seconds, and returns the notices and actions.
pub(crate) fn play(life: &mut Lifecycle, script: Vec<(u64, Observation)>) -> Vec<String> {
    let mut lines = Vec::new();
    for (second, observation) in script {
        let step = life.step(observation, at(second));
        lines.extend(step.notices.iter().map(|notice| format!("{second}: {}", line(notice))));
        lines.extend(step.actions.iter().map(|action| format!("{second}: {action:?}")));
    }
    lines
}

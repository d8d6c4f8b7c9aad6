//! Why a pending pod does not run, and how long to wait for it.

use std::time::Duration;

use flare_cluster::{
    events,
    pod_state::{self, condition},
};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::{Event, Pod};

use crate::{Class, Limits, Situation, Verdict, decision::Decision};

/// The age from which an event says nothing about the present.
const RECENT: Duration = Duration::from_mins(1);

pub(crate) fn of(pod: &Pod, situation: &Situation<'_>, limits: &Limits) -> Decision {
    if !is_scheduled(pod) {
        return unscheduled(pod, situation, limits);
    }
    // A pod that waited long for its node has as much time on it as any other.
    let scheduled = scheduled_at(pod).min(situation.waited).min(limits.longest_scheduling());
    let until = scheduled.saturating_add(limits.starting());
    if let Some((reason, message)) = waiting_container(pod) {
        return container(reason, message, situation, limits, until);
    }
    match trouble(situation.events, situation.now) {
        Some(event) => Decision::wait(until, Class::Transient, events::reason(event), events::message(event)),
        None => Decision::wait(until, Class::Transient, "ContainerCreating", "the node prepares the containers"),
    }
}

fn is_scheduled(pod: &Pod) -> bool {
    let named = pod.spec.as_ref().and_then(|spec| spec.node_name.as_deref()).is_some_and(|node| !node.is_empty());
    named || condition(pod, "PodScheduled", "True").is_some()
}

/// How long after its creation the pod got its node; zero if that is unknown. Both times are of the cluster, whatever the local clock says.
fn scheduled_at(pod: &Pod) -> Duration {
    let created = pod.metadata.creation_timestamp.as_ref();
    let scheduled = condition(pod, "PodScheduled", "True");
    match (created, scheduled.and_then(|condition| condition.last_transition_time.as_ref())) {
        (Some(created), Some(scheduled)) => Duration::try_from(scheduled.0.duration_since(created.0)).unwrap_or_default(),
        _ => Duration::ZERO,
    }
}

/// The decision of an unscheduled pod: no room and no fitting node are capacity; everything else is transient. An autoscaler that adds a
/// node for the pod gets time for that, except where a claim has no volume, which no node brings.
fn unscheduled(pod: &Pod, situation: &Situation<'_>, limits: &Limits) -> Decision {
    let (reason, message) = match condition(pod, "PodScheduled", "False") {
        Some(condition) => {
            (condition.reason.as_deref().unwrap_or("Unschedulable"), condition.message.as_deref().unwrap_or_default())
        }
        None => match newest_warning(situation.events, &["FailedScheduling"]) {
            Some(event) => ("FailedScheduling", events::message(event)),
            None => ("NotScheduled", "no scheduler has looked at the pod yet"),
        },
    };
    let obstacle = match reason {
        "NotScheduled" | "SchedulingGated" | "SchedulerError" => Obstacle::NoVolume,
        _ => obstacle(message),
    };
    let (class, limit) = match obstacle {
        Obstacle::Room => (Class::Capacity, limits.pending),
        Obstacle::NoVolume | Obstacle::VolumeElsewhere => (Class::Transient, limits.unexplained()),
    };
    let brings_a_node = obstacle != Obstacle::NoVolume && brings_a_node(situation.events) == Some(true);
    Decision::wait(if brings_a_node { limit.saturating_add(limits.scale_up) } else { limit }, class, reason, message)
}

/// What keeps a pod from every node.
#[derive(PartialEq, Eq)]
enum Obstacle {
    /// Room, or what the pod requires of a node, on at least some nodes.
    Room,
    /// Its volume is where no node is.
    VolumeElsewhere,
    /// A claim has no volume, or no scheduler decides about the pod: no node changes that.
    NoVolume,
}

/// The obstacle in a scheduler's message, such as `0/6 nodes are available: 2 Insufficient cpu, 4 node(s) had volume node affinity conflict.
/// preemption: …`. The scheduler has one reason for everything, so only its message distinguishes them.
fn obstacle(message: &str) -> Obstacle {
    const NO_VOLUME: [&str; 4] = ["persistentvolumeclaim", "PersistentVolumeClaim", "persistent volumes to bind", "pvc(s)"];
    let sentence = message.split(". ").next().unwrap_or_default();
    let causes = sentence.split_once("nodes are available: ").map_or(sentence, |(_, causes)| causes);
    let is_volume = |cause: &str| NO_VOLUME.iter().any(|words| cause.contains(words));
    let is_elsewhere = |cause: &str| cause.contains("volume node affinity");
    if causes.split(", ").any(|cause| !is_volume(cause) && !is_elsewhere(cause)) {
        Obstacle::Room
    } else if causes.split(", ").any(is_elsewhere) {
        Obstacle::VolumeElsewhere
    } else {
        Obstacle::NoVolume
    }
}

/// The first container that waits for more than others to start, init containers first; a hopeless one before all.
fn waiting_container(pod: &Pod) -> Option<(&str, &str)> {
    pod_state::container_statuses(pod)
        .filter_map(pod_state::waiting)
        .filter(|(reason, _)| !matches!(*reason, "ContainerCreating" | "PodInitializing"))
        .min_by_key(|(reason, _)| !pod_state::is_permanent(reason))
}

fn container(reason: &str, message: &str, situation: &Situation<'_>, limits: &Limits, until: Duration) -> Decision {
    if pod_state::is_permanent(reason) {
        return Decision::Now(Verdict::not_started(Class::Hopeless, reason, message));
    }
    if pod_state::is_failed_pull(reason) && events::failed_pulls(situation.events) >= limits.pull_attempts {
        return Decision::Now(Verdict::not_started(Class::Transient, reason, message));
    }
    Decision::wait(until, Class::Transient, reason, message)
}

/// What an autoscaler reported last: true if it adds a node, false if no node that it may add would fit.
fn brings_a_node(events: &[Event]) -> Option<bool> {
    let of_autoscalers = ["TriggeredScaleUp", "Nominated", "NotTriggerScaleUp"];
    let event = events::newest(events.iter().filter(|event| of_autoscalers.contains(&events::reason(event))))?;
    Some(events::reason(event) != "NotTriggerScaleUp")
}

/// The newest warning of the last minute about why a scheduled pod does not start.
fn trouble(events: &[Event], now: Timestamp) -> Option<&Event> {
    const REASONS: [&str; 10] = [
        "BackOff",
        "Failed",
        "FailedAttachVolume",
        "FailedCreatePodSandBox",
        "FailedMount",
        "FailedSync",
        "InspectFailed",
        "NetworkNotReady",
        "FailedMapVolume",
        "FailedPrepareDynamicResources",
    ];
    newest_warning(events, &REASONS).filter(|event| is_recent(event, now))
}

fn newest_warning<'event>(events: &'event [Event], reasons: &[&str]) -> Option<&'event Event> {
    events::newest(events.iter().filter(|event| events::is_warning(event) && reasons.contains(&events::reason(event))))
}

/// Whether an event is of the last minute, by the cluster's clock.
fn is_recent(event: &Event, now: Timestamp) -> bool {
    events::time(event).is_some_and(|time| now.duration_since(time) < jiff::SignedDuration::try_from(RECENT).unwrap_or_default())
}

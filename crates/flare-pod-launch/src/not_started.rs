//! Why a pending pod does not run, and how long to wait for it.

use std::{collections::HashMap, time::Duration};

use k8s_openapi::api::core::v1::{Event, Pod, PodCondition};

use crate::{Class, Limits, Situation, Verdict, events, outlook::Outlook};

pub(crate) fn of(pod: &Pod, situation: &Situation<'_>, limits: &Limits) -> Outlook {
    if !is_scheduled(pod) {
        return unscheduled(pod, situation, limits);
    }
    // A pod that waited long for its node has as much time on it as any other.
    let scheduled = scheduled_at(pod).min(situation.waited).min(limits.longest_scheduling());
    let until = scheduled.saturating_add(limits.starting());
    if let Some((reason, message)) = waiting_container(pod) {
        return container(reason, message, situation, limits, until);
    }
    match events::trouble(situation.events, situation.now) {
        Some(event) => {
            Outlook::wait(until, Class::Transient, event.reason.as_deref().unwrap_or_default(), events::message(event))
        }
        None => Outlook::wait(until, Class::Transient, "ContainerCreating", "the node prepares the containers"),
    }
}

fn condition<'pod>(pod: &'pod Pod, kind: &str) -> Option<&'pod PodCondition> {
    pod.status.as_ref()?.conditions.as_ref()?.iter().find(|condition| condition.type_ == kind)
}

fn is_scheduled(pod: &Pod) -> bool {
    let named = pod.spec.as_ref().and_then(|spec| spec.node_name.as_deref()).is_some_and(|node| !node.is_empty());
    named || condition(pod, "PodScheduled").is_some_and(|condition| condition.status == "True")
}

/// How long after its creation the pod got its node; zero if that is unknown. Both times are of the cluster, whatever the local clock says.
fn scheduled_at(pod: &Pod) -> Duration {
    let created = pod.metadata.creation_timestamp.as_ref();
    let scheduled = condition(pod, "PodScheduled").filter(|condition| condition.status == "True");
    match (created, scheduled.and_then(|condition| condition.last_transition_time.as_ref())) {
        (Some(created), Some(scheduled)) => Duration::try_from(scheduled.0.duration_since(created.0)).unwrap_or_default(),
        _ => Duration::ZERO,
    }
}

/// The outlook of an unscheduled pod: no room and no fitting node are capacity; everything else is transient. An autoscaler that adds a
/// node for the pod gets time for that, except where a claim has no volume, which no node brings.
fn unscheduled(pod: &Pod, situation: &Situation<'_>, limits: &Limits) -> Outlook {
    let (reason, message) = match condition(pod, "PodScheduled").filter(|condition| condition.status == "False") {
        Some(condition) => {
            (condition.reason.as_deref().unwrap_or("Unschedulable"), condition.message.as_deref().unwrap_or_default())
        }
        None => match events::newest(situation.events, |reason, warning| warning && reason == "FailedScheduling") {
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
    let brings_a_node = obstacle != Obstacle::NoVolume && events::brings_a_node(situation.events) == Some(true);
    Outlook::wait(if brings_a_node { limit.saturating_add(limits.scale_up) } else { limit }, class, reason, message)
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
    let status = pod.status.as_ref()?;
    let statuses = status.init_container_statuses.iter().flatten().chain(status.container_statuses.iter().flatten());
    statuses
        .filter_map(|status| {
            let waiting = status.state.as_ref()?.waiting.as_ref()?;
            Some((waiting.reason.as_deref()?, waiting.message.as_deref().unwrap_or_default()))
        })
        .filter(|(reason, _)| !matches!(*reason, "ContainerCreating" | "PodInitializing"))
        .min_by_key(|(reason, _)| !is_hopeless(reason))
}

/// Whether a container's reason for waiting is permanent for this pod.
fn is_hopeless(reason: &str) -> bool {
    matches!(reason, "InvalidImageName" | "ErrImageNeverPull")
}

fn container(reason: &str, message: &str, situation: &Situation<'_>, limits: &Limits, until: Duration) -> Outlook {
    if is_hopeless(reason) {
        return Outlook::Now(Verdict::not_started(Class::Hopeless, reason, message));
    }
    if matches!(reason, "ErrImagePull" | "ImagePullBackOff") && pull_attempts(situation.events) >= limits.pull_attempts {
        return Outlook::Now(Verdict::not_started(Class::Transient, reason, message));
    }
    Outlook::wait(until, Class::Transient, reason, message)
}

/// How often the kubelet failed to pull the image of one container. It reports with the same reason that the container still waits in its
/// back-off, and several errors of one image as several events.
fn pull_attempts(events: &[Event]) -> i32 {
    let mut of_container = HashMap::new();
    for event in events.iter().filter(|event| event.reason.as_deref() == Some("Failed")) {
        let message = events::message(event);
        let message = message.strip_prefix("(combined from similar events): ").unwrap_or(message);
        if message.starts_with("Failed to pull image") {
            let attempts: &mut i32 = of_container.entry(event.involved_object.field_path.as_deref()).or_default();
            *attempts = attempts.saturating_add(events::count(event));
        }
    }
    of_container.into_values().max().unwrap_or(0)
}

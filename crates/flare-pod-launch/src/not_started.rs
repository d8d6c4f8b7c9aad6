//! Why a pending pod does not run, and how long to wait for it.

use std::time::Duration;

use k8s_openapi::api::core::v1::{Event, Pod, PodCondition};

use crate::{Class, Limits, Situation, Verdict, events};

pub(crate) fn of(pod: &Pod, situation: &Situation<'_>, limits: &Limits) -> Verdict {
    if !is_scheduled(pod) {
        return unscheduled(pod, situation, limits);
    }
    if let Some((reason, message)) = waiting_container(pod) {
        return container(reason, message, situation, limits);
    }
    match events::trouble(situation.events, situation.now) {
        Some(event) => trouble(event, situation, limits),
        None => wait(situation, limits.pending, Class::Transient, "ContainerCreating", "the node prepares the containers"),
    }
}

/// A wait until a limit since the request, or its end.
pub(crate) fn wait(situation: &Situation<'_>, until: Duration, class: Class, reason: &str, message: &str) -> Verdict {
    if situation.waited < until {
        Verdict::waiting(until, class, reason, message)
    } else {
        Verdict::not_started(class, reason, message)
    }
}

fn condition<'pod>(pod: &'pod Pod, kind: &str) -> Option<&'pod PodCondition> {
    pod.status.as_ref()?.conditions.as_ref()?.iter().find(|condition| condition.type_ == kind)
}

fn is_scheduled(pod: &Pod) -> bool {
    let named = pod.spec.as_ref().and_then(|spec| spec.node_name.as_deref()).is_some_and(|node| !node.is_empty());
    named || condition(pod, "PodScheduled").is_some_and(|condition| condition.status == "True")
}

/// The verdict for an unscheduled pod: no room, no fitting node and scale-up are capacity; everything else is transient.
fn unscheduled(pod: &Pod, situation: &Situation<'_>, limits: &Limits) -> Verdict {
    let (reason, message) = match condition(pod, "PodScheduled").filter(|condition| condition.status == "False") {
        Some(condition) => {
            (condition.reason.as_deref().unwrap_or("Unschedulable"), condition.message.as_deref().unwrap_or_default())
        }
        None => match events::newest(situation.events, |reason, warning| warning && reason == "FailedScheduling") {
            Some(event) => ("FailedScheduling", events::message(event)),
            None => ("NotScheduled", "no scheduler has looked at the pod yet"),
        },
    };
    if matches!(reason, "NotScheduled" | "SchedulingGated" | "SchedulerError") || waits_for_volume(message) {
        return wait(situation, limits.pending, Class::Transient, reason, message);
    }
    let until = match events::brings_a_node(situation.events) {
        Some(true) => limits.pending.saturating_add(limits.scale_up),
        _ => limits.pending,
    };
    wait(situation, until, Class::Capacity, reason, message)
}

/// Whether the pod waits for a volume. The scheduler has one reason for everything, so only its message distinguishes them.
fn waits_for_volume(message: &str) -> bool {
    ["persistentvolumeclaim", "PersistentVolumeClaim", "volume node affinity", "persistent volumes to bind", "pvc(s)"]
        .iter()
        .any(|words| message.contains(words))
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

fn container(reason: &str, message: &str, situation: &Situation<'_>, limits: &Limits) -> Verdict {
    if is_hopeless(reason) {
        return Verdict::not_started(Class::Hopeless, reason, message);
    }
    if matches!(reason, "ErrImagePull" | "ImagePullBackOff") && pull_attempts(situation.events) >= limits.pull_attempts {
        return Verdict::not_started(Class::Transient, reason, message);
    }
    wait(situation, limits.pending, Class::Transient, reason, message)
}

/// How often the kubelet reported a failure, which for a pod that pulls is a failed pull.
fn pull_attempts(events: &[Event]) -> i32 {
    let failures = events.iter().filter(|event| event.reason.as_deref() == Some("Failed"));
    failures.map(events::count).max().unwrap_or(0)
}

fn trouble(event: &Event, situation: &Situation<'_>, limits: &Limits) -> Verdict {
    let reason = event.reason.as_deref().unwrap_or_default();
    wait(situation, limits.pending, Class::Transient, reason, events::message(event))
}

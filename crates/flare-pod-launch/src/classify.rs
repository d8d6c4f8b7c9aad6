//! The decision: from an observed situation to a verdict.

use std::time::Duration;

use flare_cluster::pod_state::phase;
use k8s_openapi::api::core::v1::Pod;

use crate::{
    Class, Limits, Memory, PodAnswer, Situation, Verdict,
    decision::Decision,
    disruption,
    ended::{self, JobEnd},
    not_started,
};

/// Classifies the situation of a job pod.
///
/// Pure and total: the same situation gives the same verdict, whatever the API server sent. A wait ends at its `until` at the latest,
/// and waiting for a job that never ran ends after [`Limits::longest_start`].
///
/// ```
/// use std::time::Duration;
/// use flare_pod_launch::{Limits, PodAnswer, Memory, Situation, Verdict, classify};
///
/// let situation = Situation {
///     answer: PodAnswer::Gone,
///     events: &[],
///     container: "container-j1",
///     waited: Duration::from_secs(60),
///     in_state: Duration::ZERO,
///     now: jiff::Timestamp::UNIX_EPOCH,
///     memory: Memory::Ended(Verdict::Succeeded),
/// };
/// assert_eq!(classify(&situation, &Limits::default()), Verdict::Succeeded, "the last seen state decides");
/// ```
pub fn classify(situation: &Situation<'_>, limits: &Limits) -> Verdict {
    decide(situation, limits).at(situation.waited)
}

/// What the situation means, and until when: the one place of all rules.
pub(crate) fn decide(situation: &Situation<'_>, limits: &Limits) -> Decision {
    if let Memory::Ended(verdict) = &situation.memory {
        return Decision::Now(verdict.clone());
    }
    match situation.answer {
        PodAnswer::Pod(pod) => of_pod(pod, situation, limits),
        PodAnswer::Gone => gone(situation, limits),
        PodAnswer::Refused(reason) => {
            let limit = limits.refusal(reason);
            passing(situation, limits, limit, Class::Transient, reason, "the API server refuses to show the pod")
        }
        PodAnswer::NoAnswer => {
            passing(situation, limits, limits.blind, Class::Transient, "NoAnswer", "the API server does not answer")
        }
    }
}

fn of_pod(pod: &Pod, situation: &Situation<'_>, limits: &Limits) -> Decision {
    if let Some(end) = ended::of(pod, situation.container, situation.memory == Memory::Running) {
        return Decision::Now(match end {
            JobEnd::Succeeded => Verdict::Succeeded,
            JobEnd::Failed { exit_code, reason, message } => Verdict::failed(exit_code, &reason, &message),
            JobEnd::NotStarted { class, reason, message } => Verdict::not_started(class, &reason, &message),
        });
    }
    if let Some(deleted) = disruption::by_deletion(pod) {
        let (reason, message) = disruption::of(pod).unwrap_or(deleted);
        return passing(situation, limits, limits.ending, Class::Hopeless, reason, message);
    }
    match phase(pod) {
        _ if situation.runs() => Decision::Now(Verdict::Running),
        Some("Pending") if !situation.has_run() => not_started::of(pod, situation, limits),
        _ if situation.has_run() => {
            passing(situation, limits, limits.ending, Class::Transient, "Unknown", "the node of the pod does not report")
        }
        _ => Decision::wait(limits.unexplained(), Class::Transient, "Unknown", "the pod has no phase that is known"),
    }
}

/// The verdict for a missing pod. A list may be older than the request for the pod; after a while its absence is believed.
fn gone(situation: &Situation<'_>, limits: &Limits) -> Decision {
    Decision::Now(match situation.memory {
        Memory::Nothing => {
            let end = Verdict::not_started(Class::Hopeless, "Gone", "the pod was asked for and is not there");
            let message = "the pod is not in the list yet";
            return Decision::wait_then(limits.settle, Class::Transient, "NotSeenYet", message, end);
        }
        Memory::Pending => Verdict::not_started(Class::Hopeless, "Deleted", "somebody deleted the pod before its job ran"),
        Memory::Running | Memory::Ended(_) => Verdict::failed(None, "Deleted", "somebody deleted the pod while its job ran"),
    })
}

/// The verdict for a state that may pass: nothing is seen, or the pod ends. The pending timeout alone does not end a job that may
/// be running by now, so the state has its own limit; a job that never ran also has the limit of its start.
fn passing(situation: &Situation<'_>, limits: &Limits, limit: Duration, class: Class, reason: &str, message: &str) -> Decision {
    let ran = situation.has_run();
    let longest = if ran { Duration::MAX } else { limits.longest_start() };
    let until = situation.end_of_state(limit).min(longest);
    let end = if ran { Verdict::failed(None, reason, message) } else { Verdict::not_started(class, reason, message) };
    Decision::wait_then(until, Class::Transient, reason, message, end)
}

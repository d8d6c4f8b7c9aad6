//! Whether and how a job has ended: the job's container decides, not a sidecar that keeps the pod running.

use flare_cluster::pod_state::{container_status, never_ran};
use k8s_openapi::api::core::v1::{ContainerState, ContainerStateTerminated, Pod, PodStatus};

use crate::{Class, disruption};

/// The end of a job.
pub(crate) enum JobEnd {
    Succeeded,
    Failed { exit_code: Option<i32>, reason: String, message: String },
    NotStarted { class: Class, reason: String, message: String },
}

/// The end that a pod shows. `ran`: whether its job was seen running before.
pub(crate) fn of(pod: &Pod, container: &str, ran: bool) -> Option<JobEnd> {
    let status = pod.status.as_ref()?;
    let state = state_of(pod, container);
    let terminated = state.and_then(|state| state.terminated.as_ref());
    let ran = ran || state.is_some_and(|state| state.running.is_some()) || terminated.is_some_and(has_begun);
    let ended = match status.phase.as_deref() {
        Some("Succeeded") => Some(JobEnd::Succeeded),
        Some("Failed") => Some(failed(pod, status, terminated, ran)),
        // The phase is Pending as long as a sidecar waits for its image, even where the job has ended.
        _ => terminated.map(of_container),
    };
    ended.map(|ended| with_disruption(ended, pod))
}

/// The state of the job's container.
pub(crate) fn state_of<'pod>(pod: &'pod Pod, container: &str) -> Option<&'pod ContainerState> {
    container_status(pod, container)?.state.as_ref()
}

/// Whether a container that has ended was ever started. A kubelet that ends a pod without finding its container, such as one whose image was still
/// being pulled, gives it a code and this reason, and no beginning.
fn has_begun(terminated: &ContainerStateTerminated) -> bool {
    terminated.reason.as_deref() != Some("ContainerStatusUnknown") || terminated.started_at.is_some()
}

/// The codes of a container that SIGKILL or SIGTERM ended, as the kubelet ends one.
const KILLED: [i32; 2] = [137, 143];

/// The reason for ending a pod says more than the signal that ended its container.
fn with_disruption(ended: JobEnd, pod: &Pod) -> JobEnd {
    match ended {
        JobEnd::Failed { exit_code, reason, message } if matches!(reason.as_str(), "Error" | "Failed") => {
            let (reason, message) = disrupted(pod, exit_code, &message).unwrap_or((reason, message));
            JobEnd::Failed { exit_code, reason, message }
        }
        ended => ended,
    }
}

/// Reason and message if somebody else ended the containers of a pod; `message` is the one that there is without it.
fn disrupted(pod: &Pod, exit_code: Option<i32>, message: &str) -> Option<(String, String)> {
    let by_deletion = || disruption::by_deletion(pod).filter(|_| exit_code.is_some_and(|code| KILLED.contains(&code)));
    let (why, said) = disruption::of(pod).or_else(by_deletion)?;
    Some((why.to_owned(), if said.is_empty() { message } else { said }.to_owned()))
}

/// The end of the job's container, regardless of the pod's phase.
fn of_container(terminated: &ContainerStateTerminated) -> JobEnd {
    if terminated.exit_code == 0 { JobEnd::Succeeded } else { of_exit(terminated) }
}

/// Reason and message of a container that has ended.
fn words(terminated: &ContainerStateTerminated) -> (String, String) {
    let reason = terminated.reason.clone().unwrap_or_else(|| "Error".to_owned());
    let message =
        terminated.message.clone().unwrap_or_else(|| format!("the job's container ended with {}", terminated.exit_code));
    (reason, message)
}

fn of_exit(terminated: &ContainerStateTerminated) -> JobEnd {
    let (reason, message) = words(terminated);
    if never_ran(terminated) {
        JobEnd::NotStarted { class: Class::Hopeless, reason, message }
    } else {
        JobEnd::Failed { exit_code: Some(terminated.exit_code), reason, message }
    }
}

fn failed(pod: &Pod, status: &PodStatus, terminated: Option<&ContainerStateTerminated>, ran: bool) -> JobEnd {
    let reason = status.reason.clone().unwrap_or_default();
    let message = status.message.clone().unwrap_or_default();
    // A node that was restarted may refuse a pod that ran on it.
    if let Some(class) = refused_by_node(&reason).filter(|_| !ran) {
        return JobEnd::NotStarted { class, reason, message };
    }
    // A node that shuts down, that is short of memory or that got a taint refuses a pod with the reason with which it also ends one.
    if !reason.is_empty() && !ran {
        return JobEnd::NotStarted { class: Class::Transient, reason, message };
    }
    // Evicted, preempted, past its deadline: the pod's own reason says more than the signal that ended the container.
    if !reason.is_empty() {
        return JobEnd::Failed { exit_code: terminated.map(|terminated| terminated.exit_code), reason, message };
    }
    if let Some(terminated) = terminated {
        if !ran {
            let (reason, message) = words(terminated);
            let (reason, message) = disrupted(pod, Some(terminated.exit_code), &message).unwrap_or((reason, message));
            return JobEnd::NotStarted { class: Class::Transient, reason, message };
        }
        // Where it ended well, another container has made the pod fail.
        return of_container(terminated);
    }
    match init_failure(pod, status) {
        Some(not_started) => not_started,
        None => JobEnd::Failed { exit_code: None, reason: "Failed".to_owned(), message },
    }
}

/// The class of a reason with which a node refuses a pod that was scheduled to it.
fn refused_by_node(reason: &str) -> Option<Class> {
    match reason {
        "UnexpectedAdmissionError" | "TopologyAffinityError" | "OutOfpods" => Some(Class::Capacity),
        "NodeAffinity" | "NodePorts" | "AppArmor" | "SysctlForbidden" | "PodOSNotSupported" | "InvalidNodeInfo" => {
            Some(Class::Hopeless)
        }
        other if other.starts_with("OutOf") => Some(Class::Capacity),
        _ => None,
    }
}

fn init_failure(pod: &Pod, status: &PodStatus) -> Option<JobEnd> {
    let init = status
        .init_container_statuses
        .iter()
        .flatten()
        .find_map(|init| Some((init, init.state.as_ref()?.terminated.as_ref().filter(|ended| ended.exit_code != 0)?)));
    let (init, terminated) = init?;
    let message = format!("the init container `{}` ended with {}", init.name, terminated.exit_code);
    let says_nothing = terminated.reason.as_deref().is_none_or(|reason| reason == "Error");
    Some(match disrupted(pod, Some(terminated.exit_code), &message).filter(|_| says_nothing) {
        Some((reason, message)) => JobEnd::NotStarted { class: Class::Transient, reason, message },
        None => JobEnd::NotStarted { class: Class::Hopeless, reason: "InitContainerFailed".to_owned(), message },
    })
}

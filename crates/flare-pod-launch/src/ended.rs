//! Whether and how a job has ended: the job's container decides, not a sidecar that keeps the pod running.

use k8s_openapi::api::core::v1::{ContainerStateTerminated, Pod, PodStatus};

use crate::{Class, disruption};

/// The end of a job.
pub(crate) enum JobEnd {
    Succeeded,
    Failed { exit_code: Option<i32>, reason: String, message: String },
    NotStarted { class: Class, reason: String, message: String },
}

pub(crate) fn of(pod: &Pod, container: &str) -> Option<JobEnd> {
    let status = pod.status.as_ref()?;
    let of_job = status.container_statuses.iter().flatten().find(|status| status.name == container);
    let terminated = of_job.and_then(|status| status.state.as_ref()?.terminated.as_ref());
    let ended = match status.phase.as_deref() {
        Some("Succeeded") => Some(JobEnd::Succeeded),
        Some("Failed") => Some(failed(status, terminated)),
        Some("Running") => terminated.map(of_container),
        _ => None,
    };
    ended.map(|ended| with_disruption(ended, pod))
}

/// The codes of a container that SIGKILL or SIGTERM ended, as the kubelet ends one.
const KILLED: [i32; 2] = [137, 143];

/// The reason for ending a pod says more than the signal that ended its container.
fn with_disruption(ended: JobEnd, pod: &Pod) -> JobEnd {
    match ended {
        JobEnd::Failed { exit_code, reason, message } if matches!(reason.as_str(), "Error" | "Failed") => {
            let by_deletion = || disruption::by_deletion(pod).filter(|_| exit_code.is_some_and(|code| KILLED.contains(&code)));
            let (reason, message) = match disruption::of(pod).or_else(by_deletion) {
                Some((why, "")) => (why.to_owned(), message),
                Some((why, said)) => (why.to_owned(), said.to_owned()),
                None => (reason, message),
            };
            JobEnd::Failed { exit_code, reason, message }
        }
        ended => ended,
    }
}

/// The end of the job's container, regardless of the pod's phase.
fn of_container(terminated: &ContainerStateTerminated) -> JobEnd {
    if terminated.exit_code == 0 { JobEnd::Succeeded } else { of_exit(terminated) }
}

fn of_exit(terminated: &ContainerStateTerminated) -> JobEnd {
    let reason = terminated.reason.clone().unwrap_or_else(|| "Error".to_owned());
    let message =
        terminated.message.clone().unwrap_or_else(|| format!("the job's container ended with {}", terminated.exit_code));
    match reason.as_str() {
        // The container runtime could not run the command: the job's own code never ran.
        "StartError" | "ContainerCannotRun" => JobEnd::NotStarted { class: Class::Hopeless, reason, message },
        _ => JobEnd::Failed { exit_code: Some(terminated.exit_code), reason, message },
    }
}

fn failed(status: &PodStatus, terminated: Option<&ContainerStateTerminated>) -> JobEnd {
    let reason = status.reason.clone().unwrap_or_default();
    let message = status.message.clone().unwrap_or_default();
    if let Some(class) = refused_by_node(&reason) {
        return JobEnd::NotStarted { class, reason, message };
    }
    // Evicted, preempted, past its deadline: the pod's own reason says more than the signal that ended the container.
    if !reason.is_empty() {
        return JobEnd::Failed { exit_code: terminated.map(|terminated| terminated.exit_code), reason, message };
    }
    if let Some(terminated) = terminated {
        return of_exit(terminated);
    }
    match init_failure(status) {
        Some((reason, message)) => JobEnd::NotStarted { class: Class::Hopeless, reason, message },
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

fn init_failure(status: &PodStatus) -> Option<(String, String)> {
    let init = status
        .init_container_statuses
        .iter()
        .flatten()
        .find_map(|init| Some((init, init.state.as_ref()?.terminated.as_ref().filter(|ended| ended.exit_code != 0)?)));
    let (init, terminated) = init?;
    Some(("InitContainerFailed".to_owned(), format!("the init container `{}` ended with {}", init.name, terminated.exit_code)))
}

//! What the status of a pod says: facts that Kubernetes and container runtimes report. How long to wait, and what to advise, is left to those
//! who look.

use k8s_openapi::api::core::v1::{ContainerStateTerminated, ContainerStatus, Pod, PodCondition};

/// The pod's phase; `None` until a kubelet or the scheduler has reported one.
pub fn phase(pod: &Pod) -> Option<&str> {
    pod.status.as_ref()?.phase.as_deref()
}

/// Whether no container of the pod runs or is started again, so that it uses nothing any more.
pub fn has_ended(pod: &Pod) -> bool {
    matches!(phase(pod), Some("Succeeded" | "Failed"))
}

/// The pod's condition of this type, such as `PodScheduled`, if it has this status: `True`, `False` or `Unknown`.
pub fn condition<'pod>(pod: &'pod Pod, kind: &str, status: &str) -> Option<&'pod PodCondition> {
    let mut conditions = pod.status.as_ref()?.conditions.iter().flatten();
    conditions.find(|condition| condition.type_ == kind && condition.status == status)
}

/// The status of one of the pod's containers, not of an init container. A cluster may inject others into any pod, often as the first.
pub fn container_status<'pod>(pod: &'pod Pod, name: &str) -> Option<&'pod ContainerStatus> {
    pod.status.as_ref()?.container_statuses.iter().flatten().find(|status| status.name == name)
}

/// The statuses of all containers of a pod, init containers first.
pub fn container_statuses(pod: &Pod) -> impl Iterator<Item = &ContainerStatus> {
    let status = pod.status.iter();
    status.flat_map(|status| status.init_container_statuses.iter().flatten().chain(status.container_statuses.iter().flatten()))
}

/// Why a container waits: the reason, which is one word, and the message, which may be empty. `None` if it does not wait or no reason is given.
pub fn waiting(status: &ContainerStatus) -> Option<(&str, &str)> {
    let waiting = status.state.as_ref()?.waiting.as_ref()?;
    Some((waiting.reason.as_deref()?, waiting.message.as_deref().unwrap_or_default()))
}

/// Whether a container waits for this reason until its pod is replaced: the image's name is not valid, or the image may not be pulled
/// and is not on the node.
pub fn is_permanent(waiting_reason: &str) -> bool {
    matches!(waiting_reason, "InvalidImageName" | "ErrImageNeverPull")
}

/// Whether a container waits for this reason since its image could not be pulled, which the kubelet tries again.
pub fn is_failed_pull(waiting_reason: &str) -> bool {
    matches!(waiting_reason, "ErrImagePull" | "ImagePullBackOff")
}

/// Whether a container waits for this reason since the kubelet could not make it from the pod's settings, or the container runtime could not
/// create or run it. The kubelet tries again; [`crate::start_fault`] tells some of the causes.
pub fn is_failed_start(waiting_reason: &str) -> bool {
    matches!(waiting_reason, "CreateContainerConfigError" | "CreateContainerError" | "RunContainerError")
}

/// Whether the container runtime could not run the container's command, so that nothing of the image ever ran.
pub fn never_ran(ended: &ContainerStateTerminated) -> bool {
    matches!(ended.reason.as_deref(), Some("StartError" | "ContainerCannotRun"))
}

/// Whether a pod has a claim among its volumes.
pub fn mounts_claim(pod: &Pod, claim: &str) -> bool {
    let mut volumes = pod.spec.iter().flat_map(|spec| spec.volumes.iter().flatten());
    volumes.any(|volume| volume.persistent_volume_claim.as_ref().is_some_and(|used| used.claim_name == claim))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn pod(pod: &Value) -> Pod {
        serde_json::from_value(pod.clone()).expect("a pod")
    }

    fn status(name: &str, state: &Value) -> Value {
        json!({"name": name, "image": "i", "imageID": "", "ready": false, "restartCount": 0, "state": state})
    }

    #[test]
    fn a_pod_has_ended_once_kubernetes_starts_none_of_its_containers_again() {
        for (phase, expected) in
            [("Pending", false), ("Running", false), ("Unknown", false), ("Succeeded", true), ("Failed", true)]
        {
            assert_eq!(has_ended(&pod(&json!({"metadata": {}, "status": {"phase": phase}}))), expected, "{phase}");
        }
        assert!(!has_ended(&Pod::default()));
        assert_eq!(phase(&Pod::default()), None);
    }

    #[test]
    fn a_condition_counts_only_with_the_status_that_is_asked_for() {
        let conditions =
            json!([{"type": "Ready", "status": "True"}, {"type": "PodScheduled", "status": "False", "message": "no room"}]);
        let pod = pod(&json!({"metadata": {}, "status": {"conditions": conditions}}));
        let message = |kind: &str, status: &str| condition(&pod, kind, status).map(|found| found.message.clone());
        assert_eq!(message("PodScheduled", "False"), Some(Some("no room".to_owned())));
        assert_eq!(message("Ready", "True"), Some(None));
        assert_eq!((message("PodScheduled", "True"), message("Ready", "False"), message("Other", "True")), (None, None, None));
        assert!(condition(&Pod::default(), "Ready", "True").is_none());
    }

    #[test]
    fn what_a_container_waits_for_is_permanent_a_pull_a_start_or_none_of_them() {
        for (reason, permanent, pull, start) in [
            ("InvalidImageName", true, false, false),
            ("ErrImageNeverPull", true, false, false),
            ("ErrImagePull", false, true, false),
            ("ImagePullBackOff", false, true, false),
            ("ContainerCreating", false, false, false),
            ("CreateContainerConfigError", false, false, true),
            ("CreateContainerError", false, false, true),
            ("RunContainerError", false, false, true),
            ("CrashLoopBackOff", false, false, false),
            ("", false, false, false),
        ] {
            let found = (is_permanent(reason), is_failed_pull(reason), is_failed_start(reason));
            assert_eq!(found, (permanent, pull, start), "{reason}");
        }
    }

    #[test]
    fn a_container_is_found_by_its_name_wherever_it_stands() {
        let statuses = [
            status("proxy", &json!({"running": {}})),
            status("own", &json!({"waiting": {"reason": "ImagePullBackOff", "message": "m"}})),
            status("silent", &json!({"waiting": {}})),
        ];
        let init = [status("init", &json!({"waiting": {"reason": "PodInitializing"}}))];
        let pod = pod(&json!({"metadata": {}, "status": {"containerStatuses": statuses, "initContainerStatuses": init}}));
        let found = |name: &str| container_status(&pod, name).map(waiting);
        assert_eq!(found("own"), Some(Some(("ImagePullBackOff", "m"))));
        assert_eq!((found("proxy"), found("silent"), found("init"), found("other")), (Some(None), Some(None), None, None));
        let names: Vec<_> = container_statuses(&pod).map(|status| status.name.as_str()).collect();
        assert_eq!(names, ["init", "proxy", "own", "silent"]);
        let reasons: Vec<_> = container_statuses(&pod).filter_map(waiting).map(|(reason, _)| reason).collect();
        assert_eq!(reasons, ["PodInitializing", "ImagePullBackOff"]);
    }

    #[test]
    fn a_command_that_the_runtime_could_not_run_never_ran() {
        for (reason, expected) in [
            (Some("StartError"), true),
            (Some("ContainerCannotRun"), true),
            (Some("Error"), false),
            (Some("OOMKilled"), false),
            (None, false),
        ] {
            let ended = ContainerStateTerminated { reason: reason.map(str::to_owned), ..ContainerStateTerminated::default() };
            assert_eq!(never_ran(&ended), expected, "{reason:?}");
        }
    }

    #[test]
    fn a_pod_uses_the_claims_among_its_volumes() {
        let volumes = json!([{"name": "t", "emptyDir": {}}, {"name": "w", "persistentVolumeClaim": {"claimName": "nvflws"}}]);
        let pod = pod(&json!({"metadata": {}, "spec": {"containers": [], "volumes": volumes}}));
        assert_eq!(
            [mounts_claim(&pod, "nvflws"), mounts_claim(&pod, "w"), mounts_claim(&Pod::default(), "nvflws")],
            [true, false, false]
        );
    }
}

//! Why somebody else ends a pod: the cluster itself (eviction, preemption, a taint, a node that is gone), or whoever deleted it.

use flare_cluster::pod_state::condition;
use k8s_openapi::api::core::v1::Pod;

/// Reason and message of the condition `DisruptionTarget`, which Kubernetes sets before it ends a pod by itself.
pub(crate) fn of(pod: &Pod) -> Option<(&str, &str)> {
    let condition = condition(pod, "DisruptionTarget", "True")?;
    Some((condition.reason.as_deref().filter(|reason| !reason.is_empty())?, condition.message.as_deref().unwrap_or_default()))
}

/// Reason and message of a pod that is being deleted, and not by the cluster itself.
pub(crate) fn by_deletion(pod: &Pod) -> Option<(&'static str, &'static str)> {
    pod.metadata.deletion_timestamp.as_ref().map(|_| ("Deleted", "somebody deleted the pod"))
}

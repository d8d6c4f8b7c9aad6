//! Pods that use the claim: while one runs, the kit below it is not exchanged.

use flare_cluster::{Cluster, Selection, k8s_openapi::api::core::v1::Pod};
use flare_diagnostic::{Code, Diagnostic};

use crate::helper_pod;

/// Refuses where a pod other than a helper of ours uses the claim.
pub(crate) async fn refuse(cluster: &Cluster, namespace: &str, claim: &str) -> Result<(), Diagnostic> {
    let pods = cluster.namespaced::<Pod>(namespace).list(&Selection::default()).await?;
    let using: Vec<String> = pods.iter().filter(|pod| holds(pod, claim)).filter_map(|pod| pod.metadata.name.clone()).collect();
    if using.is_empty() {
        return Ok(());
    }
    let listed = using.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    Err(Diagnostic::error(Code::ClaimInUse, format!("the claim `{claim}` is in use by the running pod {listed}"))
        .hint("scale the parent down (`kubectl scale deployment --replicas=0`), wait until its pod is gone, and stage again"))
}

fn holds(pod: &Pod, claim: &str) -> bool {
    let ended = matches!(pod.status.as_ref().and_then(|status| status.phase.as_deref()), Some("Succeeded" | "Failed"));
    let mut volumes = pod.spec.iter().flat_map(|spec| spec.volumes.iter().flatten());
    !ended
        && !helper_pod::is_helper(pod)
        && volumes.any(|volume| volume.persistent_volume_claim.as_ref().is_some_and(|used| used.claim_name == claim))
}

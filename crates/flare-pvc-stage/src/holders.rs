//! Pods that use the claim: while one runs, the kit is not replaced.

use std::{task::Poll, time::Duration};

use flare_cluster::{
    Cluster, Selection,
    k8s_openapi::api::core::v1::{PersistentVolumeClaim, Pod},
    pod_state::{has_ended, mounts_claim},
};
use flare_diagnostic::{Code, Diagnostic};

use crate::helper_pod;

/// How long a parent that was scaled down may take to end: its grace period and some reserve.
const END: Duration = Duration::from_mins(2);

/// Refuses a claim that another pod than a helper uses.
pub(crate) async fn refuse(cluster: &Cluster, namespace: &str, claim: &str) -> Result<(), Diagnostic> {
    let using = using(cluster, namespace, claim).await?;
    if using.is_empty() {
        return Ok(());
    }
    let listed = using.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    Err(Diagnostic::error(Code::ClaimInUse, format!("the claim `{claim}` is in use by the pod {listed}"))
        .hint("a parent is scaled down and up again with `--restart`; another pod has to end first"))
}

/// Waits until no pod uses the claim; an error if one still does.
pub(crate) async fn wait_for_none(cluster: &Cluster, namespace: &str, claim: &str) -> Result<(), Diagnostic> {
    let pods = cluster.namespaced::<Pod>(namespace);
    let nobody = |pods: &[&Pod]| if pods.iter().any(|pod| holds(pod, claim)) { Poll::Pending } else { Poll::Ready(Ok(())) };
    match pods.wait_for_all(&Selection::default(), END, "the end of the pods that use the claim", nobody).await {
        Err(fault) if fault.code == Code::TimedOut => refuse(cluster, namespace, claim).await,
        ended => ended,
    }
}

/// The node on which another pod can use the claim while it is in use; `None` for any node.
pub(crate) async fn node(
    cluster: &Cluster,
    namespace: &str,
    claim: &str,
    found: &PersistentVolumeClaim,
) -> Result<Option<String>, Diagnostic> {
    let modes = found.spec.as_ref().and_then(|spec| spec.access_modes.as_deref()).unwrap_or_default();
    if modes.iter().any(|mode| mode == "ReadWriteMany") {
        return Ok(None);
    }
    if modes.iter().any(|mode| mode == "ReadWriteOncePod") {
        return refuse(cluster, namespace, claim).await.map(|()| None);
    }
    let pods = cluster.namespaced::<Pod>(namespace).list(&Selection::default()).await?;
    Ok(pods.iter().filter(|pod| holds(pod, claim)).find_map(|pod| pod.spec.as_ref()?.node_name.clone()))
}

async fn using(cluster: &Cluster, namespace: &str, claim: &str) -> Result<Vec<String>, Diagnostic> {
    let pods = cluster.namespaced::<Pod>(namespace).list(&Selection::default()).await?;
    Ok(pods.iter().filter(|pod| holds(pod, claim)).filter_map(|pod| pod.metadata.name.clone()).collect())
}

fn holds(pod: &Pod, claim: &str) -> bool {
    !has_ended(pod) && !helper_pod::is_helper(pod) && mounts_claim(pod, claim)
}

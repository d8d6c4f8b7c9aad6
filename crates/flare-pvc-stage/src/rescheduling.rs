//! Starts a helper pod earlier. The scheduler looks only once in a second whether the claim of a pod, for which it lets a volume be made,
//! has it by now. A pod that is created when the claim has its volume is bound to its node at once.

use std::{future::pending, task::Poll, time::Duration};

use flare_cluster::{
    Cluster, DeleteOptions, WriteOptions,
    claim_state::{self, ClaimPhase, has_access_mode},
    k8s_openapi::api::core::v1::{PersistentVolumeClaim, Pod},
};
use flare_diagnostic::{Code, Diagnostic};
use tokio::time::{Instant, sleep};

/// How long a quota may still count the pod that was deleted, and the interval at which its successor is tried.
const QUOTA: [Duration; 2] = [Duration::from_secs(20), Duration::from_millis(250)];

/// Returns once the claim has a volume, if it had none before. Never if it had one, if only a single pod may use it, for which the scheduler
/// takes the first one to be there until its next look, or if the user may not watch claims.
pub(crate) async fn gets_volume(cluster: &Cluster, namespace: &str, claim: &str, deadline: Duration) {
    let mut had_none = false;
    let look = |found: Option<&PersistentVolumeClaim>| match found.map(claim_state::phase) {
        Some(ClaimPhase::Bound) => {
            Poll::Ready(Ok(had_none && !found.is_some_and(|found| has_access_mode(found, "ReadWriteOncePod"))))
        }
        Some(ClaimPhase::Lost) => Poll::Ready(Ok(false)),
        Some(ClaimPhase::Pending) => {
            had_none = true;
            Poll::Pending
        }
        None => Poll::Pending,
    };
    let claims = cluster.namespaced::<PersistentVolumeClaim>(namespace);
    if !claims.wait(claim, deadline, "the volume of the claim", look).await.unwrap_or_default() {
        pending::<()>().await;
    }
}

/// Replaces the helper pod by a new one of the same name, unless it has a node by now.
pub(crate) async fn replace(cluster: &Cluster, namespace: &str, name: &str, pod: &Pod) -> Result<(), Diagnostic> {
    let pods = cluster.namespaced::<Pod>(namespace);
    if let Some(waiting) = pods.find(name).await? {
        if waiting.spec.as_ref().is_some_and(|spec| spec.node_name.is_some()) {
            return Ok(());
        }
        let (uid, version) = (waiting.metadata.uid, waiting.metadata.resource_version);
        // A pod without a node is gone at once. One that was changed meanwhile, such as by getting a node, is not deleted.
        pods.delete(name, &DeleteOptions { uid, version, ..DeleteOptions::default() }).await?;
        if pods.find(name).await?.is_some() {
            return Ok(());
        }
    }
    let begin = Instant::now();
    let [limit, interval] = QUOTA;
    loop {
        match pods.create(pod, WriteOptions::default()).await {
            Err(fault) if fault.code == Code::AdmissionRefused && begin.elapsed() < limit => sleep(interval).await,
            created => return created.map(drop),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::api_server::{ApiServer, Loss};

    const PODS: &str = "/api/v1/namespaces/n/pods";

    fn pod(node: Option<&str>) -> Value {
        json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": {"containers": [], "nodeName": node}})
    }

    async fn writes(node: Option<&str>, loss: Option<(&'static str, Loss)>) -> Vec<String> {
        let (server, cluster) = ApiServer::start().await;
        server.put(&format!("{PODS}/p"), pod(node));
        if let Some((start, loss)) = loss {
            server.lose(start, loss);
        }
        let anew = serde_json::from_value(pod(None)).expect("a pod");
        Box::pin(replace(&cluster, "n", "p", &anew)).await.expect("it is replaced or left");
        assert!(server.object(&format!("{PODS}/p")).is_some(), "there is a pod in any case");
        server.writes()
    }

    #[tokio::test]
    async fn a_pod_is_replaced_only_as_long_as_it_has_no_node() {
        let (deleted, created) = (format!("DELETE {PODS}/p"), format!("POST {PODS}"));
        assert_eq!(writes(None, None).await, [deleted.clone(), created.clone()]);
        assert_eq!(writes(Some("node"), None).await, [""; 0]);
        let lost = writes(None, Some(("DELETE", Loss::Answer))).await;
        assert_eq!(lost, [deleted.clone(), deleted, created], "the answer to the deletion was lost");
    }

    #[tokio::test]
    async fn a_claim_that_has_a_volume_or_may_not_be_watched_makes_no_difference() {
        for claim in [Some(json!({"metadata": {"name": "c"}, "status": {"phase": "Bound"}})), None] {
            let (server, cluster) = ApiServer::start().await;
            match claim {
                Some(claim) => server.put("/api/v1/namespaces/n/persistentvolumeclaims/c", claim),
                None => server.forbid("list", "persistentvolumeclaims"),
            }
            let getting = gets_volume(&cluster, "n", "c", Duration::from_mins(1));
            assert!(tokio::time::timeout(Duration::from_millis(300), getting).await.is_err());
        }
    }
}

//! Pods that use the claim: while one runs, the kit is not replaced.

use std::{task::Poll, time::Duration};

use flare_cluster::{
    Cluster, Selection,
    claim_state::has_access_mode,
    k8s_openapi::api::core::v1::{PersistentVolumeClaim, Pod},
    pod_state::{has_ended, mounts_claim},
};
use flare_diagnostic::{Code, Diagnostic};

use crate::helper_pod;

/// How long a parent that was scaled down may take to end, besides its grace period.
const END: Duration = if cfg!(test) { Duration::from_millis(300) } else { Duration::from_mins(2) };

/// The longest grace period that is waited for. The run has a deadline of its own.
const LONGEST_GRACE: u64 = 3600;

/// The hint of a verb that scales the parent down if it is asked to.
pub(crate) const RESTART: &str = "a parent is scaled down and up again with `--restart`; another pod has to end first";

/// The hint if the parent was scaled down, and a pod still uses the claim.
const STILL_RUNS: &str =
    "the parent was scaled down: see with `kubectl describe pod` whether the pod is another one, or why it does not end";

/// Refuses a claim that another pod than a helper uses. The hint says what ends the parent.
pub(crate) async fn refuse(cluster: &Cluster, namespace: &str, claim: &str, hint: &str) -> Result<(), Diagnostic> {
    let using = using(cluster, namespace, claim).await?;
    if using.is_empty() {
        return Ok(());
    }
    let listed = using.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    Err(Diagnostic::error(Code::ClaimInUse, format!("the claim `{claim}` is in use by the pod {listed}")).hint(hint))
}

/// Waits until no pod uses the claim, whose parent was scaled down; an error if one still does.
pub(crate) async fn wait_for_none(cluster: &Cluster, namespace: &str, claim: &str) -> Result<(), Diagnostic> {
    let pods = cluster.namespaced::<Pod>(namespace);
    let limit = END + grace(&pods.list(&Selection::default()).await?, claim);
    let nobody = |pods: &[&Pod]| if pods.iter().any(|pod| holds(pod, claim)) { Poll::Pending } else { Poll::Ready(Ok(())) };
    match pods.wait_for_all(&Selection::default(), limit, "the end of the pods that use the claim", nobody).await {
        Err(fault) if fault.code == Code::TimedOut => refuse(cluster, namespace, claim, STILL_RUNS).await,
        ended => ended,
    }
}

/// The longest grace period of the pods that use the claim: the chart's value may be longer than any reserve.
fn grace(pods: &[Pod], claim: &str) -> Duration {
    let of_pod = |pod: &Pod| u64::try_from(pod.spec.as_ref()?.termination_grace_period_seconds?).ok();
    let longest = pods.iter().filter(|pod| holds(pod, claim)).filter_map(of_pod).max();
    Duration::from_secs(longest.unwrap_or_default().min(LONGEST_GRACE))
}

/// The node on which another pod can use the claim while it is in use; `None` for any node.
pub(crate) async fn node(
    cluster: &Cluster,
    namespace: &str,
    claim: &str,
    found: &PersistentVolumeClaim,
) -> Result<Option<String>, Diagnostic> {
    if has_access_mode(found, "ReadWriteMany") {
        return Ok(None);
    }
    if has_access_mode(found, "ReadWriteOncePod") {
        return refuse(cluster, namespace, claim, RESTART).await.map(|()| None);
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

#[cfg(test)]
mod tests {
    use flare_names::labels::STAGES_CLAIM;
    use serde_json::{Value, json};

    use super::*;
    use crate::api_server::ApiServer;

    /// Stores a pod that mounts the claim on this node.
    fn put(server: &ApiServer, name: &str, node: &str, labels: &Value, phase: &str) {
        let volume = json!({"name": "w", "persistentVolumeClaim": {"claimName": "c"}});
        let pod = json!({"metadata": {"name": name, "labels": labels}, "status": {"phase": phase},
            "spec": {"nodeName": node, "containers": [], "volumes": [volume]}});
        server.put(&format!("/api/v1/namespaces/n/pods/{name}"), pod);
    }

    fn claim(mode: &str) -> PersistentVolumeClaim {
        serde_json::from_value(json!({"metadata": {}, "spec": {"accessModes": [mode]}})).expect("a claim")
    }

    /// Only a volume that several nodes can mount is free for a helper pod on any of them.
    #[tokio::test]
    async fn a_claim_that_is_in_use_on_one_node_is_used_there_or_not_at_all() {
        let (server, cluster) = ApiServer::start().await;
        put(&server, "helper", "a", &json!({STAGES_CLAIM: "c"}), "Running");
        put(&server, "ended", "a", &json!({}), "Succeeded");
        let on = async |mode: &str| node(&cluster, "n", "c", &claim(mode)).await;
        for mode in ["ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod"] {
            assert_eq!(on(mode).await, Ok(None), "{mode}: nobody uses it");
        }
        put(&server, "parent", "b", &json!({}), "Running");
        assert_eq!(on("ReadWriteMany").await, Ok(None));
        assert_eq!(on("ReadWriteOnce").await, Ok(Some("b".to_owned())));
        let fault = on("ReadWriteOncePod").await.expect_err("one pod is all that it takes");
        assert_eq!(fault.code, Code::ClaimInUse);
        assert_eq!(fault.message, "the claim `c` is in use by the pod `parent`");
    }

    #[test]
    fn a_parent_has_its_own_grace_period_to_end() {
        let pod = |claim: &str, grace: Option<i64>| -> Pod {
            let volume = json!({"name": "w", "persistentVolumeClaim": {"claimName": claim}});
            let spec = json!({"containers": [], "volumes": [volume], "terminationGracePeriodSeconds": grace});
            serde_json::from_value(json!({"metadata": {}, "spec": spec})).expect("a pod")
        };
        for (pods, seconds) in [
            (vec![], 0),
            (vec![pod("c", None)], 0),
            (vec![pod("c", Some(30)), pod("c", Some(600)), pod("other", Some(900))], 600),
            (vec![pod("c", Some(i64::MAX))], 3600),
        ] {
            assert_eq!(grace(&pods, "c"), Duration::from_secs(seconds), "{pods:?}");
        }
    }

    #[tokio::test]
    async fn a_pod_that_outlives_the_scaling_down_is_not_answered_with_a_flag_that_was_given() {
        let (server, cluster) = ApiServer::start().await;
        assert_eq!(wait_for_none(&cluster, "n", "c").await, Ok(()));
        put(&server, "other", "a", &json!({}), "Running");
        let fault = wait_for_none(&cluster, "n", "c").await.expect_err("it is in use");
        assert_eq!(fault.code, Code::ClaimInUse);
        let hint = fault.hint.expect("a hint");
        assert!(fault.message.contains("`other`") && !hint.contains("--restart"), "{}: {hint}", fault.message);
    }
}

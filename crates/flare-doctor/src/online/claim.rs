//! The workspace claim, and whether the pod was started with this kit.

use flare_cluster::Cluster;
use flare_diagnostic::Code;
use flare_names::labels::KIT_FINGERPRINT;
use flare_prepared_kit::PreparedKit;
use flare_pvc_stage::noted_kit;
use k8s_openapi::api::core::v1::{PersistentVolumeClaim, Pod};

use crate::{
    Finding,
    rollout::{RunningParent, STAGE_ON_A_NEW_CLAIM},
};

/// Checks the state of the claim. Its content is read in the parent's pod.
pub(super) async fn check(cluster: &Cluster, kit: &PreparedKit) -> Vec<Finding> {
    let plan = kit.plan();
    let name = plan.workspace.claim.as_str();
    let claim = match cluster.namespaced::<PersistentVolumeClaim>(plan.namespace.as_str()).get(name).await {
        Ok(claim) => claim,
        Err(fault) if fault.code == Code::ObjectNotFound => {
            return vec![Finding::error("D31", format!("the workspace claim `{name}` is not there"), STAGE_ON_A_NEW_CLAIM)];
        }
        Err(fault) => return vec![Finding::unknown("D31", &format!("the workspace claim `{name}`"), &fault)],
    };
    if kit.staged_record().ok().flatten().is_some() {
        // The kit is staged as a ConfigMap and a Secret.
        return Vec::new();
    }
    let fingerprint = kit.fingerprint().to_string();
    match noted_kit(&claim) {
        None => vec![Finding::warning(
            "D31",
            format!("the claim `{name}` does not say which kit is on it: `stage` did not put it there, or did not end"),
            "stage the kit (`stage --restart`)",
        )],
        Some(noted) if !noted.is_of(kit) => vec![Finding::error(
            "D31",
            format!("the claim `{name}` holds the kit of {}", noted.owner_text()),
            "give each participant a claim of its own (`workspace_pvc` in k8s.yaml)",
        )],
        Some(noted) if noted.fingerprint != fingerprint => vec![
            Finding::error(
                "D31",
                format!("the claim `{name}` holds another version of this kit than the prepared one"),
                "stage the prepared kit (`stage --restart`)",
            )
            .evidence([format!("on the claim: {}", noted.fingerprint), format!("prepared: {fingerprint}")]),
        ],
        Some(_) => Vec::new(),
    }
}

/// Checks whether the parent was started with the prepared kit, which FLARE reads only at its start.
pub(super) async fn stale(cluster: &Cluster, kit: &PreparedKit, running: &RunningParent) -> Vec<Finding> {
    let pod = match cluster.namespaced::<Pod>(kit.plan().namespace.as_str()).get(&running.pod).await {
        Ok(pod) => pod,
        Err(fault) => return vec![Finding::unknown("D83", "the pod's kit", &fault)],
    };
    let annotations = pod.metadata.annotations.unwrap_or_default();
    let fingerprint = kit.fingerprint().to_string();
    match annotations.get(KIT_FINGERPRINT) {
        Some(of_pod) if *of_pod == fingerprint => Vec::new(),
        Some(of_pod) => {
            let message = format!("the parent runs since another version of this kit was installed (pod `{}`)", running.pod);
            let finding = Finding::error("D83", message, "install the chart of the prepared kit, which restarts the parent");
            vec![finding.evidence([format!("the pod's: {of_pod}"), format!("prepared: {fingerprint}")])]
        }
        None => {
            let message = format!("the pod `{}` does not say for which kit it was made", running.pod);
            vec![Finding::warning("D83", message, "install the chart of the prepared kit")]
        }
    }
}

//! Which workspace claim may be deleted with its participant.

use flare_cluster::{Cluster, k8s_openapi::api::core::v1::PersistentVolumeClaim};
use flare_diagnostic::{Code, Diagnostic, Faults};
use flare_doctor::offline::study_file_content;
use flare_names::labels;
use flare_pod_manifest::study_claims;
use flare_prepared_kit::PreparedKit;
use flare_pvc_stage::staged_fingerprint;

/// Refuses a claim that is not only this participant's, or has study data.
pub(super) async fn check(cluster: &Cluster, kit: &PreparedKit, claim: &PersistentVolumeClaim) -> Result<(), Faults> {
    let plan = kit.plan();
    let name = plan.workspace.claim.as_str();
    let studies = study_claims(plan.target, |path| study_file_content(kit.tree(), path))?.value;
    if studies.claims.iter().any(|study| study.claim.as_str() == name) {
        let message = format!("the claim `{name}` holds data of a study as well");
        return Err(Diagnostic::error(Code::ClaimNotUsable, message)
            .hint("study data are never deleted here: delete the claim yourself, with `kubectl delete persistentvolumeclaim`")
            .into());
    }
    let made_here = labels::carries(claim.metadata.labels.as_ref(), &[labels::MANAGED_BY]);
    if made_here || staged_fingerprint(cluster, kit).await?.is_some() {
        return Ok(());
    }
    let message =
        format!("nothing says that the claim `{name}` is this participant's: `stage` neither made it nor noted a kit on it");
    Err(Diagnostic::error(Code::VolumeNotOurs, message)
        .hint("delete it yourself where nobody needs it, with `kubectl delete persistentvolumeclaim`")
        .into())
}

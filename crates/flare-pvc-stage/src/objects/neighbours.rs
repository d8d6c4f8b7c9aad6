//! The staged kits in a namespace: versions of the same kit, and conflicts with other participants (defect 15).

use flare_cluster::{
    Cluster, Selection,
    k8s_openapi::api::core::v1::{ConfigMap, PersistentVolumeClaim},
};
use flare_diagnostic::{Code, Diagnostic};
use flare_names::labels::{KIT_OWNER, PARTICIPANT, WORKSPACE_CLAIM, selector};
use flare_prepared_kit::PreparedKit;

use super::{
    found::{annotation, label, not_ours},
    manifests::STAGED,
};
use crate::{
    KitOwner,
    claim::{self, Note, written},
};

/// The `ConfigMap`s of all staged kits in the namespace. Each has a Secret of the same version; Secrets are never listed, since the
/// permission to list them is also the permission to read them.
pub(crate) async fn staged(cluster: &Cluster, namespace: &str) -> Result<Vec<ConfigMap>, Diagnostic> {
    cluster.namespaced::<ConfigMap>(namespace).list(&Selection::labelled(selector(&STAGED))).await
}

/// Whether this is a version of the same participant's kit.
pub(crate) fn is_own(kit: &PreparedKit, object: &ConfigMap) -> bool {
    annotation(object, KIT_OWNER) == Some(&written(&KitOwner::of(kit)))
}

/// Refuses a claim that another participant's staged objects name as that of its parent. A user who may not list `ConfigMap`s does not
/// learn of them.
pub(crate) async fn refuse_claim_of_others(
    cluster: &Cluster,
    namespace: &str,
    claim: &str,
    owner: &KitOwner,
) -> Result<(), Diagnostic> {
    match staged(cluster, namespace).await {
        Ok(staged) => staged.iter().try_for_each(|object| refuse_claim(object, namespace, claim, owner)),
        Err(fault) if fault.code == Code::PermissionDenied => Ok(()),
        Err(fault) => Err(fault),
    }
}

fn refuse_claim(object: &ConfigMap, namespace: &str, claim: &str, owner: &KitOwner) -> Result<(), Diagnostic> {
    let theirs = annotation(object, KIT_OWNER);
    if annotation(object, WORKSPACE_CLAIM) != Some(claim) || theirs == Some(written(owner).as_str()) {
        return Ok(());
    }
    Err(not_ours(&format!("the workspace claim `{claim}` in namespace `{namespace}`"), theirs)
        .hint("give each participant a claim of its own (`workspace_pvc` in k8s.yaml), or unstage the other one first"))
}

/// Refuses a namespace in which another participant uses the same names or the same claim.
pub(crate) fn refuse_others(kit: &PreparedKit, staged: &[ConfigMap]) -> Result<(), Diagnostic> {
    let (plan, owner) = (kit.plan(), KitOwner::of(kit));
    for other in staged.iter().filter(|object| !is_own(kit, object)) {
        if label(other, PARTICIPANT) == Some(plan.names.deployment.as_str()) {
            let what = format!("the name `{}` in namespace `{}`", plan.names.deployment, plan.namespace);
            return Err(not_ours(&what, annotation(other, KIT_OWNER)));
        }
        refuse_claim(other, plan.namespace.as_str(), plan.workspace.claim.as_str(), &owner)?;
    }
    Ok(())
}

/// Checks the claim to which the parent writes. Another participant's claim is refused; a missing one is a warning.
pub(crate) async fn look_at_claim(cluster: &Cluster, kit: &PreparedKit) -> Result<Option<Diagnostic>, Diagnostic> {
    let (namespace, name) = (kit.plan().namespace.as_str(), kit.plan().workspace.claim.as_str());
    let found = cluster.namespaced::<PersistentVolumeClaim>(namespace).find(name).await?;
    let Some(found) = found else {
        let message =
            format!("there is no claim `{name}` in namespace `{namespace}` yet; the parent needs it for what it writes");
        return Ok(Some(Diagnostic::warning(Code::Notice, message).hint("create it, or stage with `--create-pvc 10Gi`")));
    };
    match claim::noted(&found, &KitOwner::of(kit)) {
        Note::Other(owner) => Err(claim::not_ours(name, &owner)),
        Note::Nothing | Note::Ours => Ok(None),
    }
}

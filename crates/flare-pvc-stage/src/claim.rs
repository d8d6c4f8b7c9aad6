//! The workspace claim: created on request, checked, and annotated with the kit on its volume.

use flare_cluster::{
    Cluster, WriteOptions,
    claim_state::{self, ClaimPhase},
    k8s_openapi::api::core::v1::{Namespace, PersistentVolumeClaim, ServiceAccount},
};
use flare_diagnostic::{Code, Diagnostic, shown};
use flare_names::labels::{KIT_FINGERPRINT, KIT_OWNER, MANAGED_BY};
use flare_prepared_kit::PreparedKit;
use serde_json::json;
use std::{task::Poll, time::Duration};

use crate::{KitOwner, holders};

/// A claim to create if it is missing.
#[derive(Debug, Clone)]
pub struct NewClaim {
    /// Its size, a quantity such as `10Gi`.
    pub size: String,
    /// The storage class; `None` for the cluster's default, an empty one for an existing volume.
    pub storage_class: Option<String>,
    /// The access mode, such as `ReadWriteOnce`.
    pub access_mode: String,
}

/// What becomes of a pod that waits for a claim which is to be created.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Waiting {
    /// The claim is not created.
    Refused,
    /// The pod may have the claim, or is ended.
    Accepted,
}

/// Creates the namespace if it is missing, and waits for its default service account, without which pods are refused. Returns whether
/// it was, or in a dry run is, missing.
///
/// # Errors
/// The errors of flare-cluster.
pub async fn make_namespace(cluster: &Cluster, name: &str, dry_run: bool) -> Result<bool, Diagnostic> {
    let namespaces = cluster.unnamespaced::<Namespace>();
    if namespaces.find(name).await?.is_some() {
        return Ok(false);
    }
    let mut namespace = Namespace::default();
    namespace.metadata.name = Some(name.to_owned());
    namespaces.apply(name, &namespace, WriteOptions { dry_run, force: false }).await?;
    if dry_run {
        return Ok(true);
    }
    let there = |account: Option<&ServiceAccount>| if account.is_some() { Poll::Ready(Ok(())) } else { Poll::Pending };
    let what = format!("the default service account of the namespace `{name}`");
    cluster.namespaced::<ServiceAccount>(name).wait("default", Duration::from_secs(30), &what, there).await?;
    Ok(true)
}

/// The claim, created on request, and whether it was created. `waiting` says what becomes of a pod that waits for the claim, and would have it
/// at once, while nothing is on its volume.
pub(crate) async fn find_or_make(
    cluster: &Cluster,
    namespace: &str,
    name: &str,
    new: Option<&NewClaim>,
    waiting: Waiting,
    dry_run: bool,
) -> Result<(PersistentVolumeClaim, bool), Diagnostic> {
    let claims = cluster.namespaced::<PersistentVolumeClaim>(namespace);
    if let Some(claim) = claims.find(name).await? {
        return judge(&claim, name).map(|()| (claim, false));
    }
    let Some(new) = new else {
        return Err(Diagnostic::error(Code::ClaimNotUsable, format!("there is no claim `{name}` in namespace `{namespace}`"))
            .hint("`--create-pvc 10Gi` of `stage` or `up` makes it; or create it and run again"));
    };
    if waiting == Waiting::Refused {
        holders::refuse(cluster, namespace, name, holders::RESTART).await?;
    }
    make(cluster, namespace, name, new, dry_run).await.map(|claim| (claim, true))
}

/// Creates the claim.
pub(crate) async fn make(
    cluster: &Cluster,
    namespace: &str,
    name: &str,
    new: &NewClaim,
    dry_run: bool,
) -> Result<PersistentVolumeClaim, Diagnostic> {
    let mut spec = json!({"accessModes": [new.access_mode], "resources": {"requests": {"storage": new.size}}});
    if let Some(class) = &new.storage_class {
        spec["storageClassName"] = json!(class);
    }
    let claim = json!({"metadata": {"name": name, "labels": {MANAGED_BY.0: MANAGED_BY.1}}, "spec": spec});
    let claim = serde_json::from_value(claim).expect("the fields above are those of a claim");
    cluster.namespaced::<PersistentVolumeClaim>(namespace).apply(name, &claim, WriteOptions { dry_run, force: false }).await
}

/// The claim, which must exist.
pub(crate) async fn find(cluster: &Cluster, namespace: &str, name: &str) -> Result<PersistentVolumeClaim, Diagnostic> {
    match cluster.namespaced::<PersistentVolumeClaim>(namespace).find(name).await? {
        Some(claim) => judge(&claim, name).map(|()| claim),
        None => Err(Diagnostic::error(Code::ClaimNotUsable, format!("there is no claim `{name}` in namespace `{namespace}`"))
            .hint("`stage --create-pvc 10Gi` makes it and puts the kit there; or create it yourself")),
    }
}

/// The claim, which must exist and not hold another participant's kit.
pub(crate) async fn find_own(
    cluster: &Cluster,
    namespace: &str,
    name: &str,
    owner: &KitOwner,
) -> Result<PersistentVolumeClaim, Diagnostic> {
    let found = find(cluster, namespace, name).await?;
    match noted(&found, owner) {
        Note::Other(other) => Err(not_ours(name, &other)),
        Note::Ours | Note::Nothing => Ok(found),
    }
}

/// Refuses a claim that no pod can mount. A claim that waits for its first pod is accepted.
fn judge(claim: &PersistentVolumeClaim, name: &str) -> Result<(), Diagnostic> {
    let unusable =
        |why: &str, hint: &str| Err(Diagnostic::error(Code::ClaimNotUsable, format!("the claim `{name}` {why}")).hint(hint));
    if claim.metadata.deletion_timestamp.is_some() {
        return unusable(
            "is being deleted",
            "wait until it is gone, then make it anew with `stage --create-pvc 10Gi`; pods that still use it keep it",
        );
    }
    if claim_state::phase(claim) == ClaimPhase::Lost {
        return unusable(
            "has lost its volume",
            "delete the claim, make it anew with `stage --create-pvc 10Gi --restart`, then put its data back with \
             `restore --restart`",
        );
    }
    let Some(spec) = &claim.spec else { return Ok(()) };
    let modes = spec.access_modes.as_deref().unwrap_or_default();
    if !modes.is_empty() && modes.iter().all(|mode| mode == "ReadOnlyMany") {
        return unusable("can only be read (ReadOnlyMany)", "use a claim with ReadWriteOnce or ReadWriteMany");
    }
    if spec.volume_mode.as_deref() == Some("Block") {
        return unusable(
            "is a block device, which a parent cannot mount as a directory",
            "use a claim with `volumeMode: Filesystem`",
        );
    }
    Ok(())
}

/// Whether the claim says that exactly this kit is on its volume.
pub(crate) fn holds(claim: &PersistentVolumeClaim, owner: &KitOwner, fingerprint: &str) -> bool {
    let Some(annotations) = &claim.metadata.annotations else { return false };
    annotations.get(KIT_FINGERPRINT).is_some_and(|found| found == fingerprint)
        && annotations.get(KIT_OWNER) == Some(&written(owner))
}

/// The kit on a claim's volume, according to the claim's annotations.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotedKit {
    owner: String,
    /// The fingerprint of the kit.
    pub fingerprint: String,
}

impl NotedKit {
    /// Whether it is a kit of the same participant, in any version.
    pub fn is_of(&self, kit: &PreparedKit) -> bool {
        self.owner == written(&KitOwner::of(kit))
    }

    /// The owner of the kit as text: "the client `site-1` of project `demo`".
    pub fn owner_text(&self) -> String {
        whose(&self.owner)
    }
}

/// Reads the annotations of `stage` on a workspace claim; `None` if no staging has finished since the claim was created.
pub fn noted_kit(claim: &PersistentVolumeClaim) -> Option<NotedKit> {
    let annotations = claim.metadata.annotations.as_ref()?;
    Some(NotedKit { owner: annotations.get(KIT_OWNER)?.clone(), fingerprint: annotations.get(KIT_FINGERPRINT)?.clone() })
}

/// The owner of the kit on a claim's volume, according to the claim's annotations.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Note {
    /// No annotation.
    Nothing,
    /// This participant.
    Ours,
    /// Another participant, as the annotation names it.
    Other(String),
}

/// Reads the owner from a claim's annotations.
pub(crate) fn noted(claim: &PersistentVolumeClaim, owner: &KitOwner) -> Note {
    let annotations = claim.metadata.annotations.as_ref();
    match annotations.and_then(|annotations| annotations.get(KIT_OWNER)) {
        Some(found) if *found == written(owner) => Note::Ours,
        Some(found) => Note::Other(found.clone()),
        None => Note::Nothing,
    }
}

/// The fault of a claim that holds another participant's kit.
pub(crate) fn not_ours(name: &str, owner: &str) -> Diagnostic {
    let whose = whose(owner);
    Diagnostic::error(Code::VolumeNotOurs, format!("the workspace claim `{name}` holds the kit of {whose}")).hint(
        "give each participant a claim of its own (`workspace_pvc` in k8s.yaml), or take the other one's kit away: \
             `unstage --remove-kit` with the prepared kit of that participant",
    )
}

/// The text of an owner's annotation.
pub(crate) fn whose(owner: &str) -> String {
    let Ok(owner) = serde_json::from_str::<KitOwner>(owner) else { return "another participant".to_owned() };
    let project = owner.project.map(|project| format!(" of project `{}`", shown(&project))).unwrap_or_default();
    format!("the {} `{}`{project}", shown(&owner.role), shown(&owner.participant))
}

/// Annotates the claim with the kit on its volume, or, before it is changed, removes the annotations.
pub(crate) async fn note(
    cluster: &Cluster,
    namespace: &str,
    name: &str,
    kit: Option<(&KitOwner, &str)>,
) -> Result<(), Diagnostic> {
    let (owner, fingerprint) =
        kit.map_or((json!(null), json!(null)), |(owner, fingerprint)| (json!(written(owner)), json!(fingerprint)));
    let change = json!({"metadata": {"annotations": {KIT_OWNER: owner, KIT_FINGERPRINT: fingerprint}}});
    cluster.namespaced::<PersistentVolumeClaim>(namespace).merge(name, &change, WriteOptions::default()).await.map(|_| ())
}

/// An owner in the format of the annotation.
pub(crate) fn written(owner: &KitOwner) -> String {
    serde_json::to_string(owner).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hint_about_another_participants_kit_names_what_takes_it_away() {
        let other = written(&KitOwner { participant: "site-2".into(), role: "client".into(), project: Some("p".into()) });
        let fault = not_ours("nvflws", &other);
        assert_eq!(fault.message, "the workspace claim `nvflws` holds the kit of the client `site-2` of project `p`");
        assert!(fault.hint.is_some_and(|hint| hint.contains("`unstage --remove-kit` with the prepared kit of that participant")));
    }

    #[test]
    fn a_claim_without_a_file_system_is_refused() {
        let judged = |mode: &str| {
            judge(&serde_json::from_value(json!({"metadata": {}, "spec": {"volumeMode": mode}})).expect("a claim"), "c")
        };
        assert_eq!(judged("Filesystem"), Ok(()));
        let fault = judged("Block").expect_err("refused");
        assert_eq!((fault.code, fault.hint.is_some()), (Code::ClaimNotUsable, true));
        assert_eq!(fault.message, "the claim `c` is a block device, which a parent cannot mount as a directory");
    }

    #[test]
    fn a_claim_that_no_pod_can_write_to_is_refused_and_one_that_waits_for_its_first_pod_is_not() {
        let (bound, lost) = (json!({"phase": "Bound"}), json!({"phase": "Lost"}));
        for (deleted, status, modes, refused) in [
            (false, &bound, json!(["ReadWriteOnce"]), None),
            (false, &json!({"phase": "Pending"}), json!(["ReadWriteOncePod"]), None),
            (false, &json!({}), json!([]), None),
            (false, &bound, json!(["ReadOnlyMany", "ReadWriteMany"]), None),
            (true, &bound, json!(["ReadWriteOnce"]), Some("is being deleted")),
            (true, &lost, json!(["ReadWriteOnce"]), Some("is being deleted")),
            (false, &lost, json!(["ReadWriteOnce"]), Some("has lost its volume")),
            (false, &bound, json!(["ReadOnlyMany"]), Some("can only be read (ReadOnlyMany)")),
        ] {
            let mut claim = json!({"metadata": {}, "spec": {"accessModes": modes}, "status": status});
            if deleted {
                claim["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:00Z");
            }
            let judged = judge(&serde_json::from_value(claim.clone()).expect("a claim"), "c");
            let expected = refused.map(|why| (Code::ClaimNotUsable, format!("the claim `c` {why}"), true));
            assert_eq!(judged.err().map(|fault| (fault.code, fault.message, fault.hint.is_some())), expected, "{claim}");
        }
    }
}

//! Checks without a pod, from annotations and labels in the cluster, whether a kit is staged before its parent is started.

use flare_cluster::{
    Cluster,
    k8s_openapi::api::core::v1::{ConfigMap, PersistentVolumeClaim, Secret},
};
use flare_diagnostic::{Code, Diagnostic, Faults};
use flare_names::labels::KIT_FINGERPRINT;
use flare_prepared_kit::PreparedKit;

use crate::{
    KitOwner,
    claim::{self, Note},
    objects::{KitObject, annotation, is_staged},
};

/// Checks that exactly this kit is staged: on the volume of its claim, or as the objects that the chart's values name.
///
/// Objects of another tool, such as FLARE 2.9's own staging, have no fingerprint, so only their existence is checked.
///
/// # Errors
/// `CLAIM_NOT_USABLE`, `VOLUME_NOT_OURS`, `KIT_NOT_STAGED`, `INVALID_PREPARED_KIT`, and the errors of flare-cluster.
pub async fn check_staged(cluster: &Cluster, kit: &PreparedKit) -> Result<(), Faults> {
    let plan = kit.plan();
    let (namespace, name) = (plan.namespace.as_str(), plan.workspace.claim.as_str());
    let claim = claim::find(cluster, namespace, name).await?;
    let expected = Expected { owner: KitOwner::of(kit), fingerprint: kit.fingerprint().to_string() };
    let Some(record) = kit.staged_record()? else { return Ok(judge_claim(&claim, name, &expected)?) };
    if let Some(name) = &record.config_map {
        judge_object(cluster.namespaced::<ConfigMap>(namespace).find(name).await?.as_ref(), "ConfigMap", name, &expected)?;
    }
    if let Some(name) = &record.secret {
        judge_object(cluster.namespaced::<Secret>(namespace).find(name).await?.as_ref(), "Secret", name, &expected)?;
    }
    Ok(())
}

/// The fingerprint of this participant's kit on the volume, from the claim's annotations; `None` without one.
///
/// # Errors
/// The errors of flare-cluster.
pub async fn staged_fingerprint(cluster: &Cluster, kit: &PreparedKit) -> Result<Option<String>, Diagnostic> {
    let plan = kit.plan();
    let claims = cluster.namespaced::<PersistentVolumeClaim>(plan.namespace.as_str());
    let found = claims.find(plan.workspace.claim.as_str()).await?;
    let noted = found.as_ref().and_then(claim::noted_kit).filter(|noted| noted.is_of(kit));
    Ok(noted.map(|noted| noted.fingerprint))
}

/// The expected owner and fingerprint.
struct Expected {
    owner: KitOwner,
    fingerprint: String,
}

fn judge_claim(found: &PersistentVolumeClaim, name: &str, expected: &Expected) -> Result<(), Diagnostic> {
    match claim::noted(found, &expected.owner) {
        Note::Other(owner) => Err(claim::not_ours(name, &owner)),
        Note::Nothing => Err(not_staged(format!("no staging has noted on the claim `{name}` that this kit is on its volume"))),
        Note::Ours if claim::holds(found, &expected.owner, &expected.fingerprint) => Ok(()),
        Note::Ours => Err(not_staged(format!("the volume of the claim `{name}` holds another version of this kit"))),
    }
}

fn judge_object<K: KitObject>(found: Option<&K>, kind: &str, name: &str, expected: &Expected) -> Result<(), Diagnostic> {
    let what = format!("the {kind} `{name}`, which the chart's values name,");
    match found {
        None => Err(not_staged(format!("{what} is not there"))),
        Some(object) if !is_staged(object) || annotation(object, KIT_FINGERPRINT) == Some(&expected.fingerprint) => Ok(()),
        Some(_) => Err(not_staged(format!("{what} holds another version of this kit"))),
    }
}

fn not_staged(message: String) -> Diagnostic {
    Diagnostic::error(Code::KitNotStaged, message)
        .hint("run `stage` with this prepared kit (`--restart` where its parent runs), then run again")
}

#[cfg(test)]
mod tests {
    use flare_cluster::k8s_openapi::api::core::v1::ConfigMap;
    use flare_names::labels::KIT_OWNER;
    use serde_json::{Value, json};

    use super::*;

    fn expected() -> Expected {
        let owner = KitOwner { participant: "site-1".to_owned(), role: "client".to_owned(), project: None };
        Expected { owner, fingerprint: "f1".to_owned() }
    }

    #[test]
    fn a_claim_is_fine_only_with_the_note_of_this_very_kit() {
        let own = claim::written(&expected().owner);
        let judged = |annotations: Value| {
            let claim = serde_json::from_value(json!({"metadata": {"annotations": annotations}})).expect("a claim");
            judge_claim(&claim, "c", &expected()).map_err(|fault| fault.code)
        };
        assert_eq!(judged(json!({KIT_OWNER: own, KIT_FINGERPRINT: "f1"})), Ok(()));
        assert_eq!(judged(json!({KIT_OWNER: own, KIT_FINGERPRINT: "f2"})), Err(Code::KitNotStaged));
        assert_eq!(judged(json!({KIT_OWNER: own})), Err(Code::KitNotStaged));
        assert_eq!(judged(json!({})), Err(Code::KitNotStaged));
        assert_eq!(judged(json!({KIT_OWNER: "{}", KIT_FINGERPRINT: "f1"})), Err(Code::VolumeNotOurs));
    }

    #[test]
    fn objects_of_ours_hold_this_very_kit_and_those_of_others_are_there() {
        let staged = json!({"app.kubernetes.io/managed-by": "flare-kube", "app.kubernetes.io/component": "staged-kit"});
        let judged = |labels: &Value, fingerprint: &str| {
            let object = json!({"metadata": {"labels": labels, "annotations": {KIT_FINGERPRINT: fingerprint}}});
            let object: ConfigMap = serde_json::from_value(object).expect("a ConfigMap");
            judge_object(Some(&object), "ConfigMap", "c", &expected()).map_err(|fault| fault.code)
        };
        assert_eq!(judged(&staged, "f1"), Ok(()));
        assert_eq!(judged(&staged, "f2"), Err(Code::KitNotStaged));
        assert_eq!(judged(&json!({}), ""), Ok(()));
        let missing = judge_object(None::<&ConfigMap>, "ConfigMap", "c", &expected()).expect_err("missing");
        assert_eq!(missing.code, Code::KitNotStaged);
        assert!(missing.hint.is_some_and(|hint| hint.contains("`stage`")));
    }
}

//! The kit with which an earlier revision of the release ran: whether a staging has replaced it on the volume since, and how it goes back.

use std::time::Duration;

use flare_cluster::k8s_openapi::api::core::v1::PersistentVolumeClaim;
use flare_diagnostic::{Code, Collector, Diagnostic, Faults};
use flare_names::labels::KIT_FINGERPRINT;
use flare_pvc_stage::{Progress, VolumeStageOptions, noted_kit, stage};
use jiff::Timestamp;

use super::{readiness::Before, run::Run};
use crate::{pipeline::stage::run_name, runtime};

/// How long it may take, in addition to the installation's deadline.
const LIMIT: Duration = Duration::from_mins(2);

/// Puts back the kit that the staging before this installation replaced; returns its fingerprint. Does nothing if the earlier revision
/// ran the same kit, or mounts its own objects. Ctrl-C ends it, with what it began undone.
///
/// # Errors
/// If it is not known whether the kit was replaced, or another kit came back; the errors of a staging.
pub(super) async fn put_back(run: &Run<'_>, before: &Before, found: &mut Collector) -> Result<Option<String>, Faults> {
    let own = run.kit.fingerprint().to_string();
    if before.fingerprint.as_ref() == Some(&own) || run.kit.staged_record()?.is_some() {
        return Ok(None);
    }
    let plan = run.kit.plan();
    let claims = run.cluster.namespaced::<PersistentVolumeClaim>(plan.namespace.as_str());
    let claim = claims.find(plan.workspace.claim.as_str()).await?;
    let noted = claim.as_ref().and_then(noted_kit).filter(|noted| noted.is_of(run.kit));
    let is_own = noted.is_some_and(|noted| noted.fingerprint == own);
    let times = match before.fingerprint {
        Some(_) => None,
        None => claim.as_ref().and_then(noted_at).zip(made_at(run, before.revision)?),
    };
    match was_replaced(before.fingerprint.as_deref(), is_own, times) {
        Some(true) => {}
        Some(false) => return Ok(None),
        None => {
            let message = "that revision does not say with which kit it ran";
            return Err(Diagnostic::error(Code::StageFailed, message).hint("stage the kit with which it ran").into());
        }
    }
    (run.progress)("putting the earlier kit back on the volume");
    let options = VolumeStageOptions {
        create_namespace: false,
        create_claim: None,
        // The failed image may be the cause.
        image: Some(before.image.clone()),
        rollback: true,
        restart: true,
        again: false,
        repair: false,
        dry_run: false,
        deadline: LIMIT,
        run: run_name(),
    };
    let silent: Progress<'_> = &|_, _| ();
    let staged = Box::pin(stage(run.cluster, run.kit, &options, silent, runtime::stopped(run.stop))).await?;
    let back = staged.collect(found).fingerprint;
    match &before.fingerprint {
        Some(earlier) if back != *earlier => {
            let message = "the kit that was put back is not the one with which the earlier revision ran";
            Err(Diagnostic::error(Code::StageFailed, message).hint("stage the earlier prepared kit again").into())
        }
        _ if back.is_empty() => {
            found.push(without_fingerprint());
            Ok(None)
        }
        _ => Ok(Some(back)),
    }
}

/// Whether a staging has put this run's kit in the place of the one with which an earlier revision ran; `None` if that is not known. A
/// revision of the reference's chart, or of one that Helm alone installed, has no fingerprint: there the times tell whether the kit was noted
/// on the claim after the revision was made.
fn was_replaced(earlier: Option<&str>, is_own: bool, noted_and_made: Option<(Timestamp, Timestamp)>) -> Option<bool> {
    match earlier {
        Some(_) => Some(is_own),
        None if is_own => noted_and_made.map(|(noted, made)| noted > made),
        None => None,
    }
}

/// When Helm made a revision, by the clock of its machine.
fn made_at(run: &Run<'_>, revision: u64) -> Result<Option<Timestamp>, Diagnostic> {
    let history = run.release_within(LIMIT, |release| release.history())?;
    Ok(history.iter().find(|one| one.revision == revision).and_then(|one| one.updated.parse().ok()))
}

/// When the kit on a claim was noted, by the API server's clock.
fn noted_at(claim: &PersistentVolumeClaim) -> Option<Timestamp> {
    let entries = claim.metadata.managed_fields.as_deref().unwrap_or_default();
    let notes = entries.iter().filter(|entry| {
        let annotations = entry.fields_v1.as_ref().map(|fields| &fields.0["f:metadata"]["f:annotations"]);
        annotations.is_some_and(|annotations| !annotations[format!("f:{KIT_FINGERPRINT}")].is_null())
    });
    notes.filter_map(|entry| entry.time.as_ref().map(|time| time.0)).max()
}

fn without_fingerprint() -> Diagnostic {
    let message = "the kit that was on the volume before this one is there again; it has no fingerprint, since `stage` did not put it there";
    Diagnostic::warning(Code::Notice, message).hint("nothing is to be done; `status` shows no staged kit until one is staged")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_kit_goes_back_if_it_was_replaced_after_the_earlier_revision_was_made() {
        let times =
            |noted: &str, made: &str| -> Option<(Timestamp, Timestamp)> { Some((noted.parse().unwrap(), made.parse().unwrap())) };
        let (early, late) = ("2026-11-30T05:00:00Z", "2026-11-30T05:00:01.5Z");
        for (earlier, is_own, times, expected) in [
            (Some("3f"), true, None, Some(true)),
            (Some("3f"), false, None, Some(false)),
            // The reference's chart, over which a staged kit was installed.
            (None, true, times(late, early), Some(true)),
            // Helm alone installed the kit that is staged.
            (None, true, times(early, late), Some(false)),
            (None, true, None, None),
            (None, false, times(late, early), None),
        ] {
            assert_eq!(was_replaced(earlier, is_own, times), expected, "{earlier:?} {is_own} {times:?}");
        }
    }

    #[test]
    fn the_time_of_a_note_is_that_of_whoever_set_the_fingerprint() {
        let entry = |manager: &str, time: &str, annotation: &str| {
            json!({"manager": manager, "operation": "Update", "time": time, "fieldsType": "FieldsV1",
                "fieldsV1": {"f:metadata": {"f:annotations": {".": {}, format!("f:{annotation}"): {}}}}})
        };
        let claim = |entries: serde_json::Value| -> PersistentVolumeClaim {
            serde_json::from_value(json!({"metadata": {"managedFields": entries}})).unwrap()
        };
        let noted = entry("flare-kube", "2026-11-30T05:00:00Z", KIT_FINGERPRINT);
        let bound = entry("kube-controller-manager", "2026-11-30T06:00:00Z", "pv.kubernetes.io/bind-completed");
        assert_eq!(noted_at(&claim(json!([noted, bound]))), "2026-11-30T05:00:00Z".parse().ok());
        assert_eq!(noted_at(&claim(json!([bound]))), None);
        assert_eq!(noted_at(&PersistentVolumeClaim::default()), None);
    }
}

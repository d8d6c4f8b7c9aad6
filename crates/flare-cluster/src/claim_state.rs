//! What a claim and the events about it say: whether it has a volume, and whether it will get one.

use k8s_openapi::api::core::v1::{Event, PersistentVolumeClaim};

use crate::events;

/// Whether a claim has a volume.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClaimPhase {
    /// None yet: nobody has made one, or it is made for the first pod.
    Pending,
    /// One is bound to it.
    Bound,
    /// Its volume is gone, and it never gets another one.
    Lost,
}

/// The phase of a claim; one without a status was just created.
pub fn phase(claim: &PersistentVolumeClaim) -> ClaimPhase {
    match claim.status.as_ref().and_then(|status| status.phase.as_deref()) {
        Some("Bound") => ClaimPhase::Bound,
        Some("Lost") => ClaimPhase::Lost,
        _ => ClaimPhase::Pending,
    }
}

/// The storage class of a claim, in its field or as the annotation that Kubernetes still reads first. Empty: no class makes its volume, not
/// even the default one; `None`: it gets the cluster's default class, if there is one.
pub fn storage_class(claim: &PersistentVolumeClaim) -> Option<&str> {
    let annotation = claim.metadata.annotations.as_ref().and_then(|found| found.get("volume.beta.kubernetes.io/storage-class"));
    annotation.or_else(|| claim.spec.as_ref()?.storage_class_name.as_ref()).map(String::as_str)
}

/// Whether a claim asks for an access mode, such as `ReadWriteOncePod`.
pub fn has_access_mode(claim: &PersistentVolumeClaim, mode: &str) -> bool {
    claim.spec.as_ref().and_then(|spec| spec.access_modes.as_ref()).is_some_and(|modes| modes.iter().any(|one| one == mode))
}

/// The volume that a claim names, before or after it is bound to it.
pub fn volume_name(claim: &PersistentVolumeClaim) -> Option<&str> {
    claim.spec.as_ref()?.volume_name.as_deref().filter(|name| !name.is_empty())
}

/// The events among these about a failed attempt to make a claim's volume.
pub fn failed_attempts<'event>(events: impl IntoIterator<Item = &'event Event>) -> impl Iterator<Item = &'event Event> {
    events.into_iter().filter(|event| events::reason(event) == "ProvisioningFailed")
}

/// Whether the cause of a failed attempt passes: the storage driver was not there or had no time, and is asked again.
pub fn passes(attempt: &Event) -> bool {
    let message = events::message(attempt);
    ["code = DeadlineExceeded", "code = Aborted", "code = Unavailable"].iter().any(|passing| message.contains(passing))
}

/// Whether these failed attempts show that the cluster cannot make the volume: a cause that does not pass was met again.
pub fn is_hopeless<'event>(attempts: impl IntoIterator<Item = &'event Event>) -> bool {
    let lasting = attempts.into_iter().filter(|attempt| !passes(attempt)).map(events::count);
    lasting.fold(0, i32::saturating_add) >= 2
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn claim(annotations: &Value, spec: &Value, status: &Value) -> PersistentVolumeClaim {
        let claim = json!({"metadata": {"annotations": annotations}, "spec": spec, "status": status});
        serde_json::from_value(claim).expect("a claim")
    }

    #[test]
    fn a_claim_without_a_known_phase_has_no_volume() {
        for (status, expected) in [
            (json!({"phase": "Pending"}), ClaimPhase::Pending),
            (json!({"phase": "Bound"}), ClaimPhase::Bound),
            (json!({"phase": "Lost"}), ClaimPhase::Lost),
            (json!({}), ClaimPhase::Pending),
            (json!(null), ClaimPhase::Pending),
        ] {
            assert_eq!(phase(&claim(&json!(null), &json!({}), &status)), expected, "{status}");
        }
    }

    #[test]
    fn no_storage_class_is_another_thing_than_an_empty_one() {
        let old = json!({"volume.beta.kubernetes.io/storage-class": "fast"});
        for (annotations, spec, class, volume) in [
            (json!(null), json!({}), None, None),
            (json!(null), json!({"storageClassName": "", "volumeName": ""}), Some(""), None),
            (json!(null), json!({"storageClassName": "slow", "volumeName": "v"}), Some("slow"), Some("v")),
            (old.clone(), json!({}), Some("fast"), None),
            (old, json!({"storageClassName": "slow"}), Some("fast"), None),
        ] {
            let claim = claim(&annotations, &spec, &json!(null));
            assert_eq!((storage_class(&claim), volume_name(&claim)), (class, volume), "{claim:?}");
        }
    }

    #[test]
    fn a_volume_is_given_up_for_what_was_met_twice_and_does_not_pass() {
        let event = |reason: &str, times: i32, message: &str| -> Event {
            let event = json!({"metadata": {}, "involvedObject": {}, "reason": reason, "count": times, "message": message});
            serde_json::from_value(event).expect("an event")
        };
        let failed = |times: i32, message: &str| event("ProvisioningFailed", times, message);
        let busy = "failed to provision volume: rpc error: code = DeadlineExceeded desc = context deadline exceeded";
        for (events, expected) in [
            (vec![failed(1, "storageclass \"fast\" not found")], false),
            (vec![failed(2, "storageclass \"fast\" not found")], true),
            (vec![failed(1, "no room in pool a"), failed(1, "no room in pool b")], true),
            (vec![failed(9, busy), failed(9, "code = Unavailable"), failed(9, "code = Aborted")], false),
            (vec![failed(9, busy), failed(1, "no room")], false),
            (vec![event("ExternalProvisioning", 9, "waiting for a volume"), event("FailedBinding", 9, "no volume")], false),
            (vec![failed(i32::MAX, "no room"), failed(1, "no room")], true),
            (vec![], false),
        ] {
            assert_eq!(is_hopeless(failed_attempts(&events)), expected, "{events:?}");
        }
    }
}

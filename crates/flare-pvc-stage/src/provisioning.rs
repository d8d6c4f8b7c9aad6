//! Whether a claim whose helper pod does not start gets a volume, and whether the node can prepare the pod with it.

use std::time::Duration;

use flare_cluster::{
    Cluster, Selection,
    claim_state::{self, ClaimPhase},
    events,
    k8s_openapi::api::core::v1::{Event, PersistentVolumeClaim},
};
use flare_diagnostic::{Code, Diagnostic};
use tokio::time::{Instant, sleep};

/// The interval at which claim and events are read.
const LOOK: Duration = if cfg!(test) { Duration::from_millis(100) } else { Duration::from_secs(3) };

/// How long a claim may wait for a volume that somebody makes by hand: Kubernetes looks for one every 15 s, so one that is made meanwhile
/// is found.
const BY_HAND: Duration = Duration::from_secs(30);

/// The reasons of events about what a node needs before it creates a container: volumes, for instance one that another node still has, and
/// the network. The status of the pod does not tell them.
const NOT_PREPARED: [&str; 3] = ["FailedAttachVolume", "FailedMount", "FailedCreatePodSandBox"];

/// Returns why the claim gets no volume, otherwise never returns: the cluster fails repeatedly, and again while this waits, to make one; or
/// no storage class makes one, and none that was made by hand fits the claim in [`BY_HAND`]. `waits_for` is set to the reason as soon as it
/// is known, also to the one for which the node cannot prepare the helper pod.
///
/// A user who may not read events learns only at the deadline that the pod waits for a storage class.
pub(crate) async fn gets_no_volume(
    cluster: &Cluster,
    namespace: &str,
    name: &str,
    pod: &str,
    waits_for: &mut String,
) -> Diagnostic {
    let (claims, happened) = (cluster.namespaced::<PersistentVolumeClaim>(namespace), cluster.namespaced::<Event>(namespace));
    let pending =
        async || claims.find(name).await.ok().flatten().filter(|claim| claim_state::phase(claim) == ClaimPhase::Pending);
    let of = async |claim: &PersistentVolumeClaim| {
        let fields = claim.metadata.uid.as_ref().map(|uid| format!("involvedObject.uid={uid}"));
        happened.list(&Selection { labels: None, fields }).await.ok()
    };
    // What had been said before this run began to wait.
    let mut before = match pending().await {
        Some(claim) => of(&claim).await,
        None => None,
    };
    let begin = Instant::now();
    loop {
        sleep(LOOK).await;
        let Some(claim) = pending().await else {
            let of_pod = Selection { labels: None, fields: Some(format!("involvedObject.name={pod}")) };
            *waits_for = happened.list(&of_pod).await.ok().and_then(|now| not_prepared(&now, pod)).unwrap_or_default();
            continue;
        };
        let now = of(&claim).await;
        let missing = if is_made_by_hand(&claim) {
            Some(MissingVolume::unbound(&claim, now.as_deref().unwrap_or_default(), begin.elapsed()))
        } else {
            now.and_then(|now| MissingVolume::unprovisioned(before.get_or_insert_with(|| now.clone()), &now))
        };
        match missing {
            Some(missing) if missing.is_lasting => {
                return Diagnostic::error(Code::ClaimNotUsable, format!("the claim `{name}` gets no volume: {}", missing.why))
                    .hint(missing.hint);
            }
            Some(missing) => *waits_for = format!("the claim `{name}` has no volume yet: {}", missing.why),
            None => waits_for.clear(),
        }
    }
}

/// What keeps a node from creating the container of a pod, by the newest event about the pod: any later one shows that it goes on.
fn not_prepared(happened: &[Event], pod: &str) -> Option<String> {
    let newest = events::newest(happened.iter().filter(|event| event.involved_object.name.as_deref() == Some(pod)))?;
    let (reason, message) = (events::reason(newest), events::message(newest));
    NOT_PREPARED.contains(&reason).then(|| format!("{reason}: {message}"))
}

/// Why a claim has no volume.
#[derive(Debug, PartialEq, Eq)]
struct MissingVolume {
    why: String,
    hint: &'static str,
    /// Whether waiting cannot be expected to help.
    is_lasting: bool,
}

impl MissingVolume {
    /// Of a claim whose volume somebody makes by hand, after some time. It is bound at the next look of Kubernetes once there is one.
    fn unbound(claim: &PersistentVolumeClaim, happened: &[Event], waited: Duration) -> Self {
        let last = events::newest(happened.iter().filter(|event| events::reason(event) == "FailedBinding"));
        let why = last.and_then(|event| event.message.clone()).unwrap_or_else(|| match claim_state::volume_name(claim) {
            Some(volume) => format!("the volume `{volume}`, which it names, is not bound to it"),
            None => "no volume fits it, and it has no storage class that makes one".to_owned(),
        });
        Self {
            why,
            hint: "make a volume that fits it (size, access modes, storage class) and run the same command again; or delete the claim and \
                   create it with `--storage-class`",
            is_lasting: waited >= BY_HAND,
        }
    }

    /// Of a claim whose storage class makes its volume: what it said since this run waits, and whether it said so several times. Clocks are
    /// not compared.
    fn unprovisioned(before: &[Event], now: &[Event]) -> Option<Self> {
        let known = |event: &Event| before.iter().find(|known| known.metadata.uid == event.metadata.uid).map_or(0, events::count);
        let attempts = || claim_state::failed_attempts(now);
        let last = events::newest(attempts().filter(|event| events::count(event) > known(event)))?;
        Some(Self {
            why: last.message.clone().unwrap_or_else(|| "no reason is given".to_owned()),
            hint: "delete the claim and create it with another `--storage-class`, `--access-mode` or size",
            is_lasting: claim_state::is_hopeless(attempts()),
        })
    }
}

/// Whether nothing but a person makes a volume for a claim: it has no storage class, not even by its old annotation, or names a volume.
fn is_made_by_hand(claim: &PersistentVolumeClaim) -> bool {
    claim_state::storage_class(claim).is_none_or(str::is_empty) || claim_state::volume_name(claim).is_some()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn event(uid: &str, reason: &str, count: i32) -> Event {
        let event = json!({"metadata": {"name": uid, "uid": uid}, "involvedObject": {}, "reason": reason, "count": count, "message": uid});
        serde_json::from_value(event).expect("an event")
    }

    #[test]
    fn what_a_node_lacks_for_a_pod_counts_until_something_else_happens() {
        let event = |pod: &str, reason: &str, second: u8| -> Event {
            let at = format!("2026-01-01T00:00:0{second}Z");
            let about = json!({"name": pod});
            serde_json::from_value(
                json!({"metadata": {}, "involvedObject": about, "reason": reason, "message": "why", "lastTimestamp": at}),
            )
            .expect("an event")
        };
        let failed = |second| event("p", "FailedMount", second);
        for (happened, expected) in [
            (vec![], None),
            (vec![event("p", "Scheduled", 1), failed(2), event("q", "Pulled", 3)], Some("FailedMount: why")),
            (vec![event("p", "FailedAttachVolume", 4), event("p", "Scheduled", 1)], Some("FailedAttachVolume: why")),
            (vec![event("p", "FailedCreatePodSandBox", 4)], Some("FailedCreatePodSandBox: why")),
            (vec![failed(2), event("p", "Pulling", 3)], None),
            (vec![event("p", "FailedScheduling", 4)], None),
            (vec![event("q", "FailedMount", 4)], None),
        ] {
            assert_eq!(not_prepared(&happened, "p").as_deref(), expected, "{happened:?}");
        }
    }

    #[test]
    fn only_a_failure_that_is_repeated_while_one_waits_is_lasting() {
        let failed = |uid: &str, count| event(uid, "ProvisioningFailed", count);
        let old = [failed("a", 7)];
        for (before, now, expected) in [
            (&old[..], vec![failed("a", 7)], None),
            (&old[..], vec![failed("a", 7), event("b", "ExternalProvisioning", 9)], None),
            (&old[..], vec![failed("a", 8)], Some(("a", true))),
            (&old[..], vec![failed("a", 7), failed("b", 1)], Some(("b", true))),
            (&old[..0], vec![failed("a", 1)], Some(("a", false))),
            (&old[..0], vec![event("a", "FailedBinding", 2)], None),
            (&old[..0], vec![failed("code = Unavailable", 9)], Some(("code = Unavailable", false))),
        ] {
            let found = MissingVolume::unprovisioned(before, &now);
            assert_eq!(found.as_ref().map(|missing| (missing.why.as_str(), missing.is_lasting)), expected, "{now:?}");
        }
    }

    /// It is bound as soon as somebody makes a volume, so the reason counts at once, and only its lasting ends the run.
    #[test]
    fn a_claim_without_a_storage_class_waits_a_while_for_a_volume_that_is_made_by_hand() {
        let claim =
            |class: serde_json::Value, volume: serde_json::Value, annotations: serde_json::Value| -> PersistentVolumeClaim {
                let claim =
                    json!({"metadata": {"annotations": annotations}, "spec": {"storageClassName": class, "volumeName": volume}});
                serde_json::from_value(claim).expect("a claim")
            };
        let nothing = || json!(null);
        let old = json!({"volume.beta.kubernetes.io/storage-class": "fast"});
        for (class, volume, annotations, expected) in [
            (nothing(), nothing(), nothing(), true),
            (json!(""), nothing(), nothing(), true),
            (json!("fast"), nothing(), nothing(), false),
            (nothing(), nothing(), old, false),
            (json!("fast"), json!("v"), nothing(), true),
        ] {
            let claim = claim(class, volume, annotations);
            assert_eq!(is_made_by_hand(&claim), expected, "{claim:?}");
        }
        let without = claim(nothing(), nothing(), nothing());
        let naming = claim(nothing(), json!("v"), nothing());
        let said = [event("no volume available", "FailedBinding", 1)];
        for (claim, events, waited, why, is_lasting) in [
            (&without, &said[..], 3, "no volume available", false),
            (&without, &said[..], 30, "no volume available", true),
            (&without, &[][..], 30, "no volume fits it, and it has no storage class that makes one", true),
            (&naming, &[][..], 29, "the volume `v`, which it names, is not bound to it", false),
        ] {
            let missing = MissingVolume::unbound(claim, events, Duration::from_secs(waited));
            assert_eq!((missing.why.as_str(), missing.is_lasting), (why, is_lasting));
        }
    }
}

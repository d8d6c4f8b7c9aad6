//! Decisions that depend on a sentence of the API server, because Kubernetes provides nothing else: why a pod of a `ReplicaSet` was refused.
//!
//! Other modules read the texts of other programs, and no decision depends on a text of flare-kube's own. In `flare_cluster`: `start_fault` why
//! a container did not start, `image_pull` why an image was not pulled, `claim_state` whether a storage driver tries again, `events` which
//! event is about a pull. Here: `registered` FLARE's log, its only sign of a registration, and `online::judgement` the reasons of
//! `OpenSSL`, as far as they have no code.
//!
//! An unknown text counts as a transient fault, and is waited for.

/// Why the API server refuses a pod permanently.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The namespace's Pod Security level.
    PodSecurity,
    /// A `ResourceQuota` is used up.
    QuotaUsedUp,
    /// A `ResourceQuota` counts what the pod does not set.
    QuotaNeedsValues,
    /// A `LimitRange`.
    LimitRange,
    /// The pod's `ServiceAccount` does not exist.
    NoServiceAccount,
    /// Its priority class does not exist.
    NoPriorityClass,
    /// The pod breaks a rule of Kubernetes itself.
    Invalid,
    /// Another admission rule, such as a webhook's.
    Admission,
}

/// Texts of the API server's own admission plugins; the first match counts.
const REFUSALS: &[(&str, Refusal)] = &[
    ("violates PodSecurity", Refusal::PodSecurity),
    ("exceeded quota", Refusal::QuotaUsedUp),
    ("failed quota", Refusal::QuotaNeedsValues),
    ("error looking up service account", Refusal::NoServiceAccount),
    ("no PriorityClass with name", Refusal::NoPriorityClass),
    ("usage per Container is", Refusal::LimitRange),
    ("usage per Pod is", Refusal::LimitRange),
    ("max limit to request ratio", Refusal::LimitRange),
    ("denied the request", Refusal::Admission),
    (" is invalid: ", Refusal::Invalid),
    (" is forbidden: ", Refusal::Admission),
];

/// The meaning of a text about a refused pod; `None` for a transient fault, such as a webhook that does not answer.
pub(crate) fn refusal(text: &str) -> Option<Refusal> {
    // A terminating namespace and a quota without status are transient.
    const PASSING: [&str; 3] = ["being terminated", "status unknown for quota", "failed calling webhook"];
    if PASSING.iter().any(|passing| text.contains(passing)) {
        return None;
    }
    REFUSALS.iter().find(|(known, _)| text.contains(known)).map(|(_, refusal)| *refusal)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Texts of Kubernetes 1.34.
    #[test]
    fn what_a_refused_pod_means() {
        use Refusal::*;
        let cases: &[(&str, Option<Refusal>)] = &[
            (
                "pods \"site-1-7d\" is forbidden: violates PodSecurity \"restricted:latest\": allowPrivilegeEscalation != false",
                Some(PodSecurity),
            ),
            (
                "pods \"site-1-7d\" is forbidden: exceeded quota: team, requested: requests.memory=8Gi, used: requests.memory=0, limited: \
                 requests.memory=4Gi",
                Some(QuotaUsedUp),
            ),
            (
                "pods \"site-1-7d\" is forbidden: failed quota: team: must specify limits.memory for: site-1",
                Some(QuotaNeedsValues),
            ),
            ("pods \"site-1-7d\" is forbidden: maximum memory usage per Container is 1Gi, but limit is 8Gi", Some(LimitRange)),
            ("pods \"a\" is forbidden: [minimum cpu usage per Pod is 1, but request is 100m]", Some(LimitRange)),
            (
                "pods \"a\" is forbidden: memory max limit to request ratio per Container is 2, but provided ratio is 4.000000",
                Some(LimitRange),
            ),
            (
                "pods \"a\" is forbidden: error looking up service account default/site-1: serviceaccount \"site-1\" not found",
                Some(NoServiceAccount),
            ),
            ("pods \"a\" is forbidden: no PriorityClass with name high was found", Some(NoPriorityClass)),
            (
                "Pod \"a\" is invalid: spec.containers[0].resources.requests: Invalid value: \"8Gi\": must be less than or equal to memory \
                 limit of 1Gi",
                Some(Invalid),
            ),
            (
                "admission webhook \"validation.gatekeeper.sh\" denied the request: [registry] image is not allowed",
                Some(Admission),
            ),
            ("pods \"a\" is forbidden: unable to create new content in namespace fl because it is being terminated", None),
            ("pods \"a\" is forbidden: status unknown for quota: team, resources: pods", None),
            ("Internal error occurred: failed calling webhook \"x\": context deadline exceeded", None),
            ("etcdserver: request timed out", None),
        ];
        for (text, expected) in cases {
            assert_eq!(refusal(text), *expected, "{text}");
        }
    }
}

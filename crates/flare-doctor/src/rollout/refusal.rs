//! A Deployment without a pod: the API server refuses it, or it is being created.

use std::iter::once;

use flare_cluster::events;

use super::{
    current::Current,
    look::{ObservedParent, RolloutStatus},
};
use crate::{
    Finding,
    texts::{self, Refusal},
};

pub(super) fn judge(look: &ObservedParent<'_>, current: &Current<'_>) -> RolloutStatus {
    let name = look.name;
    let Some(said) = said(look, current) else {
        let (what, hint) = if current.others > 0 {
            ("waits until its former pod has ended", "see why that pod does not end: `kubectl describe pod`")
        } else {
            ("has no pod yet", "look at the cluster's controllers: they do not make the pod")
        };
        return RolloutStatus::Waiting(Finding::error("D80", format!("the Deployment `{name}` {what}"), hint));
    };
    let Some(refusal) = texts::refusal(said) else {
        let hint = "see why the webhook or service that the text names does not answer";
        let finding = Finding::error("D22", format!("Kubernetes could not make the pod of `{name}`, and tries again"), hint);
        return RolloutStatus::Waiting(finding.evidence(once(said)));
    };
    let (id, why, hint) = words(refusal);
    let finding = Finding::error(id, format!("Kubernetes refuses to make the pod of `{name}`: {why}"), hint);
    let finding = finding.evidence(once(said));
    // A quota may be counted late, and a ServiceAccount created late.
    match refusal {
        Refusal::QuotaUsedUp | Refusal::NoServiceAccount => RolloutStatus::hopeless_soon(finding),
        _ => RolloutStatus::hopeless(finding),
    }
}

/// The message of the `ReplicaSet` about its last attempt.
fn said<'api>(look: &ObservedParent<'api>, current: &Current<'api>) -> Option<&'api str> {
    let conditions = current.replica_set.status.as_ref()?.conditions.as_deref().unwrap_or_default();
    let failure = conditions.iter().find(|condition| condition.type_ == "ReplicaFailure" && condition.status == "True")?;
    let uid = current.replica_set.metadata.uid.as_deref();
    let of_event = || {
        let own = events::about(look.events, uid).filter(|event| events::reason(event) == "FailedCreate");
        events::newest(own).and_then(|event| event.message.as_deref())
    };
    failure.message.as_deref().filter(|message| !message.is_empty()).or_else(of_event).or(Some(""))
}

/// Id, cause and hint.
const fn words(refusal: Refusal) -> (&'static str, &'static str, &'static str) {
    match refusal {
        Refusal::PodSecurity => (
            "D21",
            "the namespace's Pod Security level forbids it",
            "prepare the kit with security settings that the level takes (`pod_security_context` in k8s.yaml, `containerSecurityContext` \
             in the chart's values), or choose a namespace with another level",
        ),
        Refusal::QuotaUsedUp => (
            "D23",
            "the namespace's quota is used up",
            "lower `parent.resources` in k8s.yaml and prepare again, free what the namespace does not need, or have the quota raised",
        ),
        Refusal::QuotaNeedsValues => (
            "D23",
            "the namespace's quota counts requests or limits that the parent does not set",
            "set what the text names in `parent.resources` of k8s.yaml and prepare again, or have a LimitRange with defaults made",
        ),
        Refusal::LimitRange => (
            "D24",
            "the namespace's LimitRange does not take its requests and limits",
            "set `parent.resources` in k8s.yaml to what the LimitRange takes, and prepare and install again",
        ),
        Refusal::NoServiceAccount => (
            "D22",
            "its ServiceAccount is not there",
            "install the chart with `serviceAccount.create=true`, or create the account that `serviceAccount.name` names",
        ),
        Refusal::NoPriorityClass => {
            ("D22", "its priority class is not there", "create the PriorityClass, or leave `priorityClassName` out of the values")
        }
        Refusal::Invalid => (
            "D22",
            "it breaks a rule of Kubernetes",
            "correct the field that the text names in the values; a LimitRange of the namespace may have set a part of it",
        ),
        Refusal::Admission => (
            "D22",
            "a rule of the cluster forbids it",
            "change what the text names, or ask the cluster's administrator about the rule",
        ),
    }
}

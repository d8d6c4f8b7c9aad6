//! Images that cannot be pulled.

use std::time::Duration;

use k8s_openapi::api::core::v1::{Event, Pod};

use super::{
    look::{ObservedParent, RolloutStatus},
    reference::ReferenceKind,
};
use crate::{
    Finding,
    texts::{self, PullFault},
};

/// The number of failed attempts with a permanent fault that is enough.
const ATTEMPTS: i32 = 2;

/// The time limit if the attempts cannot be counted: longer than the kubelet's first pause of 10 s.
const UNCOUNTED: Duration = Duration::from_secs(15);

/// The verdict for `ErrImagePull` or `ImagePullBackOff`. `message` is the kubelet's.
pub(super) fn judge(look: &ObservedParent<'_>, pod: &Pod, image: &str, message: &str) -> RolloutStatus {
    let events = own_events(look.events, pod);
    // During the back-off, older kubelets no longer report the reason; the event still does.
    let failed =
        events.iter().filter(|event| event.reason.as_deref() == Some("Failed")).filter_map(|event| event.message.as_deref());
    let texts: Vec<&str> = std::iter::once(message).chain(failed).filter(|text| !text.is_empty()).collect();
    let fault = texts.iter().find_map(|text| texts::pull_fault(text));
    let evidence = texts.iter().find(|text| texts::pull_fault(text).is_some()).or(texts.first());
    let Some(fault) = fault else {
        let hint = "see that the node reaches the registry; an image that is large takes its time";
        let finding =
            Finding::error("D52", format!("the image `{image}` could not be pulled yet, and the node tries again"), hint);
        return RolloutStatus::Waiting(finding.evidence(evidence));
    };
    let finding = permanent(look, pod, image, fault).evidence(evidence);
    match attempts(&events) {
        None => RolloutStatus::Hopeless { finding, after: UNCOUNTED },
        Some(attempts) if attempts >= ATTEMPTS => RolloutStatus::hopeless(finding),
        Some(_) => RolloutStatus::Waiting(finding),
    }
}

/// A registry hides from those who may not see it what is there, so the pull Secrets come first for both.
fn permanent(look: &ObservedParent<'_>, pod: &Pod, image: &str, fault: PullFault) -> Finding {
    let about_secrets = matches!(fault, PullFault::NotAllowed | PullFault::NotThere);
    let missing = look.missing.iter().find(|missing| missing.kind == ReferenceKind::PullSecret);
    if let Some(secret) = missing.filter(|_| about_secrets) {
        let message = format!("the image `{image}` cannot be pulled: the pull Secret `{}` is not there", secret.name);
        return Finding::error("D51", message, format!("create it: `kubectl create secret docker-registry {} …`", secret.name));
    }
    let named = pod.spec.iter().flat_map(|spec| spec.image_pull_secrets.iter().flatten());
    let named = named.map(|secret| format!("`{}`", secret.name)).collect::<Vec<_>>().join(", ");
    if fault == PullFault::NotAllowed && !named.is_empty() {
        let message = format!(
            "the image `{image}` cannot be pulled: the registry does not take the credentials of the pull Secret {named}"
        );
        let hint = "create the Secret anew with credentials for this image's registry, or correct the image's name";
        return Finding::error("D51", message, hint);
    }
    let (why, hint) = words(fault);
    Finding::error("D52", format!("the image `{image}` cannot be pulled: {why}"), hint)
}

/// How often the kubelet began to pull; `None` if no event shows it. While the container waits for its image, all have failed.
fn attempts(events: &[&Event]) -> Option<i32> {
    let pulls = events.iter().filter(|event| event.reason.as_deref() == Some("Pulling"));
    pulls
        .map(|event| event.series.as_ref().and_then(|series| series.count).or(event.count).unwrap_or(1))
        .reduce(|all, one| all + one)
}

pub(super) fn own_events<'api>(events: &'api [Event], pod: &Pod) -> Vec<&'api Event> {
    let uid = pod.metadata.uid.as_deref();
    events.iter().filter(|event| uid.is_some() && event.involved_object.uid.as_deref() == uid).collect()
}

const fn words(fault: PullFault) -> (&'static str, &'static str) {
    match fault {
        PullFault::NotThere => {
            ("the registry has no such image or tag", "correct `docker_image` in k8s.yaml, and prepare and install again")
        }
        PullFault::NotAllowed => (
            "the registry does not give it to this cluster, or has no such image",
            "name a Secret with credentials for this registry in `parent.image_pull_secrets` of k8s.yaml, or correct the image's name",
        ),
        PullFault::Platform => {
            ("the registry has none for the node's processor", "choose an image that is built for the nodes' processor")
        }
        PullFault::NotTrusted => (
            "the node does not trust the registry",
            "have the registry's certificate authority set up on the nodes, or use a registry that they trust",
        ),
        PullFault::NoImage => ("what is there is no image that the node can use", "correct `docker_image` in k8s.yaml"),
    }
}

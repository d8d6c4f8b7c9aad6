//! Images that cannot be pulled.

use std::time::Duration;

use flare_cluster::{
    events,
    image_pull::{PullFault, pull_fault},
};
use k8s_openapi::api::core::v1::Pod;

use super::{
    look::{ObservedParent, RolloutStatus},
    reference::ReferenceKind,
};
use crate::Finding;

/// The number of failed attempts with a permanent fault that is enough.
const ATTEMPTS: i32 = 2;

/// The time limit if the attempts cannot be counted: longer than the kubelet's first pause of 10 s.
const UNCOUNTED: Duration = Duration::from_secs(15);

/// The verdict for a container whose image could not be pulled. `message` is the kubelet's.
pub(super) fn judge(look: &ObservedParent<'_>, pod: &Pod, container: &str, image: &str, message: &str) -> RolloutStatus {
    let own =
        || events::about(look.events, pod.metadata.uid.as_deref()).filter(|event| events::is_of_container(event, container));
    // During the back-off, older kubelets no longer report the reason; the event still does.
    let failed = own().filter(|event| events::reason(event) == "Failed").map(events::message);
    let texts: Vec<&str> = std::iter::once(message).chain(failed).filter(|text| !text.is_empty()).collect();
    let fault = texts.iter().find_map(|text| pull_fault(text));
    let evidence = texts.iter().find(|text| pull_fault(text).is_some()).or(texts.first());
    let Some(fault) = fault else {
        let hint = "see that the node reaches the registry; an image that is large takes its time";
        let finding =
            Finding::error("D52", format!("the image `{image}` could not be pulled yet, and the node tries again"), hint);
        return RolloutStatus::Waiting(finding.evidence(evidence));
    };
    let finding = permanent(look, pod, image, fault).evidence(evidence);
    match events::failed_pulls(own()) {
        0 => RolloutStatus::Hopeless { finding, after: UNCOUNTED },
        attempts if attempts >= ATTEMPTS => RolloutStatus::hopeless(finding),
        _ => RolloutStatus::Waiting(finding),
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

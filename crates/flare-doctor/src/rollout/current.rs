//! The current pod: the newest one of the Deployment's newest template.

use flare_cluster::pod_state::{container_status, phase};
use k8s_openapi::{
    api::{
        apps::v1::{Deployment, ReplicaSet},
        core::v1::{ContainerStatus, Pod, PodSpec},
    },
    apimachinery::pkg::apis::meta::v1::ObjectMeta,
};

use super::look::{ObservedParent, RolloutStatus};
use crate::Finding;

/// The annotation with the template's revision, on the Deployment and its `ReplicaSet`s.
const REVISION: &str = "deployment.kubernetes.io/revision";

/// What belongs to the Deployment's newest template.
#[derive(Debug, Clone, Copy)]
pub(super) struct Current<'api> {
    pub(super) deployment: &'api Deployment,
    pub(super) replica_set: &'api ReplicaSet,
    /// The newest pod that is not being deleted.
    pub(super) pod: Option<&'api Pod>,
    /// Whether the Deployment has other pods.
    pub(super) others: usize,
}

/// Finds the current pod, or the verdict about why there is none.
pub(super) fn find<'api>(look: &ObservedParent<'api>) -> Result<Current<'api>, Box<RolloutStatus>> {
    let name = look.name;
    let Some(deployment) = look.deployment else {
        let finding =
            Finding::error("D80", format!("there is no Deployment `{name}`"), "install the chart of the prepared kit first");
        return Err(Box::new(RolloutStatus::hopeless_soon(finding)));
    };
    let spec = deployment.spec.as_ref();
    // The command of a hint works whatever namespace the reader's own context has.
    let at = deployment.metadata.namespace.as_ref().map(|namespace| format!(" --namespace {namespace}")).unwrap_or_default();
    if spec.is_some_and(|spec| spec.replicas == Some(0)) {
        let finding = Finding::error(
            "D80",
            format!("the Deployment `{name}` is scaled down to 0 pods"),
            format!("scale it up: `kubectl scale deployment {name} --replicas=1{at}`"),
        );
        return Err(Box::new(RolloutStatus::hopeless_soon(finding)));
    }
    if spec.is_some_and(|spec| spec.paused == Some(true)) {
        let hint = format!("resume it: `kubectl rollout resume deployment/{name}{at}`");
        let finding = Finding::error("D80", format!("the rollout of the Deployment `{name}` is paused"), hint);
        return Err(Box::new(RolloutStatus::hopeless_soon(finding)));
    }
    let not_yet = |what: &str| {
        let hint = "look at the controllers of the cluster (kube-controller-manager): they do not act on the Deployment";
        Err(Box::new(RolloutStatus::Waiting(Finding::error("D80", format!("the Deployment `{name}` {what}"), hint))))
    };
    let observed = deployment.status.as_ref().and_then(|status| status.observed_generation).unwrap_or(0);
    if observed < deployment.metadata.generation.unwrap_or(0) {
        return not_yet("has a change that no controller has seen yet");
    }
    let sets = || look.replica_sets.iter().filter(|set| is_owned(&set.metadata, deployment.metadata.uid.as_deref()));
    let Some(replica_set) = sets().find(|set| revision(&set.metadata) == revision(&deployment.metadata)) else {
        return not_yet("has no ReplicaSet of its newest template yet");
    };
    let pods = || look.pods.iter().filter(|pod| sets().any(|set| is_owned(&pod.metadata, set.metadata.uid.as_deref())));
    let uid = replica_set.metadata.uid.as_deref();
    let pod = pods()
        .filter(|pod| is_owned(&pod.metadata, uid) && pod.metadata.deletion_timestamp.is_none() && !has_failed(pod))
        .max_by_key(|pod| pod.metadata.creation_timestamp.as_ref().map(|time| time.0));
    let others = pods().filter(|other| !has_failed(other) && other.metadata.uid != pod.and_then(|pod| pod.metadata.uid.clone()));
    Ok(Current { deployment, replica_set, pod, others: others.count() })
}

/// Whether a pod was evicted or refused by a node; it remains as a record and is replaced by another one.
fn has_failed(pod: &Pod) -> bool {
    phase(pod) == Some("Failed")
}

fn revision(metadata: &ObjectMeta) -> Option<&str> {
    metadata.annotations.as_ref()?.get(REVISION).map(String::as_str)
}

fn is_owned(metadata: &ObjectMeta, owner: Option<&str>) -> bool {
    let owners = metadata.owner_references.as_deref().unwrap_or_default();
    owner.is_some_and(|owner| owners.iter().any(|reference| reference.uid == owner))
}

/// The parent's container among those of its pod or its Deployment's template: the one with the Deployment's name, as in both releases' charts,
/// otherwise the first. A cluster may inject others before it.
pub(crate) fn parent_container<'spec>(spec: Option<&'spec PodSpec>, deployment: &'spec str) -> &'spec str {
    let containers = spec.map(|spec| spec.containers.as_slice()).unwrap_or_default();
    let own = containers.iter().find(|container| container.name == deployment).or(containers.first());
    own.map_or(deployment, |container| &container.name)
}

impl Current<'_> {
    /// The parent's container.
    pub(super) fn container(&self) -> &str {
        let template = self.deployment.spec.as_ref().and_then(|spec| spec.template.spec.as_ref());
        parent_container(template, self.deployment.metadata.name.as_deref().unwrap_or_default())
    }

    /// The kubelet's status of that container.
    pub(super) fn status<'pod>(&self, pod: &'pod Pod) -> Option<&'pod ContainerStatus> {
        container_status(pod, self.container())
    }
}

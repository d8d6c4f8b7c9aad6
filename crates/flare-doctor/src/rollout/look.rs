//! What is observed of a parent at one time, and the verdict about it.

use std::time::Duration;

use flare_cluster::pod_state::container_status;
use jiff::Timestamp;
use k8s_openapi::api::{
    apps::v1::{Deployment, ReplicaSet},
    core::v1::{Event, PersistentVolumeClaim, Pod},
};

use super::reference::Reference;
use crate::Finding;

/// The parent's Deployment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParentDeployment {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub deployment: String,
}

/// A running parent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunningParent {
    /// The pod.
    pub pod: String,
    /// Its uid, which distinguishes it from a later pod of the same name.
    pub uid: String,
    /// The parent's container.
    pub container: String,
    /// The node.
    pub node: String,
    /// The number of restarts of the container.
    pub restarts: i32,
}

impl RunningParent {
    /// Whether the parent in this pod is still the same: neither replaced nor restarted.
    pub fn still_is(&self, pod: &Pod) -> bool {
        is_start(pod, &self.uid, &self.container, self.restarts)
    }
}

/// Whether a pod is the one with this uid, and its container was restarted this often. Injected containers have restarts of their own.
pub(crate) fn is_start(pod: &Pod, uid: &str, container: &str, restarts: i32) -> bool {
    let found = container_status(pod, container).map(|status| status.restart_count);
    pod.metadata.uid.as_deref() == Some(uid) && found == Some(restarts)
}

/// A rollout that has ended well.
#[derive(Debug, Clone, PartialEq)]
pub struct Rollout {
    /// The parent, which has run long enough.
    pub running: RunningParent,
    /// The Deployment at that time.
    pub deployment: Deployment,
}

/// What was observed of a parent at one time.
#[derive(Debug, Clone, Copy)]
pub struct ObservedParent<'api> {
    /// The Deployment's name.
    pub name: &'api str,
    /// The Deployment; `None` if there is none.
    pub deployment: Option<&'api Deployment>,
    /// The namespace's `ReplicaSet`s, of this Deployment and of others.
    pub replica_sets: &'api [ReplicaSet],
    /// The namespace's pods, of this Deployment and of others.
    pub pods: &'api [Pod],
    /// The namespace's events; empty if they cannot be read.
    pub events: &'api [Event],
    /// The claims that the pod names, as far as they exist.
    pub claims: &'api [PersistentVolumeClaim],
    /// Objects that the pod or its claims name and that are known not to exist.
    pub missing: &'api [Reference],
    /// The last lines of the container that exited last; empty if none has exited.
    pub log: &'api str,
    /// The wall clock, for the age of events.
    pub now: Timestamp,
}

/// The verdict about an observation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RolloutStatus {
    /// The container of the newest pod runs, the pod is ready, and no other pod of the Deployment is left.
    Running(RunningParent),
    /// Not yet, but Kubernetes is working or recovers: what it waits for, as the finding that is reported if the time is up.
    Waiting(Finding),
    /// Waiting does not help.
    Hopeless {
        /// The reason and the hint.
        finding: Finding,
        /// How long this must last, since objects are created one after the other.
        after: Duration,
    },
}

impl RolloutStatus {
    pub(super) const fn hopeless(finding: Finding) -> Self {
        Self::Hopeless { finding, after: Duration::ZERO }
    }

    /// Hopeless unless it passes shortly, while other objects of the same installation are created.
    pub(super) const fn hopeless_soon(finding: Finding) -> Self {
        Self::Hopeless { finding, after: SETTLE }
    }
}

/// How long an object may exist before another one that it names.
const SETTLE: Duration = Duration::from_secs(3);

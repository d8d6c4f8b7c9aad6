//! What is seen of a parent at one time, and what that means.

use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::{
    apps::v1::{Deployment, ReplicaSet},
    core::v1::{Event, PersistentVolumeClaim, Pod},
};

use super::reference::Reference;
use crate::Finding;

/// The parent's Deployment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub deployment: String,
}

/// A parent that runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Running {
    /// The pod.
    pub pod: String,
    /// Its uid: a pod made again under another or the same name is not this one.
    pub uid: String,
    /// The parent's container.
    pub container: String,
    /// The node.
    pub node: String,
    /// How often the container has been started again.
    pub restarts: i32,
}

/// What was seen of a parent, at one time.
#[derive(Debug, Clone, Copy)]
pub struct Look<'api> {
    /// The Deployment's name.
    pub name: &'api str,
    /// The Deployment; `None` where there is none.
    pub deployment: Option<&'api Deployment>,
    /// The namespace's `ReplicaSet`s, of this Deployment and of others.
    pub replica_sets: &'api [ReplicaSet],
    /// The namespace's pods, of this Deployment and of others.
    pub pods: &'api [Pod],
    /// The namespace's events; empty where they cannot be read.
    pub events: &'api [Event],
    /// The claims that the pod names, as far as they are there.
    pub claims: &'api [PersistentVolumeClaim],
    /// What the pod names and is known not to be there.
    pub missing: &'api [Reference],
    /// The last lines of the container that ended last; empty where none has ended.
    pub log: &'api str,
    /// The wall clock, to tell how old an event is.
    pub now: Timestamp,
}

/// What a look means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// The container of the newest pod runs, the pod is ready, and no other pod of the Deployment is left.
    Running(Running),
    /// Not yet, and Kubernetes is at work or heals it: what it waits for, as the finding that it becomes where the time ends.
    Waiting(Finding),
    /// No wait helps.
    Hopeless {
        /// Why, and what one can do.
        finding: Finding,
        /// So long it has to last: objects are made one after the other.
        after: Duration,
    },
}

impl Verdict {
    pub(super) const fn hopeless(finding: Finding) -> Self {
        Self::Hopeless { finding, after: Duration::ZERO }
    }

    /// Hopeless unless it is gone after a moment, in which other objects of the same installation may be made.
    pub(super) const fn hopeless_soon(finding: Finding) -> Self {
        Self::Hopeless { finding, after: SETTLE }
    }
}

/// How long what names another object may be there before that object is.
const SETTLE: Duration = Duration::from_secs(3);

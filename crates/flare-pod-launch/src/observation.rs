//! The observations and actions of a lifecycle.

use k8s_openapi::api::core::v1::{Event, Pod};

use crate::{Class, Notice};

/// Something that was observed about a job's pod.
#[derive(Debug, Clone)]
pub enum Observation {
    /// A watch, a list or the answer to the creation shows the pod. Watches and lists may be older than the pod, so another one of its name
    /// says nothing.
    Seen(Box<Pod>),
    /// The answer to [`Action::Look`].
    Looked(PodLookup),
    /// An attempt to create the pod failed, and it is repeated.
    CreationFailed {
        /// Why.
        message: String,
    },
    /// The API server refused to create the pod.
    NotCreated {
        /// Whether waiting would have helped.
        class: Class,
        /// One word.
        reason: String,
        /// Its message.
        message: String,
    },
    /// A list or a watch does not have the pod. It may be older than the pod, so this alone does not mean that the pod is gone.
    Missing,
    /// There is certainly no such pod.
    Gone,
    /// An event about the pod.
    Happened(Box<Event>),
    /// The API server is busy, failing or not answering.
    NoAnswer,
    /// It refuses with a permanent error, for this reason.
    Refused(String),
    /// It answers again.
    Sighted,
    /// The job's end was requested. May come at any time, and more than once.
    Terminate(String),
    /// The end of the container's log, as requested; empty if it could not be read.
    Logged(Vec<String>),
    /// The answer to a deletion: `true` if it is in progress, `false` if the pod does not exist.
    Deleted(Result<bool, String>),
    /// The time of [`crate::Lifecycle::wake`] has come.
    TimePassed,
}

/// The answer to a request for a pod by its name, which is never older than the pod. Only it can show that a pod is gone, and only after
/// it does a deadline end one.
#[derive(Debug, Clone)]
pub enum PodLookup {
    /// There is a pod of this name, the job's or another one.
    Found(Box<Pod>),
    /// There is none.
    Nothing,
    /// The API server refuses with a permanent error, for this reason.
    Refused(String),
    /// It is busy, failing or not answering.
    NoAnswer,
}

/// An action for a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Get the pod by its name, and answer with `Looked`.
    Look,
    /// Read the end of the log of the job's container, and answer with `Logged`.
    ReadLog,
    /// Delete exactly this pod, not another one of the same name, and answer with `Deleted`.
    Delete {
        /// The grace period in seconds; `None`: as the pod specifies.
        grace: Option<u32>,
    },
}

/// The result of a step.
#[derive(Debug, Default)]
pub struct Step {
    /// Notices to publish, in this order.
    pub notices: Vec<Notice>,
    /// Actions to start, independent of each other.
    pub actions: Vec<Action>,
}

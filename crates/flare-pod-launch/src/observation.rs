//! What a lifecycle is told, and what it asks for.

use k8s_openapi::api::core::v1::{Event, Pod};

use crate::{Class, Notice};

/// Something that was learned about a job's pod.
#[derive(Debug, Clone)]
pub enum Observation {
    /// The API server showed the pod: it made it, found it to be ours, or a watch had it.
    Seen(Box<Pod>),
    /// The API server refused to make the pod.
    NotCreated {
        /// Whether waiting would have helped.
        class: Class,
        /// One word.
        reason: String,
        /// What it said.
        message: String,
    },
    /// A list or a watch does not have the pod. It may be older than the pod, so this alone means nothing.
    Missing,
    /// A request that was sent after the pod was asked for was answered: there is no such pod, or it is another one.
    Gone,
    /// Kubernetes said something about the pod.
    Happened(Box<Event>),
    /// The API server is busy, broken or silent.
    NoAnswer,
    /// It refuses with what does not heal by itself; the word is the reason.
    Refused(String),
    /// It answers again.
    Sighted,
    /// Somebody wants the job to end. May come at any time, and more than once.
    Terminate(String),
    /// The end of the container's log was asked for; empty where it could not be had.
    Logged(Vec<String>),
    /// A deletion was answered: `true` where it is under way, `false` where the pod is not there.
    Deleted(Result<bool, String>),
    /// It is as late as [`crate::Lifecycle::wake`] said.
    TimePassed,
}

/// What is to be done for a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Ask for the pod by its name, and answer with `Seen` or `Gone`.
    Look,
    /// Read the end of the log of the job's container, and answer with `Logged`.
    ReadLog,
    /// Delete the pod, that one and no other of its name, and answer with `Deleted`.
    Delete {
        /// Seconds that a running container gets; `None` for what the pod says.
        grace: Option<u32>,
    },
}

/// What comes out of a step.
#[derive(Debug, Default)]
pub struct Step {
    /// To be told, in this order.
    pub notices: Vec<Notice>,
    /// To be done, each without waiting for the others.
    pub actions: Vec<Action>,
}

//! The observations and actions of a lifecycle.

use std::fmt;

use k8s_openapi::api::core::v1::{Event, Pod};

use crate::{Class, Notice, identity::Identity};

/// Something that was observed about a job's pod. Its `Debug` form shows neither pods nor the texts of others, which may contain tokens.
#[derive(Clone)]
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
    /// The events that there were at the beginning have all been told, or cannot be read.
    EventsListed,
    /// The API server is busy, failing or not answering.
    NoAnswer,
    /// It refuses with a permanent error, for this reason.
    Refused(String),
    /// It answers again.
    Sighted,
    /// The job's end was requested. May come at any time, and more than once.
    Terminate(String),
    /// The end of the container's log, as requested, or why it could not be read.
    Logged(Vec<String>),
    /// The answer to a deletion: `true` if it is in progress, `false` if the pod does not exist.
    Deleted(Result<bool, String>),
    /// The time of [`crate::Lifecycle::wake`] has come.
    TimePassed,
}

impl fmt::Debug for Observation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = |name: &str, value: &dyn fmt::Debug| formatter.debug_tuple(name).field(value).finish();
        match self {
            Self::Seen(pod) => shown("Seen", &Identity(&pod.metadata)),
            Self::Looked(look) => shown("Looked", look),
            Self::NotCreated { class, reason, .. } => shown("NotCreated", &(class, reason)),
            Self::Happened(event) => shown("Happened", &Identity(&event.metadata)),
            Self::Refused(reason) => shown("Refused", reason),
            Self::Terminate(why) => shown("Terminate", why),
            Self::Logged(lines) => shown("Logged", &format_args!("{} lines", lines.len())),
            Self::Deleted(deleted) => shown("Deleted", &deleted.as_ref().map_err(|_| "failed")),
            Self::CreationFailed { .. } => formatter.write_str("CreationFailed"),
            Self::Missing => formatter.write_str("Missing"),
            Self::Gone => formatter.write_str("Gone"),
            Self::EventsListed => formatter.write_str("EventsListed"),
            Self::NoAnswer => formatter.write_str("NoAnswer"),
            Self::Sighted => formatter.write_str("Sighted"),
            Self::TimePassed => formatter.write_str("TimePassed"),
        }
    }
}

/// The answer to a request for a pod by its name, which is never older than the pod. Only it can show that a pod is gone, and only after
/// it does a deadline end one.
#[derive(Clone)]
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

impl fmt::Debug for PodLookup {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Found(pod) => formatter.debug_tuple("Found").field(&Identity(&pod.metadata)).finish(),
            Self::Nothing => formatter.write_str("Nothing"),
            Self::Refused(reason) => formatter.debug_tuple("Refused").field(reason).finish(),
            Self::NoAnswer => formatter.write_str("NoAnswer"),
        }
    }
}

/// An action for a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Get the pod by its name, and answer with `Looked`.
    Look,
    /// Read the end of the log of the container that [`crate::Lifecycle::logged_container`] names, and answer with `Logged`.
    ReadLog,
    /// Delete exactly this pod, not another one of the same name, and answer with `Deleted`.
    Delete {
        /// The grace period in seconds; `None`: as the pod specifies.
        grace: Option<u32>,
    },
}

/// The result of a step. Its `Debug` form only counts the notices, from which the job's tokens are not removed yet.
#[derive(Default)]
pub struct Step {
    /// Notices to publish, in this order.
    pub notices: Vec<Notice>,
    /// Actions to start, independent of each other.
    pub actions: Vec<Action>,
}

impl fmt::Debug for Step {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Step").field("notices", &self.notices.len()).field("actions", &self.actions).finish()
    }
}

//! What was observed of a job pod, and when.

use std::{fmt, time::Duration};

use flare_cluster::pod_state::phase;
use jiff::Timestamp;
use k8s_openapi::api::core::v1::{Event, Pod};

use crate::{Verdict, ended, identity::Identity};

/// The API server's last answer about the pod. Its `Debug` form shows only the pod's name.
#[derive(Clone, Copy)]
pub enum PodAnswer<'api> {
    /// The pod.
    Pod(&'api Pod),
    /// There is no such pod.
    Gone,
    /// It refuses with a permanent error, for this reason: 401, 403, or the namespace is gone.
    Refused(&'api str),
    /// It is busy, failing or not answering: neither progress nor failure.
    NoAnswer,
}

impl fmt::Debug for PodAnswer<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pod(pod) => formatter.debug_tuple("Pod").field(&Identity(&pod.metadata)).finish(),
            Self::Gone => formatter.write_str("Gone"),
            Self::Refused(reason) => formatter.debug_tuple("Refused").field(reason).finish(),
            Self::NoAnswer => formatter.write_str("NoAnswer"),
        }
    }
}

/// The strongest result of earlier observations.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Memory {
    /// The pod was never seen.
    Nothing,
    /// It was seen, but its job did not run yet.
    Pending,
    /// Its job ran.
    Running,
    /// Its job ended with this verdict, which later observations do not change (defects 24 and 35).
    Ended(Verdict),
}

/// One observation of a job pod. Its `Debug` form does not show what the pod and its events contain.
#[derive(Clone)]
pub struct Situation<'api> {
    /// The API server's answer.
    pub answer: PodAnswer<'api>,
    /// The events about this pod, in any order; empty if they cannot be read.
    pub events: &'api [Event],
    /// The name of the job's container: others may keep the pod running.
    pub container: &'api str,
    /// The time since the pod was requested, on a monotonic clock.
    pub waited: Duration,
    /// How long the pod has been in its state, on that clock: in its phase, or being deleted. If it is not shown: the time since the last
    /// answer about it or its absence, and for [`PodAnswer::Refused`] since the refusals began.
    pub in_state: Duration,
    /// The API server's clock, for the age of events.
    pub now: Timestamp,
    /// The result of earlier observations.
    pub memory: Memory,
}

impl fmt::Debug for Situation<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Situation")
            .field("answer", &self.answer)
            .field("events", &self.events.len())
            .field("container", &self.container)
            .field("waited", &self.waited)
            .field("in_state", &self.in_state)
            .field("now", &self.now)
            .field("memory", &self.memory)
            .finish()
    }
}

impl Situation<'_> {
    /// Whether the job runs or has run.
    pub(crate) fn has_run(&self) -> bool {
        self.runs() || self.memory == Memory::Running
    }

    /// Whether the pod is seen running. A kubelet says Pending as long as any container waits, so the job's own container decides first.
    pub(crate) fn runs(&self) -> bool {
        let PodAnswer::Pod(pod) = self.answer else { return false };
        let is_going = || ended::state_of(pod, self.container).is_some_and(|state| state.running.is_some());
        match phase(pod) {
            Some("Running") => true,
            Some("Pending") => is_going(),
            _ => false,
        }
    }

    /// The point on the clock of `waited` at which the present state will have lasted `limit`, or had: it does not move while the state lasts.
    pub(crate) fn end_of_state(&self, limit: Duration) -> Duration {
        self.waited.saturating_add(limit).saturating_sub(self.in_state)
    }
}

//! What was seen of a job pod, and when.

use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::{Event, Pod};

use crate::Verdict;

/// What the API server last said about the pod.
#[derive(Debug, Clone, Copy)]
pub enum Look<'api> {
    /// The pod.
    Pod(&'api Pod),
    /// There is no such pod.
    Gone,
    /// It refuses with what does not heal by itself: 401, 403, or the namespace is gone. The word is the reason.
    Refused(&'api str),
    /// It is busy, broken or silent: neither progress nor failure.
    NoAnswer,
}

/// What earlier looks said; the strongest of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Memory {
    /// The pod was never seen.
    Nothing,
    /// It was seen, and its job did not run.
    Pending,
    /// Its job ran.
    Running,
    /// Its job ended so: nothing seen later changes that (defects 24 and 35).
    Ended(Verdict),
}

/// One look at a job pod.
#[derive(Debug, Clone)]
pub struct Situation<'api> {
    /// What the API server said.
    pub look: Look<'api>,
    /// The events about this pod, in any order; empty where they cannot be read.
    pub events: &'api [Event],
    /// The name of the job's container: others may keep the pod running.
    pub container: &'api str,
    /// Since the pod was asked for, on a clock that never goes back.
    pub waited: Duration,
    /// Since the pod has been in its state, on that clock: in its phase, or being deleted. Where it is not shown: since the last look
    /// that showed it or its absence, and for [`Look::Refused`] since it is refused.
    pub in_state: Duration,
    /// The wall clock, to tell how old an event is.
    pub now: Timestamp,
    /// What earlier looks said.
    pub memory: Memory,
}

impl Situation<'_> {
    /// Whether the job ran at some time: it is seen running now, or was.
    pub(crate) fn has_run(&self) -> bool {
        let runs = match self.look {
            Look::Pod(pod) => pod.status.as_ref().is_some_and(|status| status.phase.as_deref() == Some("Running")),
            _ => false,
        };
        runs || self.memory == Memory::Running
    }

    /// The point on the clock of `waited` at which the present state will have lasted `limit`.
    pub(crate) fn end_of_state(&self, limit: Duration) -> Duration {
        self.waited.saturating_add(limit.saturating_sub(self.in_state))
    }
}

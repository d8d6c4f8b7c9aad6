//! How long each phase of a job pod may last.

use std::time::Duration;

/// The end of every wait. All are times since the phase began, on a clock that never goes back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// How long a pod may take from the request to its job running: `pending_timeout`.
    pub pending: Duration,
    /// What is added to `pending` where an autoscaler said that it brings a node.
    pub scale_up: Duration,
    /// How long a pod that was asked for may be missing in what the API server lists: a list may be older than the request.
    pub settle: Duration,
    /// How long the API server may refuse or be silent before the job counts as lost.
    pub blind: Duration,
    /// How long it may refuse with what does not heal by itself (401, 403, no namespace): time for a token to be read again.
    pub refused: Duration,
    /// How long a pod that ran may be Unknown, without a phase, or ending after its deletion.
    pub ending: Duration,
    /// How many failed attempts to pull an image are tolerated.
    pub pull_attempts: i32,
    /// How long a running container gets to end by itself once its end was asked for.
    pub grace: Duration,
    /// How long reading the end of a log may keep a pod from its deletion.
    pub evidence: Duration,
    /// How long it is tried to delete a pod.
    pub removal: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            pending: Duration::from_mins(2),
            scale_up: Duration::from_mins(10),
            settle: Duration::from_secs(30),
            blind: Duration::from_mins(10),
            refused: Duration::from_secs(30),
            ending: Duration::from_mins(5),
            pull_attempts: 5,
            grace: Duration::from_secs(10),
            evidence: Duration::from_secs(15),
            removal: Duration::from_mins(10),
        }
    }
}

impl Limits {
    /// What stands for no `pending_timeout` (null): FLARE would wait for ever, and here every wait ends (defect 3).
    pub const LONGEST_PENDING: Duration = Duration::from_hours(7 * 24);

    /// The defaults with a job's `pending_timeout`; `None` is FLARE's null.
    #[must_use]
    pub fn with_pending(pending: Option<Duration>) -> Self {
        let pending = pending.unwrap_or(Self::LONGEST_PENDING).min(Self::LONGEST_PENDING);
        Self { pending, ..Self::default() }
    }

    /// How long after its end was asked for a job counts as ended, whatever its pod does.
    pub fn longest_abort(&self) -> Duration {
        self.evidence.saturating_add(self.grace).saturating_add(self.settle)
    }

    /// The longest time from the request after which no verdict about a job that never ran is a wait.
    pub fn longest_start(&self) -> Duration {
        let start = self.pending.saturating_add(self.scale_up).max(self.settle);
        start.max(self.ending).saturating_add(self.blind.max(self.refused))
    }
}

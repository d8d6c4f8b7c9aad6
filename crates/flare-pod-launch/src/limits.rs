//! How long each phase of a job pod may last.

use std::time::Duration;

/// Kubernetes' reason for a refusal of the credential.
pub(crate) const UNAUTHORIZED: &str = "Unauthorized";

/// The limits of all waits, measured from the start of each phase on a monotonic clock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// How long a pod may wait for a node, and then again for its job to run: `pending_timeout`. With 0, a known lack of room ends the wait at
    /// once; every other wait has a limit that a pod can keep.
    pub pending: Duration,
    /// What is added to `pending` if an autoscaler reported that it adds a node.
    pub scale_up: Duration,
    /// How long a requested pod may be missing from the API server's lists, which may be older than the request.
    pub settle: Duration,
    /// How long the API server may fail or not answer before the job counts as lost.
    pub blind: Duration,
    /// How long it may refuse with a permanent error (403, no namespace).
    pub refused: Duration,
    /// How long it may refuse the credential (401): what renews a token may be late. Its file is read again after each refusal.
    pub unauthorized: Duration,
    /// How long a pod that ran may be Unknown, without a phase, or terminating after its deletion.
    pub ending: Duration,
    /// How many failed attempts to pull an image are tolerated.
    pub pull_attempts: i32,
    /// How long a running container may take to end by itself once its end was requested.
    pub grace: Duration,
    /// How long reading the end of a log may delay a pod's deletion.
    pub evidence: Duration,
    /// How long deleting a pod is retried.
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
            unauthorized: Duration::from_mins(2),
            ending: Duration::from_mins(5),
            pull_attempts: 5,
            grace: Duration::from_secs(10),
            evidence: Duration::from_secs(15),
            removal: Duration::from_mins(10),
        }
    }
}

impl Limits {
    /// The limit for a `pending_timeout` of null: FLARE would wait for ever, but here every wait ends (defect 3).
    pub const LONGEST_PENDING: Duration = Duration::from_hours(7 * 24);

    /// The defaults with a job's `pending_timeout`; `None` is FLARE's null.
    #[must_use]
    pub fn with_pending(pending: Option<Duration>) -> Self {
        let pending = pending.unwrap_or(Self::LONGEST_PENDING).min(Self::LONGEST_PENDING);
        Self { pending, ..Self::default() }
    }

    /// How long after the request for its end a job counts as ended, whatever its pod does.
    pub fn longest_abort(&self) -> Duration {
        self.evidence.saturating_add(self.grace).saturating_add(self.settle)
    }

    /// How long a pod may take that waits for nothing known: for a scheduler to look at it, or for a claim.
    pub(crate) fn unexplained(&self) -> Duration {
        if self.pending.is_zero() { self.settle } else { self.pending }
    }

    /// How long a pod may take from its scheduling to its job running.
    pub(crate) fn starting(&self) -> Duration {
        if self.pending.is_zero() { Self::default().pending } else { self.pending }
    }

    /// How long a pod may take to be scheduled, if an autoscaler adds a node for it.
    pub(crate) fn longest_scheduling(&self) -> Duration {
        self.unexplained().saturating_add(self.scale_up)
    }

    /// How long the creation of a pod may be repeated.
    pub(crate) fn creating(&self) -> Duration {
        self.pending.min(self.blind).max(self.settle)
    }

    /// How long the API server may refuse with this reason, which is Kubernetes' own word.
    pub(crate) fn refusal(&self, reason: &str) -> Duration {
        if reason == UNAUTHORIZED { self.unauthorized } else { self.refused }
    }

    /// The time from the request after which a job that never ran is no longer waited for.
    pub fn longest_start(&self) -> Duration {
        let start = self.longest_scheduling().saturating_add(self.starting()).max(self.creating());
        start.max(self.ending).saturating_add(self.blind.max(self.refused).max(self.unauthorized))
    }
}

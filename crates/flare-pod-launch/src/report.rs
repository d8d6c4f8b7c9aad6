//! A launcher's notices about a job: its states with their reasons, one end, the evidence, and the settlement of its pod.

use std::fmt;

use jiff::Timestamp;

use crate::{Class, Moment, Verdict};

/// The state of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum JobState {
    /// It does not run yet.
    Pending,
    /// It runs.
    Running,
    /// Its pod is being deleted.
    Ending,
    /// The API server currently does not show it.
    Unknown,
    /// It succeeded.
    Succeeded,
    /// It ran and failed.
    Failed,
    /// It never ran, and will not.
    NotStarted,
    /// It was ended on request.
    Aborted,
}

impl JobState {
    /// The word of the command line's output.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Running => "running",
            Self::Ending => "ending",
            Self::Unknown => "unknown",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::NotStarted => "not_started",
            Self::Aborted => "aborted",
        }
    }
}

/// A new state of a job, or a new reason for its current state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transition {
    /// When it was seen.
    pub at: Timestamp,
    /// The state.
    pub state: JobState,
    /// One word, Kubernetes' own if it has one.
    pub reason: String,
    /// A sentence for people, without control characters and credentials; may be empty.
    pub message: String,
}

impl fmt::Display for Transition {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {}", self.state.as_str(), self.reason)?;
        if self.message.is_empty() { Ok(()) } else { write!(formatter, ": {}", self.message) }
    }
}

/// How a job ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct End {
    /// When that was seen.
    pub at: Timestamp,
    /// Succeeded, failed, not started or aborted.
    pub state: JobState,
    /// The return code for FLARE's parent: 0 success, 9 aborted, 101 to 103 exceptions.
    pub return_code: i32,
    /// The exit code of the job's container, if known.
    pub exit_code: Option<i32>,
    /// Why it has not started; `None` for a job that ran.
    pub class: Option<Class>,
    /// One word.
    pub reason: String,
    /// A sentence.
    pub message: String,
}

impl End {
    /// The end of a final verdict.
    pub(crate) fn of(verdict: &Verdict, now: Moment) -> Self {
        let (state, exit_code, class, reason, message) = match verdict {
            Verdict::Failed { exit_code, reason, message } => {
                (JobState::Failed, *exit_code, None, reason.as_str(), message.as_str())
            }
            Verdict::NotStarted { class, reason, message } => {
                (JobState::NotStarted, None, Some(*class), reason.as_str(), message.as_str())
            }
            Verdict::Succeeded => (JobState::Succeeded, Some(0), None, "Completed", ""),
            Verdict::Waiting { reason, message, .. } => (JobState::Unknown, None, None, reason.as_str(), message.as_str()),
            Verdict::Running => (JobState::Running, None, None, "Running", ""),
        };
        let (reason, message) = (reason.to_owned(), message.to_owned());
        Self { at: now.wall, state, return_code: verdict.return_code(), exit_code, class, reason, message }
    }

    /// The end of a job whose end was requested.
    pub(crate) fn aborted(why: &str, verdict: &Verdict, now: Moment) -> Self {
        let end = Self::of(verdict, now);
        Self {
            state: JobState::Aborted,
            return_code: 9,
            class: None,
            reason: "Aborted".to_owned(),
            message: why.to_owned(),
            ..end
        }
    }
}

/// What is saved about a job that did not succeed, before its pod is deleted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Evidence {
    /// The pod's conditions, such as `PodScheduled=False Unschedulable: 0/3 nodes are available`.
    pub conditions: Vec<String>,
    /// Its events, oldest first, such as `Warning FailedMount x3: MountVolume.SetUp failed`.
    pub events: Vec<String>,
    /// The last lines that the job's container printed, or the init container whose failure kept it from running.
    pub log: Vec<String>,
}

/// What finally happened to a job's pod.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Settlement {
    /// It no longer exists, or never did.
    Removed,
    /// It ended and was kept.
    Kept,
    /// It could not be deleted within the time limit.
    NotRemoved {
        /// The API server's last message, or what is known.
        message: String,
    },
    /// It no longer exists, but a Secret with the credentials of its job does.
    SecretNotRemoved {
        /// The API server's last message.
        message: String,
    },
}

/// One message of the stream about a job, in this order: transitions and the uid, the end, the evidence, the settlement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notice {
    /// Its state or the reason for it changed. An end is reported only by [`Notice::Ended`].
    Changed(Transition),
    /// The uid of its pod, where the handle of the job did not have it yet. Comes at most once.
    Uid(String),
    /// It ended. Comes exactly once.
    Ended(End),
    /// What was kept of it; for a job that did not end well, and where it is wanted for the others.
    Kept(Evidence),
    /// Its pod is settled. The last message.
    Settled(Settlement),
}

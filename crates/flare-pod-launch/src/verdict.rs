//! What is known about a job from an observation of its pod.

use std::{fmt, time::Duration};

use flare_diagnostic::for_display;

/// Why a job has not started.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Class {
    /// Waiting does not help: the pod itself is wrong.
    Hopeless,
    /// The cluster usually recovers: a mount, a network, a registry, a claim that is not bound yet.
    Transient,
    /// No node has room for it or fits it; one may be added.
    Capacity,
}

impl Class {
    /// The word of the command line's output.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Hopeless => "hopeless",
            Self::Transient => "transient",
            Self::Capacity => "capacity",
        }
    }
}

/// The result of observing a job pod. `reason` is Kubernetes' own word if it has one, `message` a sentence without control
/// characters and credentials.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// The job does not run yet, or cannot be seen: observe it again, at the latest at `until`.
    Waiting {
        /// The end of this wait, on the clock of [`crate::Situation::waited`].
        until: Duration,
        /// What the wait is for.
        class: Class,
        /// One word.
        reason: String,
        /// A sentence.
        message: String,
    },
    /// The job runs.
    Running,
    /// The job succeeded.
    Succeeded,
    /// The job ran and failed, or was lost.
    Failed {
        /// The exit code of the job's container, if known.
        exit_code: Option<i32>,
        /// One word.
        reason: String,
        /// A sentence.
        message: String,
    },
    /// The job never ran, and will not.
    NotStarted {
        /// Why.
        class: Class,
        /// One word.
        reason: String,
        /// A sentence.
        message: String,
    },
}

impl Verdict {
    pub(crate) fn waiting(until: Duration, class: Class, reason: &str, message: &str) -> Self {
        Self::Waiting { until, class, reason: for_display(reason), message: for_display(message) }
    }

    pub(crate) fn failed(exit_code: Option<i32>, reason: &str, message: &str) -> Self {
        Self::Failed { exit_code, reason: for_display(reason), message: for_display(message) }
    }

    pub(crate) fn not_started(class: Class, reason: &str, message: &str) -> Self {
        Self::NotStarted { class, reason: for_display(reason), message: for_display(message) }
    }

    /// Whether later observations cannot change it.
    pub const fn is_final(&self) -> bool {
        matches!(self, Self::Succeeded | Self::Failed { .. } | Self::NotStarted { .. })
    }

    /// The return code for FLARE's parent: 0 success, 9 aborted, 101 exception (a job that never started), the container's own code if it
    /// is one of FLARE's (101 to 103), 127 as long as nothing is known.
    pub const fn return_code(&self) -> i32 {
        match self {
            Self::Waiting { .. } | Self::Running => 127,
            Self::Succeeded => 0,
            Self::Failed { exit_code: Some(code @ 101..=103), .. } => *code,
            Self::Failed { .. } => 9,
            Self::NotStarted { .. } => 101,
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Waiting { until, class, reason, .. } => {
                write!(formatter, "waiting until {} s, {}: {reason}", until.as_secs(), class.as_str())
            }
            Self::Running => formatter.write_str("running"),
            Self::Succeeded => formatter.write_str("succeeded"),
            Self::Failed { exit_code: Some(code), reason, .. } => write!(formatter, "failed with {code}: {reason}"),
            Self::Failed { reason, .. } => write!(formatter, "failed: {reason}"),
            Self::NotStarted { class, reason, .. } => write!(formatter, "not started, {}: {reason}", class.as_str()),
        }
    }
}

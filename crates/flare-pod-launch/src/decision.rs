//! What a situation means before the time is compared with its limit.

use std::time::Duration;

use flare_diagnostic::for_display;

use crate::{Class, Verdict};

/// A verdict that does not depend on the time, or a wait with its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Decision {
    Now(Verdict),
    /// The wait is over at `until`, on the clock of [`crate::Situation::waited`], with the verdict `end`.
    Wait {
        until: Duration,
        class: Class,
        reason: String,
        message: String,
        end: Verdict,
    },
}

impl Decision {
    /// A wait of a job that never ran.
    pub(crate) fn wait(until: Duration, class: Class, reason: &str, message: &str) -> Self {
        Self::wait_then(until, class, reason, message, Verdict::not_started(class, reason, message))
    }

    pub(crate) fn wait_then(until: Duration, class: Class, reason: &str, message: &str, end: Verdict) -> Self {
        Self::Wait { until, class, reason: for_display(reason), message: for_display(message), end }
    }

    /// The verdict at a time.
    pub(crate) fn at(self, waited: Duration) -> Verdict {
        match self {
            Self::Now(verdict) => verdict,
            Self::Wait { until, class, reason, message, .. } if waited < until => {
                Verdict::waiting(until, class, &reason, &message)
            }
            Self::Wait { end, .. } => end,
        }
    }
}

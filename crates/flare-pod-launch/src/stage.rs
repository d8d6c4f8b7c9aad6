//! How far the work on one pod is.

use std::time::Duration;

use crate::removal::Removal;

/// The stage of the work on a pod. Its end may come before or after its removal begins.
#[derive(Debug)]
pub(crate) enum Stage {
    Following,
    /// The end of the log is being read.
    Gathering {
        until: Duration,
    },
    Removing(Removal),
    Done,
}

/// The answer to an action.
pub(crate) enum Answer {
    Nothing,
    Log(Vec<String>),
    Deletion(Result<bool, String>),
}

impl Stage {
    /// Whether the pod's deletion was asked for.
    pub(crate) fn is_deleting(&self) -> bool {
        matches!(self, Self::Removing(removal) if !removal.has_asked_for_nothing())
    }

    /// Whether no deletion was requested yet.
    pub(crate) fn has_asked_for_nothing(&self) -> bool {
        matches!(self, Self::Removing(removal) if removal.has_asked_for_nothing())
    }
}

//! The commands of the task of a namespace.

use flare_diagnostic::Diagnostic;
use tokio::sync::oneshot;

use crate::{Job, JobPod, KnownPod, Limits};

/// A request from a launcher to its task.
pub(crate) enum Command {
    Launch { job: Box<JobPod>, reply: Reply },
    Adopt { pod: String, uid: Option<String>, limits: Limits, reply: Reply },
    List { reply: oneshot::Sender<Result<Vec<KnownPod>, Diagnostic>> },
    Terminate { pod: String, uid: Option<String>, why: String },
}

impl Command {
    /// Whether it begins to follow this pod.
    pub(super) fn begins(&self, name: &str) -> bool {
        match self {
            Self::Launch { job, .. } => job.name() == name,
            Self::Adopt { pod, .. } => pod == name,
            Self::List { .. } | Self::Terminate { .. } => false,
        }
    }
}

pub(crate) type Reply = oneshot::Sender<Result<Job, Diagnostic>>;

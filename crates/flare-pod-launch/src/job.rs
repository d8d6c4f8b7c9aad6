//! The options of a launcher, and the handle of a job that it accepted.

use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::mpsc;

use crate::Notice;

/// Options of a launcher.
#[derive(Debug, Clone)]
pub struct LauncherOptions {
    /// Does not delete pods that ended by themselves.
    pub keep: bool,
    /// Keep the evidence of jobs that ended well, too, which costs a request for each.
    pub evidence_of_success: bool,
    /// The wall clock at the start; from then on a monotonic clock is used.
    pub now: Timestamp,
    /// How long an answer to a launch may take.
    pub answer: Duration,
}

impl LauncherOptions {
    /// The defaults: pods are deleted, a launch is answered within 5 s.
    pub fn new(now: Timestamp) -> Self {
        Self { keep: false, evidence_of_success: false, now, answer: Duration::from_secs(5) }
    }
}

/// The handle of an accepted job, which has exactly one end.
#[derive(Debug)]
pub struct Job {
    /// The pod's name.
    pub pod: String,
    /// Its uid; `None` if the API server refused the pod, whose end follows at once, or has not confirmed it yet, and [`Notice::Uid`] tells it.
    pub uid: Option<String>,
    /// Whether the pod already existed.
    pub taken_over: bool,
    pub(crate) notices: mpsc::UnboundedReceiver<Notice>,
}

impl Job {
    /// The next notice; `None` after the settlement, and if the launcher was dropped.
    pub async fn next(&mut self) -> Option<Notice> {
        self.notices.recv().await
    }
}

//! One job of a launcher: its lifecycle, the receiver of its notices, and the Secrets to remove with it.

use std::time::Duration;

use flare_pod_manifest::Hidden;
use k8s_openapi::api::core::v1::Pod;
use tokio::sync::mpsc;

use crate::{Action, Evidence, Lifecycle, Moment, Notice, Observation, Transition, creation::Progress};

/// How far before the start of the launcher its clock begins, since pods that are taken over are older than the launcher.
pub(crate) const BEFORE: Duration = Duration::from_hours(24 * 365);

pub(crate) struct Entry {
    /// Distinguishes answers for this job from those for an earlier job of the same name.
    pub(crate) number: u64,
    pub(crate) life: Lifecycle,
    pub(crate) hidden: Hidden,
    pub(crate) notices: mpsc::UnboundedSender<Notice>,
    /// The settlement, until it may be sent.
    pub(crate) settled: Option<Notice>,
    /// The progress while the pod is being created.
    pub(crate) creating: Option<Progress>,
    /// The newest pod of its name that a watch reported while the answer about its creation was awaited: by then it may have ended.
    pub(crate) reported: Option<Box<Pod>>,
    /// Whether the pod is to be read after its creation.
    pub(crate) look_wanted: bool,
    /// The Secrets of only this job; `is_owner`: whether they are deleted with the pod.
    pub(crate) credentials: Vec<String>,
    pub(crate) is_owner: bool,
}

impl Entry {
    /// Processes an observation, sends the notices, and returns the actions. The settlement, which is the last notice, is kept until
    /// nothing of the job is left.
    pub(crate) fn step(&mut self, observation: Observation, now: Moment) -> Vec<Action> {
        let step = self.life.step(observation, now);
        for notice in step.notices {
            if matches!(notice, Notice::Settled(_)) {
                self.settled = Some(notice);
            } else {
                self.tell(notice);
            }
        }
        step.actions
    }

    /// Sends the settlement.
    pub(crate) fn settle(mut self) {
        if let Some(settled) = self.settled.take() {
            self.tell(settled);
        }
    }

    fn tell(&self, notice: Notice) {
        // The job goes on without a receiver.
        let _ = self.notices.send(hide(notice, &self.hidden));
    }
}

/// Removes the job's tokens from a notice.
fn hide(notice: Notice, hidden: &Hidden) -> Notice {
    let text = |text: String| hidden.hide(&text).into_owned();
    let lines = |lines: Vec<String>| lines.into_iter().map(text).collect();
    match notice {
        Notice::Changed(to) => Notice::Changed(Transition { message: text(to.message), ..to }),
        Notice::Ended(end) => Notice::Ended(crate::End { message: text(end.message), ..end }),
        Notice::Kept(Evidence { conditions, events, log }) => {
            Notice::Kept(Evidence { conditions: lines(conditions), events: lines(events), log: lines(log) })
        }
        settled @ Notice::Settled(_) => settled,
    }
}

//! One job of a launcher: its lifecycle, the receiver of its notices, its tokens, and the Secrets to remove with it.

use std::time::Duration;

use flare_cluster::Backoff;
use flare_pod_manifest::Hidden;
use k8s_openapi::api::core::v1::Pod;
use tokio::sync::mpsc;

use crate::{
    Action, Evidence, KnownPod, Lifecycle, Moment, Notice, Observation, PodLookup, Settlement, Transition, creation::Progress,
    ours,
};

/// How far before the start of the launcher its clock begins, since pods that are taken over are older than the launcher.
pub(crate) const BEFORE: Duration = Duration::from_hours(24 * 365);

/// Stands for the lines of a log from which the tokens cannot be removed.
const LOG_LEFT_OUT: &str =
    "(left out: the Secret with the tokens of this job cannot be read, so they cannot be removed from its log)";

/// What is known of a job's tokens, which must not be reported.
pub(crate) enum Tokens {
    /// All of them.
    Known,
    /// The pod was created by another run: its tokens are read first (`asked`: requested), and the notices wait for that.
    Awaited { asked: bool, held: Vec<Notice> },
    /// Not all of them, and more will not be known.
    Unreadable,
}

impl Tokens {
    pub(crate) fn awaited(asked: bool) -> Self {
        Self::Awaited { asked, held: Vec::new() }
    }
}

#[expect(clippy::struct_excessive_bools, reason = "independent facts about the pod, its Secrets and what was told")]
pub(crate) struct JobEntry {
    /// Distinguishes answers for this job from those for an earlier job of the same name.
    pub(crate) number: u64,
    pub(crate) life: Lifecycle,
    /// The job and the site of a pod that is created here; nothing for one that existed.
    pub(crate) of: Option<(String, String)>,
    pub(crate) hidden: Hidden,
    pub(crate) tokens: Tokens,
    pub(crate) notices: mpsc::UnboundedSender<Notice>,
    /// The settlement, until it may be sent.
    pub(crate) settled: Option<Notice>,
    /// The progress while the pod is being created.
    pub(crate) creating: Option<Progress>,
    /// Whether a pod was requested that nobody has seen: it may still appear.
    pub(crate) was_requested: bool,
    /// The newest pod of its name that a watch reported while the answer about its creation was awaited: by then it may have ended.
    pub(crate) reported: Option<Box<Pod>>,
    /// Whether the pod is to be read after its creation.
    pub(crate) look_wanted: bool,
    /// The Secrets of only this job; `is_owner`: whether they are deleted with the pod.
    pub(crate) credentials: Vec<String>,
    pub(crate) is_owner: bool,
    /// The pauses between the attempts to make the pod the owner of its Secrets.
    pub(crate) owner_pauses: Backoff,
    /// Whether the receiver of the notices knows the uid of the pod.
    pub(crate) is_uid_told: bool,
}

impl JobEntry {
    /// Processes an observation, sends the notices, and returns the actions. The settlement, which is the last notice, is kept until
    /// nothing of the job is left.
    pub(crate) fn step(&mut self, observation: Observation, now: Moment) -> Vec<Action> {
        let observation = match observation {
            Observation::Seen(pod) if !self.may_be_ours(&pod) => Observation::Missing,
            Observation::Looked(PodLookup::Found(pod)) if !self.may_be_ours(&pod) => Observation::Looked(PodLookup::Nothing),
            observation => observation,
        };
        let step = self.life.step(observation, now);
        if let Some(uid) = self.life.uid().filter(|_| !self.is_uid_told) {
            let uid = uid.to_owned();
            self.is_uid_told = true;
            self.tell(Notice::Uid(uid));
        }
        for notice in step.notices {
            if matches!(notice, Notice::Settled(_)) {
                self.settled = Some(notice);
            } else {
                self.tell(notice);
            }
        }
        // A pod that was never seen has no tokens.
        if self.life.has_ended() && matches!(self.tokens, Tokens::Awaited { asked: false, .. }) {
            self.release(Tokens::Unreadable);
        }
        step.actions
    }

    /// Learns the tokens in the pod of another run. Returns the Secrets with the others; they belong to it as well.
    pub(crate) fn learn(&mut self, pod: &Pod) -> Option<Vec<String>> {
        let is_another = self.life.uid().is_some_and(|uid| pod.metadata.uid.as_deref() != Some(uid));
        let Tokens::Awaited { asked, .. } = &mut self.tokens else { return None };
        if is_another || std::mem::replace(asked, true) {
            return None;
        }
        self.hidden = std::mem::take(&mut self.hidden).and(ours::tokens(pod));
        self.credentials = ours::credentials(pod);
        if self.credentials.is_empty() {
            self.release(Tokens::Known);
            return None;
        }
        Some(self.credentials.clone())
    }

    /// Learns what the API server answered about the pod that it has made, or that existed already (`taken_over`): that one may have other
    /// tokens than the request, in Secrets that were not replaced.
    pub(crate) fn learn_made(&mut self, pod: &Pod, taken_over: bool) {
        self.hidden = std::mem::take(&mut self.hidden).and(ours::tokens(pod));
        if !taken_over {
            return;
        }
        self.credentials.extend(ours::credentials(pod));
        self.credentials.sort();
        self.credentials.dedup();
        if !self.credentials.is_empty() && matches!(self.tokens, Tokens::Known) {
            self.tokens = Tokens::awaited(true);
        }
    }

    /// Learns the tokens in its Secrets; `None` if those cannot be read.
    pub(crate) fn learned(&mut self, hidden: Option<Hidden>) {
        let tokens = if hidden.is_some() { Tokens::Known } else { Tokens::Unreadable };
        self.hidden = std::mem::take(&mut self.hidden).and(hidden.unwrap_or_default());
        if matches!(self.tokens, Tokens::Awaited { .. }) {
            self.release(tokens);
        }
    }

    /// Sends what waits for the tokens.
    fn release(&mut self, tokens: Tokens) {
        if let Tokens::Awaited { held, .. } = std::mem::replace(&mut self.tokens, tokens) {
            for notice in held {
                self.tell(notice);
            }
        }
    }

    /// Whether a pod of the name can be the job's. As long as its uid is not known, another launcher's pod may have the name, or an earlier one
    /// of this job that is being deleted.
    pub(crate) fn may_be_ours(&self, pod: &Pod) -> bool {
        if self.life.uid().is_some() {
            // The lifecycle compares it.
            return true;
        }
        KnownPod::of(pod).is_some_and(|known| match &self.of {
            Some((job, site)) => known.is_of(job, site) && !known.is_being_deleted,
            None => true,
        })
    }

    /// Whether its pod was left as it ended, with everything that belongs to it.
    pub(crate) fn is_kept(&self) -> bool {
        self.settled == Some(Notice::Settled(Settlement::Kept))
    }

    /// Sends the settlement; `left`: why a Secret of the job is still there.
    pub(crate) fn settle(mut self, left: Option<String>) {
        if matches!(self.tokens, Tokens::Awaited { .. }) {
            self.release(Tokens::Unreadable);
        }
        let left = left.filter(|_| self.settled == Some(Notice::Settled(Settlement::Removed)));
        let settled = left.map(|message| Notice::Settled(Settlement::SecretNotRemoved { message }));
        if let Some(settled) = settled.or_else(|| self.settled.take()) {
            self.tell(settled);
        }
    }

    fn tell(&mut self, notice: Notice) {
        let notice = match (&mut self.tokens, notice) {
            (Tokens::Awaited { held, .. }, notice) => return held.push(notice),
            (Tokens::Unreadable, Notice::Kept(evidence)) if !evidence.log.is_empty() => {
                Notice::Kept(Evidence { log: vec![LOG_LEFT_OUT.to_owned()], ..evidence })
            }
            (_, notice) => notice,
        };
        // The job goes on without a receiver.
        let _ = self.notices.send(hide(notice, &self.hidden));
    }
}

/// Removes the job's tokens from a notice.
pub(crate) fn hide(notice: Notice, hidden: &Hidden) -> Notice {
    let text = |text: String| hidden.hide(&text).into_owned();
    let lines = |lines: Vec<String>| lines.into_iter().map(text).collect();
    match notice {
        Notice::Changed(to) => Notice::Changed(Transition { message: text(to.message), ..to }),
        Notice::Ended(end) => Notice::Ended(crate::End { message: text(end.message), ..end }),
        Notice::Kept(Evidence { conditions, events, log }) => {
            Notice::Kept(Evidence { conditions: lines(conditions), events: lines(events), log: lines(log) })
        }
        known @ (Notice::Uid(_) | Notice::Settled(_)) => known,
    }
}

//! What is done once a job has ended or is told to end: its evidence is gathered, its pod deleted, and the settlement told.

use std::time::Duration;

use super::Lifecycle;
use crate::{
    Action, Moment, Notice, Settlement, Step, evidence,
    removal::Removal,
    stage::{Answer, Stage},
};

impl Lifecycle {
    /// Requests the end of the log if there may be one; otherwise the evidence is what is known.
    pub(super) fn gather(&mut self, now: Moment, step: &mut Step) {
        if !matches!(self.stage, Stage::Following) {
            return;
        }
        let has_log = self.view.logged_container(&self.container).is_some();
        let limit = if has_log { self.limits.evidence } else { Duration::ZERO };
        self.stage = Stage::Gathering { until: now.elapsed.saturating_add(limit) };
        if has_log {
            step.actions.push(Action::ReadLog);
        }
    }

    /// Begins to delete the pod. What is deleted before its job has ended is tried until then, since only an ended job is settled.
    pub(super) fn remove(&mut self, now: Moment) {
        let end =
            self.aborted.as_ref().filter(|_| !self.ended).map(|(_, asked)| asked.saturating_add(self.limits.longest_abort()));
        let last = now.elapsed.saturating_add(self.limits.removal);
        self.stage = Stage::Removing(Removal::until(last.max(end.unwrap_or_default())));
    }

    /// Continues the work after the end, or after the request for it.
    pub(super) fn go_on(&mut self, now: Moment, answer: Answer, step: &mut Step) {
        if let Stage::Gathering { until } = self.stage {
            let log = match &answer {
                Answer::Log(lines) => lines.as_slice(),
                _ if now.elapsed < until => return self.wake_at(until),
                _ => &[],
            };
            self.kept = Some(evidence::of(self.view.pod.as_ref(), &self.view.events, log));
            self.remove(now);
        }
        self.tell_evidence(step);
        if self.ended && self.keep && self.view.is_over() && self.stage.has_asked_for_nothing() {
            return self.settle(Settlement::Kept, step);
        }
        let Stage::Removing(removal) = &mut self.stage else { return };
        let deletion = if let Answer::Deletion(deletion) = answer { Some(deletion) } else { None };
        match removal.go_on(&self.view, deletion, now.elapsed, &self.limits, step) {
            Some(settlement) if self.ended => self.settle(settlement, step),
            // The pod is gone by its own removal; its end comes with the next evaluation.
            Some(Settlement::Removed) => {
                self.view.gone = true;
                self.judge(now, step);
                self.tell_evidence(step);
                if self.ended {
                    self.settle(Settlement::Removed, step);
                }
            }
            _ => {
                if let Some(next) = removal.next() {
                    self.wake_at(next);
                }
            }
        }
    }

    fn tell_evidence(&mut self, step: &mut Step) {
        if self.ended
            && let Some(kept) = self.kept.take()
        {
            step.notices.push(Notice::Kept(kept));
        }
    }

    fn settle(&mut self, settlement: Settlement, step: &mut Step) {
        self.stage = Stage::Done;
        step.notices.push(Notice::Settled(settlement));
    }
}

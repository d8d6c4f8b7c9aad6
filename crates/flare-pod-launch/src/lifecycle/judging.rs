//! What a job waits for, and when that has lasted too long.

use std::time::Duration;

use super::Lifecycle;
use crate::{
    Class, End, JobState, Memory, Moment, PodAnswer, Situation, Step, Verdict, classify, decision::Decision, view::ApiServer,
};

impl Lifecycle {
    /// Whether only a request for the pod shows what it is like.
    pub(super) fn is_look_wanted(&self) -> bool {
        if self.view.gone || self.is_done() {
            return false;
        }
        // A pod that was never seen may be newer than the list; and the answer to a deletion says whether it is gone.
        let is_missed = self.view.missing && self.view.pod.is_some() && !self.stage.is_deleting();
        let is_unseen = self.taken_over.is_some() && self.view.pod.is_none();
        is_missed || (!self.ended && (is_unseen || self.is_overdue || self.looks.has_failed()))
    }

    /// Whether the pod is looked at now and then, since no watch would show its end.
    pub(super) fn is_look_repeated(&self) -> bool {
        !self.is_watched && !self.ended && !self.view.gone && self.view.pod.is_some()
    }

    /// Determines the job's end, or what it waits for.
    pub(super) fn judge(&mut self, now: Moment, step: &mut Step) {
        self.is_overdue = false;
        let (decision, since) = (self.decide(now), self.since());
        if let Some((why, asked)) = &self.aborted {
            let limit = asked.saturating_add(self.limits.longest_abort());
            let verdict = decision.at(now.elapsed.saturating_sub(since));
            if verdict.is_final() || now.elapsed >= limit {
                let end = End::aborted(why, &verdict, now);
                self.end(end, now, step);
            } else {
                self.wake_at(limit);
            }
            return;
        }
        match decision {
            Decision::Wait { until, end, .. } if self.may_end(since.saturating_add(until), now) => {
                self.end(End::of(&end, now), now, step);
            }
            Decision::Wait { until, reason, message, .. } => {
                let state = self.view.waiting_state(self.memory == Memory::Running);
                // The state of a pod that is taken over is reported only once it was read.
                if self.view.pod.is_some() || self.taken_over.is_none() {
                    self.tell(state, &reason, &message, now, step);
                }
                if self.view.pod.is_some() && self.memory == Memory::Nothing {
                    self.memory = Memory::Pending;
                }
                self.wait(since.saturating_add(until), now);
            }
            Decision::Now(Verdict::Running) => {
                self.memory = Memory::Running;
                self.tell(JobState::Running, "Running", "", now, step);
            }
            Decision::Now(verdict) => self.end(End::of(&verdict, now), now, step),
        }
    }

    /// Waits until a deadline, and where that has passed, for what is missing to end the pod.
    fn wait(&mut self, deadline: Duration, now: Moment) {
        let has_passed = now.elapsed >= deadline;
        self.is_overdue = has_passed && !self.looks.is_answered_since(deadline);
        if !has_passed {
            self.wake_at(deadline);
        } else if self.is_overdue {
            self.wake_at(deadline.saturating_add(self.limits.blind));
        }
        if let Some(until) = self.events_awaited.filter(|until| now.elapsed < *until) {
            self.wake_at(until);
        }
    }

    /// Whether a wait whose deadline this is may end: what is seen may be older than the deadline, unless a look has been answered since. Where
    /// nothing can be seen, the wait is for the API server itself. The events of a pod that is taken over may give it more time.
    fn may_end(&self, deadline: Duration, now: Moment) -> bool {
        if self.events_awaited.is_some_and(|until| now.elapsed < until) {
            return false;
        }
        let may_be_old = match self.view.pod {
            Some(_) => self.view.api_server == ApiServer::Answers,
            None => self.taken_over.is_none(),
        };
        let is_unanswered = || now.elapsed >= deadline.saturating_add(self.limits.blind);
        now.elapsed >= deadline && (!may_be_old || self.looks.is_answered_since(deadline) || is_unanswered())
    }

    /// Where the time begins by which the pod is judged.
    fn since(&self) -> Duration {
        self.taken_over.filter(|_| self.view.pod.is_none()).unwrap_or(self.asked)
    }

    fn decide(&self, now: Moment) -> Decision {
        if let Some(refused) = &self.refused {
            return Decision::Now(refused.clone());
        }
        let waited = now.elapsed.saturating_sub(self.since());
        let is_unseen = self.view.pod.is_none() && !self.view.gone;
        if is_unseen && self.taken_over.is_none() {
            let message = self.obstacle.as_deref().unwrap_or("the API server has not confirmed the pod yet");
            let reason = if self.obstacle.is_some() { "NotCreatedYet" } else { "Creating" };
            let end = Verdict::not_started(Class::Transient, "NotCreated", message);
            return Decision::wait_then(self.limits.creating(), Class::Transient, reason, message, end);
        }
        let in_state = self.view.in_state(now.elapsed, self.limits.blind);
        let (answer, in_state) = match self.view.answer(&self.container) {
            // Nothing was seen of a pod that is taken over, and so not its absence either.
            PodAnswer::Gone | PodAnswer::NoAnswer if is_unseen => (PodAnswer::NoAnswer, waited),
            answer => (answer, in_state),
        };
        // A pod that was asked for and is not there was there: the list that would be older is not believed in the first place.
        let memory = if self.view.gone && self.memory == Memory::Nothing { Memory::Pending } else { self.memory.clone() };
        let (events, container) = (&self.view.events, self.container.as_str());
        let situation = Situation { answer, events, container, waited, in_state, now: now.cluster, memory };
        classify::decide(&situation, &self.limits)
    }
}

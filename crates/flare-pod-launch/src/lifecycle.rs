//! The lifecycle of one job pod as a state machine: observations in, notices and actions out. No clock, no cluster.

mod afterwards;

use std::time::Duration;

use crate::{
    Action, Class, End, Evidence, Limits, Memory, Moment, Notice, Observation, Situation, State, Step, Transition, Verdict,
    classify, ours,
    stage::{Answer, Stage},
    view::{Sight, View},
};

/// How long to wait before a pod is requested again.
const LOOK_AGAIN: Duration = Duration::from_secs(5);

/// One job's pod, from the request for it until nothing is left to do.
///
/// For any observations in any order: its end comes exactly once, and [`Lifecycle::wake`] returns a time at which it continues by
/// itself, unless the job simply runs.
#[derive(Debug)]
pub struct Lifecycle {
    pub(crate) container: String,
    pub(crate) limits: Limits,
    keep: bool,
    evidence_of_success: bool,
    asked: Duration,
    pub(crate) view: View,
    memory: Memory,
    told: Option<(State, String)>,
    aborted: Option<(String, Duration)>,
    refused: Option<Verdict>,
    ended: bool,
    stage: Stage,
    /// Evidence that was gathered before the end, and is reported after it.
    kept: Option<Evidence>,
    look_again: Option<Duration>,
    wake: Option<Duration>,
}

impl Lifecycle {
    /// A pod that is being created. `container` is the name of the job's container, or empty for the name by FLARE's rule; with `keep`, a
    /// pod that ended by itself is not deleted.
    pub fn new(container: &str, limits: Limits, keep: bool, now: Moment) -> Self {
        Self {
            container: container.to_owned(),
            limits,
            keep,
            evidence_of_success: false,
            asked: now.elapsed,
            view: View::new(now.elapsed),
            memory: Memory::Nothing,
            told: None,
            aborted: None,
            refused: None,
            ended: false,
            stage: Stage::Following,
            kept: None,
            look_again: None,
            wake: None,
        }
    }

    /// The pod's uid, once the API server has assigned it.
    pub fn uid(&self) -> Option<&str> {
        self.view.uid.as_deref()
    }

    /// When, on the clock of [`Moment::elapsed`], [`Observation::TimePassed`] is due.
    pub fn wake(&self) -> Option<Duration> {
        self.wake
    }

    /// Says which pod is meant: another one of its name is none.
    #[must_use]
    pub fn of_uid(mut self, uid: Option<&str>) -> Self {
        self.view.uid = uid.map(str::to_owned);
        self
    }

    /// Keeps the evidence of a job that ended well, too.
    #[must_use]
    pub fn with_evidence_of_success(mut self, wanted: bool) -> Self {
        self.evidence_of_success = wanted;
        self
    }

    /// The name of the job's container.
    pub fn container(&self) -> &str {
        &self.container
    }

    /// Whether its end was told.
    pub fn has_ended(&self) -> bool {
        self.ended
    }

    /// Whether nothing is left to do.
    pub fn is_done(&self) -> bool {
        matches!(self.stage, Stage::Done)
    }

    /// Processes an observation.
    pub fn step(&mut self, observation: Observation, now: Moment) -> Step {
        let mut step = Step::default();
        if self.is_done() {
            return step;
        }
        let answer = self.absorb(observation, now, &mut step);
        self.wake = None;
        if !self.ended {
            self.judge(now, &mut step);
        }
        self.go_on(now, answer, &mut step);
        if let Some(again) = self.look_again.filter(|_| !self.is_done()) {
            if again <= now.elapsed {
                step.actions.push(Action::Look);
                self.look_again = Some(now.elapsed + LOOK_AGAIN);
            }
            self.wake_at(self.look_again.unwrap_or(again));
        }
        if self.is_done() {
            self.wake = None;
        }
        step
    }

    /// Records an observation; an answer to an action is returned for the work that requested it.
    fn absorb(&mut self, observation: Observation, now: Moment, step: &mut Step) -> Answer {
        match observation {
            Observation::Seen(pod) => {
                if self.container.is_empty() {
                    self.container = ours::container(&pod);
                }
                self.view.see(*pod, now.elapsed);
                self.look_again = None;
            }
            Observation::NotCreated { class, reason, message } => {
                self.refused = Some(Verdict::not_started(class, &reason, &message));
                self.view.gone = true;
            }
            Observation::Missing => {
                self.view.missing = true;
                // A pod that was never seen may be newer than the list; and the answer to a deletion says whether it is gone.
                if !self.view.gone && self.view.pod.is_some() && !self.stage.is_deleting() {
                    self.look_again.get_or_insert(now.elapsed);
                }
            }
            Observation::Gone => {
                self.view.sight = Sight::Clear;
                self.view.gone = true;
                self.look_again = None;
            }
            Observation::Happened(event) => self.view.happened(*event),
            Observation::NoAnswer => self.view.lose_sight(Sight::NoAnswer, now.elapsed),
            Observation::Refused(reason) => self.view.lose_sight(Sight::Refused(reason), now.elapsed),
            Observation::Sighted => self.view.sight = Sight::Clear,
            Observation::Terminate(why) => {
                if !self.ended && self.aborted.is_none() {
                    self.tell(State::Ending, "Aborted", &why, now, step);
                    self.aborted = Some((why, now.elapsed));
                    self.gather(now, step);
                }
            }
            Observation::Logged(lines) => return Answer::Log(lines),
            Observation::Deleted(answer) => return Answer::Deletion(answer),
            Observation::TimePassed => {}
        }
        Answer::Nothing
    }

    /// Determines the job's end, or what it waits for.
    fn judge(&mut self, now: Moment, step: &mut Step) {
        let verdict = self.verdict(now);
        if let Some((why, since)) = &self.aborted {
            let limit = since.saturating_add(self.limits.longest_abort());
            if verdict.is_final() || now.elapsed >= limit {
                let end = End::aborted(why, &verdict, now);
                self.end(end, now, step);
            } else {
                self.wake_at(limit);
            }
            return;
        }
        match &verdict {
            Verdict::Waiting { until, reason, message, .. } => {
                let state = self.view.waiting_state(self.memory == Memory::Running);
                // The state of a pod that is taken over is reported only once it was read.
                if self.view.pod.is_some() || self.view.uid.is_none() {
                    self.tell(state, reason, message, now, step);
                }
                if self.view.pod.is_some() && self.memory == Memory::Nothing {
                    self.memory = Memory::Pending;
                }
                self.wake_at(self.asked.saturating_add(*until));
            }
            Verdict::Running => {
                self.memory = Memory::Running;
                self.tell(State::Running, "Running", "", now, step);
            }
            _ => self.end(End::of(&verdict, now), now, step),
        }
    }

    fn verdict(&self, now: Moment) -> Verdict {
        if let Some(refused) = &self.refused {
            return refused.clone();
        }
        let waited = now.elapsed.saturating_sub(self.asked);
        if self.view.pod.is_none() && !self.view.gone {
            let until = self.limits.pending.max(self.limits.settle);
            let message = "the API server has not confirmed the pod yet";
            return if waited < until {
                Verdict::waiting(until, Class::Transient, "Creating", message)
            } else {
                Verdict::not_started(Class::Transient, "NotCreated", message)
            };
        }
        // A pod that was asked for and is not there was there: the list that would be older is not believed in the first place.
        let memory = if self.view.gone && self.memory == Memory::Nothing { Memory::Pending } else { self.memory.clone() };
        let situation = Situation {
            answer: self.view.answer(&self.container),
            events: &self.view.events,
            container: &self.container,
            waited,
            in_state: self.view.in_state(now.elapsed, self.limits.blind),
            now: now.wall,
            memory,
        };
        classify(&situation, &self.limits)
    }

    fn tell(&mut self, state: State, reason: &str, message: &str, now: Moment, step: &mut Step) {
        if self.told.as_ref().is_some_and(|(told, why)| *told == state && why == reason) {
            return;
        }
        self.told = Some((state, reason.to_owned()));
        let (reason, message) = (reason.to_owned(), message.to_owned());
        step.notices.push(Notice::Changed(Transition { at: now.wall, state, reason, message }));
    }

    fn end(&mut self, end: End, now: Moment, step: &mut Step) {
        self.ended = true;
        let needs_no_evidence = end.state == State::Succeeded && !self.evidence_of_success;
        step.notices.push(Notice::Ended(end));
        match self.stage {
            Stage::Following if needs_no_evidence => self.remove(now),
            Stage::Following => self.gather(now, step),
            _ => {}
        }
    }

    fn wake_at(&mut self, at: Duration) {
        self.wake = Some(self.wake.map_or(at, |wake| wake.min(at)));
    }
}

//! The lifecycle of one job pod as a state machine: observations in, notices and actions out. No clock, no cluster.

mod afterwards;
mod judging;

use std::{fmt, time::Duration};

use k8s_openapi::api::core::v1::Pod;

use crate::{
    Action, End, Evidence, JobState, Limits, Memory, Moment, Notice, Observation, PodLookup, Step, Transition, Verdict,
    look::PodLookups,
    ours,
    stage::{Answer, Stage},
    view::{ApiServer, View},
};

/// One job's pod, from the request for it until nothing is left to do.
///
/// For any observations in any order: its end comes exactly once, and [`Lifecycle::wake`] returns a time at which it continues by
/// itself, unless the job simply runs. A deadline ends a pod only after a look that was sent once it had passed, since what a watch
/// showed last may be old.
#[expect(clippy::struct_excessive_bools, reason = "two are options, and three are independent facts")]
pub struct Lifecycle {
    pub(crate) container: String,
    pub(crate) limits: Limits,
    keep: bool,
    evidence_of_success: bool,
    asked: Duration,
    /// When it was taken over, if it existed already.
    taken_over: Option<Duration>,
    pub(crate) view: View,
    memory: Memory,
    told: Option<(JobState, String)>,
    aborted: Option<(String, Duration)>,
    refused: Option<Verdict>,
    /// Why its creation has failed so far.
    obstacle: Option<String>,
    ended: bool,
    stage: Stage,
    /// Evidence that was gathered before the end, and is reported after it.
    kept: Option<Evidence>,
    looks: PodLookups,
    /// Whether a deadline has passed, and only a look is missing.
    is_overdue: bool,
    /// Until when a pod that is taken over waits for its events, which say for how long it may wait; `None` once they are listed.
    events_awaited: Option<Duration>,
    /// Whether the watch on pods carries it, so that a change of it is seen.
    is_watched: bool,
    wake: Option<Duration>,
}

/// Without pod, events and log, which may contain the job's tokens.
impl fmt::Debug for Lifecycle {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Lifecycle")
            .field("container", &self.container)
            .field("uid", &self.view.uid)
            .field("told", &self.told.as_ref().map(|(state, reason)| (state, reason)))
            .field("is_aborted", &self.aborted.is_some())
            .field("has_ended", &self.ended)
            .field("is_done", &self.is_done())
            .field("wake", &self.wake)
            .finish_non_exhaustive()
    }
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
            taken_over: None,
            view: View::new(now.elapsed),
            memory: Memory::Nothing,
            told: None,
            aborted: None,
            refused: None,
            obstacle: None,
            ended: false,
            stage: Stage::Following,
            kept: None,
            looks: PodLookups::new(),
            is_overdue: false,
            events_awaited: None,
            is_watched: true,
            wake: None,
        }
    }

    /// The pod's uid, once the API server has assigned it.
    pub fn uid(&self) -> Option<&str> {
        self.view.uid.as_deref()
    }

    /// Says which pod the API server made for the job, by its own answer: that is the job's, whatever an admission webhook made of its labels.
    pub fn was_made(&mut self, uid: &str) {
        self.view.decide(Some(uid.to_owned()));
    }

    /// Says whether the watch on pods carries the pod, which it does not where somebody took its labels away. Then the pod is looked at now and
    /// then, since nothing else would show its end.
    pub fn set_watched(&mut self, is_watched: bool) {
        self.is_watched = is_watched;
        if is_watched {
            self.looks.end_repetition();
        }
    }

    /// When, on the clock of [`Moment::elapsed`], [`Observation::TimePassed`] is due.
    pub fn wake(&self) -> Option<Duration> {
        self.wake
    }

    /// Says that the pod exists already and is taken over now; with a uid, a pod of the same name but another uid does not count. Its time
    /// counts from the moment with which the lifecycle was made, which is its creation; but as long as it was not seen, nobody knows whether
    /// its job runs, so only the API server's own limits count, from now. No deadline ends it before its events were
    /// listed, for which [`Limits::settle`] is time.
    #[must_use]
    pub fn taken_over(mut self, uid: Option<&str>, now: Moment) -> Self {
        self.taken_over = Some(now.elapsed);
        self.events_awaited = Some(now.elapsed.saturating_add(self.limits.settle));
        self.view = View::new(now.elapsed);
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

    /// The name of the container whose log [`Action::ReadLog`] asks for: the job's, or that of the init container that kept it from running.
    pub fn logged_container(&self) -> &str {
        self.view.logged_container(&self.container).unwrap_or(&self.container)
    }

    /// Why its creation has failed so far.
    pub(crate) fn obstacle(&self) -> Option<&str> {
        self.obstacle.as_deref()
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
        if (self.is_look_wanted() || self.is_look_repeated()) && self.looks.is_late(now.elapsed) {
            // A look that is not answered at all counts as one that the API server did not answer: every wait ends.
            self.view.lose_api_server(ApiServer::NoAnswer, now.elapsed);
        }
        self.wake = None;
        if !self.ended {
            self.judge(now, &mut step);
        }
        self.go_on(now, answer, &mut step);
        if self.is_look_wanted() {
            if self.looks.is_due(now.elapsed) {
                step.actions.push(Action::Look);
            }
            if let Some(next) = self.looks.next() {
                self.wake_at(next);
            }
        } else if self.is_look_repeated() {
            if self.looks.is_repetition_due(now.elapsed) {
                step.actions.push(Action::Look);
            }
            if let Some(next) = self.looks.next_repetition() {
                self.wake_at(next);
            }
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
                self.see(*pod, now);
            }
            Observation::Looked(look) => {
                self.looks.answer(matches!(look, PodLookup::Found(_) | PodLookup::Nothing), now.elapsed);
                match look {
                    PodLookup::Found(pod) => {
                        if !self.see(*pod, now) {
                            self.view.miss();
                        }
                    }
                    PodLookup::Nothing => self.view.miss(),
                    PodLookup::NoAnswer => self.view.lose_api_server(ApiServer::NoAnswer, now.elapsed),
                    PodLookup::Refused(reason) => self.view.lose_api_server(ApiServer::Refused(reason), now.elapsed),
                }
            }
            Observation::CreationFailed { message } => self.obstacle = Some(message),
            Observation::NotCreated { class, reason, message } => {
                self.refused = Some(Verdict::not_started(class, &reason, &message));
                self.view.gone = true;
            }
            Observation::Missing => self.view.missing = true,
            Observation::Gone => self.view.miss(),
            Observation::Happened(event) => self.view.happened(*event),
            Observation::EventsListed => self.events_awaited = None,
            Observation::NoAnswer => self.view.lose_api_server(ApiServer::NoAnswer, now.elapsed),
            Observation::Refused(reason) => self.view.lose_api_server(ApiServer::Refused(reason), now.elapsed),
            Observation::Sighted => {
                self.view.api_server = ApiServer::Answers;
                self.looks.forgive();
            }
            Observation::Terminate(why) => {
                if !self.ended && self.aborted.is_none() {
                    self.tell(JobState::Ending, "Aborted", &why, now, step);
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

    /// Records a pod, and returns whether it is the job's.
    fn see(&mut self, pod: Pod, now: Moment) -> bool {
        let container = if self.container.is_empty() { ours::job_container(&pod) } else { String::new() };
        let is_ours = self.view.see(pod, now.elapsed);
        if is_ours && self.container.is_empty() {
            self.container = container;
        }
        self.looks.forgive();
        is_ours
    }

    fn tell(&mut self, state: JobState, reason: &str, message: &str, now: Moment, step: &mut Step) {
        if self.told.as_ref().is_some_and(|(told, why)| *told == state && why == reason) {
            return;
        }
        self.told = Some((state, reason.to_owned()));
        let (reason, message) = (reason.to_owned(), message.to_owned());
        step.notices.push(Notice::Changed(Transition { at: now.wall, state, reason, message }));
    }

    fn end(&mut self, end: End, now: Moment, step: &mut Step) {
        self.ended = true;
        let needs_no_evidence = end.state == JobState::Succeeded && !self.evidence_of_success;
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

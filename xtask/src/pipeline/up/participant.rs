//! Brings up one participant, from its prepared kit to the proof that it has joined.

use std::time::Duration;

use flare_diagnostic::{Checked, Collector, Faults};
use flare_names::Role;

use super::{
    budget::Budget,
    preparation::PreparedParticipant,
    reached::{Options, Reached},
    steps::{State, Step, Steps, Times},
};
use crate::{
    context::Context,
    environment::Stopwatch,
    pipeline::{
        install,
        stage::Request,
        stage_federation::{self, Done, Staging},
        verify,
    },
};

/// The result for a participant that was only prepared.
pub(super) fn not_begun(participant: &PreparedParticipant) -> Reached {
    let (mut steps, mut times) = (Steps::default(), Times::default());
    steps.set(Step::Prepare, participant.state);
    times.set(Step::Prepare, participant.took);
    Reached { steps, times, findings: Vec::new(), recovery: None, exposed: None, ended: Ok(Checked::clean(())) }
}

/// Carries out the steps up to the first that fails. `called` are the names by which clients call the server.
pub(super) fn bring_up(
    context: &Context<'_>,
    participant: &PreparedParticipant,
    options: &Options,
    called: &[String],
    watch: &(dyn Fn(Steps, &str) + Send + Sync),
) -> Reached {
    let (reached, budget) = (not_begun(participant), Budget::begin(options.limit));
    let mut run = Run { context, participant, options, called, watch, budget, reached, found: Collector::new() };
    if let Err(faults) = run.all() {
        run.found.keep_checked::<()>(Err(faults));
    }
    let (mut reached, found) = (run.reached, run.found);
    reached.ended = found.finish(|| ());
    watch(reached.steps, "");
    reached
}

struct Run<'run> {
    context: &'run Context<'run>,
    participant: &'run PreparedParticipant,
    options: &'run Options,
    called: &'run [String],
    watch: &'run (dyn Fn(Steps, &str) + Send + Sync),
    budget: Budget,
    reached: Reached,
    found: Collector,
}

impl Run<'_> {
    fn all(&mut self) -> Result<(), Faults> {
        self.step(Step::Stage, Self::stage)?;
        if self.options.dry_run && self.reached.steps.get(Step::Stage) == State::Done {
            // The kit is not there yet, without which an installation is refused.
            return Ok(());
        }
        self.step(Step::Install, Self::install)?;
        if self.options.dry_run { Ok(()) } else { self.step(Step::Verify, Self::verify) }
    }

    fn step(&mut self, step: Step, work: fn(&mut Self, Steps) -> Result<State, Faults>) -> Result<(), Faults> {
        self.context.interrupt.check()?;
        self.reached.steps.set(step, State::Running);
        let steps = self.reached.steps;
        (self.watch)(steps, step.as_str());
        let watch = Stopwatch::start();
        let ended = work(self, steps);
        self.reached.times.set(step, Some(watch.elapsed()));
        self.reached.steps.set(step, *ended.as_ref().unwrap_or(&State::Failed));
        ended.map(drop)
    }

    fn stage(&mut self, _: Steps) -> Result<State, Faults> {
        // Objects are staged beside those that the release names.
        if matches!(self.options.staging, Staging::Volume(_)) {
            let (kit, options) = (self.participant.destined.kit(), self.install_options());
            install::refuse_before_staging(self.context, &self.request(), kit, &options)?;
        }
        let staging = self.options.staging.within(self.budget.for_a_step());
        let staged = stage_federation::stage_alone(self.context, &self.participant.destined, &staging);
        let changed = match self.found.require_checked(staged)? {
            Done::Volume(staged) => staged.changed,
            Done::Objects(staged) => staged.changed,
        };
        Ok(State::of_change(changed))
    }

    /// The options of its installation, in the time that is left.
    fn install_options(&self) -> install::Options {
        let (own, all) = (&self.participant.values, &self.options.install);
        let values = own.given().and(&all.values);
        let expose = all.expose.filter(|_| self.participant.destined.role == Role::Server).or(own.expose);
        let (called, limit) = (self.called.to_vec(), self.budget.for_a_step());
        install::Options { values, expose, called, limit, ..all.clone() }
    }

    fn install(&mut self, steps: Steps) -> Result<State, Faults> {
        let options = self.install_options();
        let progress = |words: &str| (self.watch)(steps, words);
        match install::install(self.context, &self.request(), &options, &progress) {
            Ok(installed) => {
                let installed = installed.collect(&mut self.found);
                self.reached.exposed = installed.exposed;
                Ok(State::of_change(installed.changed))
            }
            Err(not_installed) => {
                self.reached.findings = not_installed.findings;
                self.reached.recovery = not_installed.recovery;
                Err(not_installed.faults)
            }
        }
    }

    /// The installation has already waited whether the parent stays up.
    fn verify(&mut self, steps: Steps) -> Result<State, Faults> {
        let options = verify::Options { offline: false, deadline: self.budget.for_a_step(), stable: Duration::ZERO };
        let progress = |words: &str| (self.watch)(steps, words);
        let verified = verify::verify(self.context, &self.request(), &options, &progress)?;
        let checked = verify::refuse_faults(&verified.findings);
        self.reached.findings = verified.findings;
        checked.map(|()| State::Unchanged)
    }

    fn request(&self) -> Request<'_> {
        let destined = &self.participant.destined;
        Request { prepared: &destined.prepared, namespace: None, access: destined.access.clone(), values: Vec::new() }
    }
}

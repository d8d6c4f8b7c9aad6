//! The current state of each participant of a federation.

use std::time::Duration;

use flare_diagnostic::{Code, Faults};
use flare_doctor::state;
use flare_names::Role;
use tokio::time::Instant;

use super::{
    federation_kits::Entry,
    kit_facts::KitFacts,
    parallel,
    stage::Request,
    status::{self, Seen},
    up::{State, Step, Steps},
};
use crate::{context::Context, runtime};

/// The state of a participant.
#[derive(Debug)]
pub(crate) struct ParticipantStatus {
    pub(crate) name: String,
    pub(crate) role: Option<Role>,
    pub(crate) steps: Steps,
    /// What is known of its kit, if that can be opened.
    pub(crate) facts: Option<KitFacts>,
    /// The state, or why it could not be read.
    pub(crate) state: Result<state::ParticipantState, Faults>,
}

/// Reads the states of all participants within `limit`, `at_once` concurrently.
///
/// # Errors
/// `INTERRUPTED`.
pub(crate) fn look(
    context: &Context<'_>,
    entries: &[Entry],
    at_once: usize,
    limit: Duration,
) -> Result<Vec<ParticipantStatus>, Faults> {
    let end = Instant::now() + limit;
    let looked = parallel::at_once(at_once, entries, |entry| look_at(context, entry, end));
    context.interrupt.check()?;
    Ok(looked)
}

fn look_at(context: &Context<'_>, (name, entry): &Entry, end: Instant) -> ParticipantStatus {
    let looked = |role, steps, facts, state| ParticipantStatus { name: name.clone(), role, steps, facts, state };
    let mut steps = Steps::default();
    let destined = match entry {
        Ok(checked) => &checked.value,
        Err(faults) => {
            // Where federation.yaml itself is at fault, such as by a kubeconfig that is not there, nothing is known of the kit.
            let is_of_kit = faults.first().code != Code::InvalidFederation;
            steps.set(Step::Prepare, if is_of_kit { State::Failed } else { State::Unknown });
            return looked(None, steps, None, Err(faults.clone()));
        }
    };
    let request = Request { prepared: &destined.prepared, namespace: None, access: destined.access.clone(), values: Vec::new() };
    let left = runtime::left_until(end).map_err(Faults::from);
    match left.and_then(|left| status::status(context, &request, left)) {
        Ok(seen) => ParticipantStatus { name: name.clone(), ..ParticipantStatus::of(seen) },
        Err(faults) => {
            for step in [Step::Stage, Step::Install, Step::Verify] {
                steps.set(step, State::Unknown);
            }
            steps.set(Step::Prepare, State::There);
            looked(Some(destined.role), steps, Some(destined.facts()), Err(faults))
        }
    }
}

impl ParticipantStatus {
    /// A participant that was seen in its cluster.
    pub(crate) fn of(seen: Seen) -> Self {
        let Seen { name, role, facts, state } = seen;
        Self { name, role: Some(role), steps: steps_of(&state), facts: Some(facts), state: Ok(state) }
    }
}

/// The state of each step. A kit that is staged as objects counts as staged if the parent runs with it.
fn steps_of(state: &state::ParticipantState) -> Steps {
    let kit = &state.kit;
    let is_this = |place: &Option<String>| match place {
        None => State::NotBegun,
        Some(found) if *found == kit.prepared => State::There,
        Some(_) => State::Failed,
    };
    let running = is_this(&kit.running);
    let available =
        state.deployment.as_ref().map(|deployment| deployment.desired > 0 && deployment.available >= deployment.desired);
    let mut steps = Steps::default();
    steps.set(Step::Prepare, State::There);
    steps.set(Step::Stage, if kit.staged.is_none() { running } else { is_this(&kit.staged) });
    steps.set(
        Step::Install,
        match available {
            None => State::NotBegun,
            Some(true) => running,
            Some(false) => State::Failed,
        },
    );
    steps.set(
        Step::Verify,
        match (available, state.joined) {
            (None, _) => State::NotBegun,
            (_, Some(true)) => State::There,
            (_, Some(false)) => State::Failed,
            (_, None) => State::Unknown,
        },
    );
    steps
}

#[cfg(test)]
mod tests {
    use flare_doctor::state::{DeploymentState, KitState};

    use super::*;

    fn seen(
        staged: Option<&str>,
        running: Option<&str>,
        available: Option<i32>,
        joined: Option<bool>,
    ) -> state::ParticipantState {
        let text = |place: Option<&str>| place.map(str::to_owned);
        state::ParticipantState {
            participant: "site-1".into(),
            role: "client",
            namespace: "flare".into(),
            deployment: available.map(|available| DeploymentState { name: "site-1".into(), desired: 1, available }),
            pods: Vec::new(),
            kit: KitState { prepared: "a".into(), staged: text(staged), running: text(running) },
            joined,
            reason: None,
            jobs: Vec::new(),
        }
    }

    #[test]
    fn each_step_shows_what_is_there_of_it() {
        use State::{Failed, NotBegun, There, Unknown};
        for (state, expected) in [
            (seen(Some("a"), Some("a"), Some(1), Some(true)), [There, There, There]),
            (seen(None, Some("a"), Some(1), Some(true)), [There, There, There]),
            (seen(None, None, None, Some(false)), [NotBegun, NotBegun, NotBegun]),
            (seen(Some("a"), None, None, Some(false)), [There, NotBegun, NotBegun]),
            (seen(Some("b"), Some("b"), Some(1), Some(true)), [Failed, Failed, There]),
            (seen(Some("a"), Some("a"), Some(0), Some(false)), [There, Failed, Failed]),
            (seen(Some("a"), Some("a"), Some(1), None), [There, There, Unknown]),
        ] {
            let steps = steps_of(&state);
            assert_eq!([Step::Stage, Step::Install, Step::Verify].map(|step| steps.get(step)), expected, "{state:?}");
        }
    }
}

//! The progress of a participant: four steps, each in one state.

use std::time::Duration;

use serde_json::{Value, json};

/// A step from a startup kit to a participant that has joined.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// The prepared kit.
    Prepare,
    /// The kit in the cluster.
    Stage,
    /// The release, and a parent that runs and has joined.
    Install,
    /// All checks.
    Verify,
}

impl Step {
    /// All of them, in their order.
    pub(crate) const ALL: [Self; 4] = [Self::Prepare, Self::Stage, Self::Install, Self::Verify];

    /// The key in results.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Prepare => "prepare",
            Self::Stage => "stage",
            Self::Install => "install",
            Self::Verify => "verify",
        }
    }
}

/// The state of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum State {
    /// It was not begun; in a result, because an earlier step failed or the run ended.
    #[default]
    NotBegun,
    /// It is under way.
    Running,
    /// It changed something.
    Done,
    /// Nothing had to be changed.
    Unchanged,
    /// It found a fault.
    Failed,
    /// Its state could not be read.
    Unknown,
    /// A look found everything as it has to be.
    There,
}

impl State {
    /// The name in results.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::NotBegun => "not_begun",
            Self::Running => "running",
            Self::Done => "done",
            Self::Unchanged => "unchanged",
            Self::Failed => "failed",
            Self::Unknown => "unknown",
            Self::There => "ok",
        }
    }

    /// Whether the result of the step exists.
    pub(crate) const fn is_good(self) -> bool {
        matches!(self, Self::Done | Self::Unchanged | Self::There)
    }

    /// Done or unchanged.
    pub(crate) const fn of_change(changed: bool) -> Self {
        if changed { Self::Done } else { Self::Unchanged }
    }
}

/// The states of all steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Steps([State; 4]);

impl Steps {
    pub(crate) fn get(self, step: Step) -> State {
        self.0[step as usize]
    }

    pub(crate) fn set(&mut self, step: Step, state: State) {
        self.0[step as usize] = state;
    }

    /// Whether all steps are complete.
    pub(crate) fn are_good(self) -> bool {
        self.0.into_iter().all(State::is_good)
    }

    /// The JSON in results: `{"prepare": "unchanged", …}`.
    pub(crate) fn to_json(self) -> Value {
        Step::ALL.into_iter().map(|step| (step.as_str().to_owned(), json!(self.get(step).as_str()))).collect()
    }
}

/// How long each step took; none for one that was not begun or had nothing to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Times([Option<Duration>; 4]);

impl Times {
    pub(crate) fn set(&mut self, step: Step, took: Option<Duration>) {
        self.0[step as usize] = took;
    }

    /// The JSON in results, in seconds: `{"prepare": null, "stage": 1.204, …}`.
    pub(crate) fn to_json(self) -> Value {
        let seconds = |took: Duration| (took.as_secs_f64() * 1e3).round() / 1e3;
        Step::ALL.into_iter().zip(self.0).map(|(step, took)| (step.as_str().to_owned(), json!(took.map(seconds)))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_participant_is_good_when_every_step_is() {
        let mut steps = Steps::default();
        for step in Step::ALL {
            assert!(!steps.are_good(), "before {step:?}");
            steps.set(step, State::of_change(step == Step::Install));
        }
        assert!(steps.are_good());
        let expected = json!({"prepare": "unchanged", "stage": "unchanged", "install": "done", "verify": "unchanged"});
        assert_eq!(steps.to_json(), expected);
        steps.set(Step::Verify, State::Failed);
        assert!(!steps.are_good());
    }

    #[test]
    fn durations_are_seconds_and_none_where_nothing_was_done() {
        let mut times = Times::default();
        times.set(Step::Stage, Some(Duration::from_micros(1_204_400)));
        assert_eq!(times.to_json(), json!({"prepare": null, "stage": 1.204, "install": null, "verify": null}));
    }
}

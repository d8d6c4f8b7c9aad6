//! The steps of a reprovision, and what each of them did.

use crate::pipeline::up::State;

/// A step, in the order in which they are carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// What the parent made on its volume is saved.
    Backup,
    /// The prepared kit is replaced.
    Prepare,
    /// It is put onto the volume.
    Stage,
    /// The release is upgraded, and its parent joins.
    Install,
    /// All checks.
    Verify,
}

impl Step {
    /// All of them, in their order.
    pub(crate) const ALL: [Self; 5] = [Self::Backup, Self::Prepare, Self::Stage, Self::Install, Self::Verify];

    /// The key in results.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Backup => "backup",
            Self::Prepare => "prepare",
            Self::Stage => "stage",
            Self::Install => "install",
            Self::Verify => "verify",
        }
    }
}

/// What a step did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StepResult {
    pub(crate) step: Step,
    pub(crate) state: State,
    /// In a few words; empty for a step that was not begun.
    pub(crate) what: String,
}

impl StepResult {
    /// Steps of which none was begun.
    pub(super) fn none() -> Vec<Self> {
        Step::ALL.into_iter().map(|step| Self { step, state: State::NotBegun, what: String::new() }).collect()
    }
}

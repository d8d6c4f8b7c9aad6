//! How a participant is brought up, and how far it came.

use std::time::Duration;

use flare_diagnostic::{Checked, Faults};
use flare_doctor::Finding;

use super::steps::{Steps, Times};
use crate::pipeline::{install, stage_federation::Staging};

/// Options for every participant.
#[derive(Debug)]
pub(crate) struct Options {
    /// Its deadline is replaced by the time that the participant has left.
    pub(crate) staging: Staging,
    /// The values are on top of each participant's own; how the server is exposed takes the place of what federation.yaml says,
    /// and the time that the participant has left that of its limit.
    pub(crate) install: install::Options,
    /// How long each participant may take from its staging to its checks, without the way back if a step fails.
    pub(crate) limit: Duration,
    /// The maximum number of sites that are processed concurrently.
    pub(crate) at_once: usize,
    pub(crate) dry_run: bool,
}

/// The result for a participant.
#[derive(Debug)]
pub(crate) struct Reached {
    pub(crate) steps: Steps,
    /// How long each of them took.
    pub(crate) times: Times,
    /// The findings of `verify` or of the installation.
    pub(crate) findings: Vec<Finding>,
    /// What an installation that failed put back.
    pub(crate) recovery: Option<install::Recovery>,
    /// Where it is reached from outside, if federation.yaml asks for it.
    pub(crate) exposed: Option<install::Exposed>,
    /// Its warnings and, if it failed, its faults.
    pub(super) ended: Result<Checked<()>, Faults>,
}

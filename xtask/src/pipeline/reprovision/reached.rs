//! How far a reprovision came.

use std::path::PathBuf;

use flare_diagnostic::{Checked, Faults};
use flare_doctor::Finding;
use flare_pvc_stage::Backup;
use flare_site_plan::SitePlan;

use super::{back::Restored, step::StepResult};
use crate::pipeline::difference::FileDifference;

/// How far a run came.
#[derive(Debug)]
pub(crate) struct Reprovisioned {
    pub(crate) plan: SitePlan,
    /// Every step, in its order.
    pub(crate) steps: Vec<StepResult>,
    /// What this run, or the interrupted one that it went on with, saved.
    pub(crate) backup: Option<Backup>,
    /// The directory with the earlier prepared kit; `None` if it was not replaced.
    pub(crate) earlier: Option<PathBuf>,
    /// The fingerprints of the earlier and of the new kit.
    pub(crate) fingerprints: [String; 2],
    /// The revision of the release.
    pub(crate) revision: Option<u64>,
    pub(crate) findings: Vec<Finding>,
    /// What was put back after a step failed.
    pub(crate) back: Option<Restored>,
    /// Only in a dry run: how the prepared kit would change.
    pub(crate) changes: Vec<FileDifference>,
    /// The warnings and, if a step failed, the faults.
    pub(crate) ended: Result<Checked<()>, Faults>,
}

//! A changed kit or configuration of a running participant → backup, prepared kit, volume, release, checks; or the state before.

mod back;
mod earlier;
mod input;
mod look;
mod reached;
mod run;
mod step;

use flare_diagnostic::{Collector, Faults};

pub(crate) use self::{
    input::{Input, Progress},
    reached::Reprovisioned,
};
use crate::context::Context;

/// Checks everything that needs no cluster, then carries out the steps up to the first that fails, and puts back what was before.
///
/// # Errors
/// What is refused before anything is changed.
pub(crate) fn reprovision(context: &Context<'_>, input: &Input, progress: Progress<'_>) -> Result<Reprovisioned, Faults> {
    let mut found = Collector::new();
    progress("checking kit and configuration");
    let known = found.require_checked(look::look(input))?;
    Ok(run::Run::new(context, input, progress, known, found).carry_out())
}

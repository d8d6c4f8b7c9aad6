//! Takes a participant back to its earlier revision and kit after something later than its installation failed.

use flare_diagnostic::{Checked, Collector, Faults};
use flare_prepared_kit::OpenOptions;
use tokio::time::Instant;

use super::{
    connected::Connected,
    proven, readiness, recovery,
    run::{Options, Progress, Recovery},
};
use crate::{context::Context, pipeline::stage::Request, runtime};

/// Goes back to a revision, or without one to the last good one, and puts back the kit with which it ran, if the kit of `request` is on
/// the volume. Does nothing for a release that was never there.
///
/// # Errors
/// If the cluster, Helm or the release's history cannot be reached. What cannot be put back is a warning.
pub(crate) fn take_back(
    context: &Context<'_>,
    request: &Request<'_>,
    options: &Options,
    revision: Option<u64>,
    progress: Progress<'_>,
) -> Result<Checked<Recovery>, Faults> {
    runtime::block_on(back(context, request, options, revision, progress))?
}

async fn back(
    context: &Context<'_>,
    request: &Request<'_>,
    options: &Options,
    revision: Option<u64>,
    progress: Progress<'_>,
) -> Result<Checked<Recovery>, Faults> {
    let mut found = Collector::new();
    let kit = found.require_checked(request.open(OpenOptions { accept_changes: true }))?;
    let connected = found.require(Connected::new(context, request, options, kit).await)?;
    // Connecting takes nothing from the time of the way back.
    let run = connected.run(context, options, Instant::now() + options.limit, progress);
    let Some(before) = found.require(readiness::earlier(&run, revision).await)? else {
        return found.finish(|| Recovery::Left { kit: None });
    };
    let recovery = Box::pin(recovery::recover(&run, Some(&before), &mut found)).await;
    if matches!(recovery, Recovery::RolledBack { .. }) {
        // Otherwise a later failure would go back to the revision that this one leaves.
        found.keep(proven::note(&run, before.revision).await);
    }
    found.finish(|| recovery)
}

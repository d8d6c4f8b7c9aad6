//! Removes what staging left in a cluster.

use flare_diagnostic::{Checked, Collector, Faults};
use flare_prepared_kit::{OpenOptions, PreparedKit};
use flare_pvc_stage::{ObjectUnstageOptions, Unstaged, VolumeUnstageOptions};

use super::stage::Request;
use crate::{context::Context, runtime};

/// What was removed, and whether the objects' names were removed from the chart's values.
#[derive(Debug)]
pub(crate) struct Removal {
    pub(crate) unstaged: Unstaged,
    pub(crate) record_removed: bool,
}

/// Whether the values of the kit's chart name staged objects.
pub(crate) fn names_objects(request: &Request<'_>) -> Result<bool, Faults> {
    Ok(request.open(OpenOptions { accept_changes: true })?.value.staged_record()?.is_some())
}

/// Removes the staged objects of the kit's participant, and then their names from the chart's values.
pub(crate) fn objects(
    context: &Context<'_>,
    request: &Request<'_>,
    options: &ObjectUnstageOptions,
) -> Result<Checked<Removal>, Faults> {
    let mut found = Collector::new();
    // A kit that was edited since is removed as well.
    let kit = found.require_checked(request.open(OpenOptions { accept_changes: true }))?;
    let (kit_in_work, stop) = (&kit, runtime::interrupted(&context.interrupt));
    let removed = request.in_cluster_to_its_end(context, options.deadline, |cluster| async move {
        flare_pvc_stage::unstage_objects(&cluster, kit_in_work, options, stop).await
    });
    let unstaged = found.require_checked(request.located(removed))?;
    let record_removed = !options.superseded && remove_record(&mut found, &kit, request, options.dry_run)?;
    found.finish(|| Removal { unstaged, record_removed })
}

/// Removes only the objects' names from the chart's values. Returns whether there were some.
pub(crate) fn record(request: &Request<'_>, dry_run: bool) -> Result<Checked<Removal>, Faults> {
    let mut found = Collector::new();
    let kit = found.require_checked(request.open(OpenOptions { accept_changes: true }))?;
    let record_removed = remove_record(&mut found, &kit, request, dry_run)?;
    let unstaged = Unstaged { namespace: kit.plan().namespace.to_string(), removed: Vec::new() };
    found.finish(|| Removal { unstaged, record_removed })
}

fn remove_record(found: &mut Collector, kit: &PreparedKit, request: &Request<'_>, dry_run: bool) -> Result<bool, Faults> {
    let recorded = found.require_checked(request.located(kit.staged_record().map(Checked::clean)))?.is_some();
    if recorded && !dry_run {
        let written = kit.write_record(request.prepared, None).map(Checked::clean);
        found.require_checked(request.located(written))?;
    }
    Ok(recorded)
}

/// Removes what stagings onto the volume left in the cluster.
pub(crate) fn around_volume(
    context: &Context<'_>,
    request: &Request<'_>,
    options: &VolumeUnstageOptions,
) -> Result<Checked<Removal>, Faults> {
    let mut found = Collector::new();
    let kit = &found.require_checked(request.open(OpenOptions { accept_changes: true }))?;
    let stop = runtime::interrupted(&context.interrupt);
    let removed = request.in_cluster_to_its_end(context, options.deadline, |cluster| async move {
        flare_pvc_stage::unstage_volume(&cluster, kit, options, stop).await
    });
    let unstaged = found.require_checked(request.located(removed))?;
    found.finish(|| Removal { unstaged, record_removed: false })
}

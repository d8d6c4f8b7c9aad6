//! Workspace volume → a file, and back.

use std::path::Path;

use flare_diagnostic::{Checked, Collector, Faults};
use flare_prepared_kit::OpenOptions;
use flare_pvc_stage::{Backup, BackupOptions, Progress, RestoreOptions, Restored};

use super::stage::Request;
use crate::{context::Context, runtime};

/// Opens the kit, looks whether the file may be written, connects and saves the data.
pub(crate) fn backup(
    context: &Context<'_>,
    request: &Request<'_>,
    file: &Path,
    options: &BackupOptions,
    progress: Progress<'_>,
) -> Result<Checked<Backup>, Faults> {
    let mut found = Collector::new();
    let kit = &found.require_checked(request.open(OpenOptions::default()))?;
    found.require(flare_pvc_stage::check_new_backup(file, options))?;
    let stop = runtime::interrupted(&context.interrupt);
    let work = |cluster| async move { flare_pvc_stage::backup(&cluster, kit, file, options, progress, stop).await };
    let saved = request.in_cluster_to_its_end(context, options.deadline, work);
    let saved = found.require_checked(request.located(saved))?;
    found.finish(|| saved)
}

/// Opens the kit, looks whether the file is a backup, connects and restores it.
pub(crate) fn restore(
    context: &Context<'_>,
    request: &Request<'_>,
    file: &Path,
    options: &RestoreOptions,
    progress: Progress<'_>,
) -> Result<Checked<Restored>, Faults> {
    let mut found = Collector::new();
    let kit = &found.require_checked(request.open(OpenOptions::default()))?;
    found.require(flare_pvc_stage::check_is_backup(file))?;
    let stop = runtime::interrupted(&context.interrupt);
    let work = |cluster| async move { flare_pvc_stage::restore(&cluster, kit, file, options, progress, stop).await };
    let restored = request.in_cluster_to_its_end(context, options.deadline, work);
    let restored = found.require_checked(request.located(restored))?;
    found.finish(|| restored)
}

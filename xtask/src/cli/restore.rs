//! `restore`: writes a backup back onto a workspace volume.

use flare_pvc_stage::RestoreOptions;
use serde_json::json;

use super::saved::SavedArguments;
use crate::{
    context::Context,
    output::{Outcome, VerbResult, printable},
    pipeline::{backup, stage::run_name},
};

/// Restore a backup onto a workspace volume: verified there and swapped by rename, or not at all
///
/// The backup is compared with its manifest before anything in the cluster is changed; another participant's backup is refused. On the
/// volume it is written to a hidden directory, compared file by file, and then moved into place. Existing data are refused, or with
/// `--replace` kept in `.flare-kube-replaced` until the next such restore. The next run finishes or undoes an interrupted one.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Replace existing data on the volume, and keep them aside.
    #[arg(long)]
    replace: bool,
    #[command(flatten)]
    saved: SavedArguments,
}

/// Restores the backup and prints what was restored.
pub(crate) fn run(context: &Context<'_>, arguments: &Arguments) -> VerbResult {
    let saved = &arguments.saved;
    let (prepared, file) = saved.paths(context)?;
    let options = RestoreOptions {
        what: saved.what(),
        keys: saved.with_keys,
        replace: arguments.replace,
        image: saved.helper.image.helper_image.clone(),
        restart: saved.helper.restart,
        dry_run: saved.cluster.dry_run,
        deadline: saved.cluster.time_limit(),
        run: run_name(),
    };
    context.step(|| format!("restoring {} to the volume of {}", file.display(), prepared.display()));
    let bar = context.transfer();
    let request = saved.request(context, &prepared)?;
    let restored = backup::restore(context, &request, &file, &options, &|files, bytes| bar.show(files, bytes));
    bar.end();
    let restored = restored?;
    let (restored, warnings) = (restored.value, restored.warnings);
    let mut data = json!({"file": restored.file.to_string_lossy(), "files": restored.files, "bytes": restored.bytes,
        "namespace": restored.namespace, "claim": restored.claim, "items": restored.items, "replaced": restored.replaced});
    if options.dry_run {
        data["dry_run"] = json!(true);
    }
    let items: Vec<_> = restored.items.iter().map(|item| printable(item)).collect();
    let text = format!(
        "{} {} files ({} bytes) on claim {} in namespace {}: {}\n",
        if options.dry_run { "would restore" } else { "restored" },
        restored.files,
        restored.bytes,
        restored.claim,
        restored.namespace,
        items.join(", ")
    );
    Ok(Outcome { data, text, warnings })
}

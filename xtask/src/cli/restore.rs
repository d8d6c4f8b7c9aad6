//! `restore`: a backup back onto a workspace volume.

use std::path::PathBuf;

use flare_pvc_stage::RestoreOptions;
use serde_json::json;

use super::{arguments::ClusterArguments, backup::What};
use crate::{
    context::Context,
    output::{Outcome, VerbResult, printable},
    pipeline::{backup, stage::run_name},
};

/// Put a backup back onto a workspace volume: compared there and exchanged by rename, or not at all.
///
/// The backup is read and compared with its manifest before anything in the cluster is touched; that of another participant is
/// refused. On the volume it is written to a hidden directory, compared file by file, and then put in place. What stands there
/// already is refused, or with `--replace` kept aside in `.flare-kube-replaced` until the next such restore. A run that was cut off
/// is finished or undone by the next one.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The prepared kit of the participant whose backup it is.
    #[arg(value_name = "PREPARED")]
    prepared: PathBuf,
    /// The file that `backup` wrote.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// What is put back, of what the backup holds.
    #[arg(long, value_name = "WHAT", value_delimiter = ',', default_value = "all")]
    what: Vec<What>,
    /// Put back the kit as well, where the backup holds it.
    #[arg(long)]
    with_keys: bool,
    /// Take the place of what stands on the volume, and keep that aside.
    #[arg(long)]
    replace: bool,
    /// Scale a running parent down before, and up again afterwards.
    #[arg(long)]
    restart: bool,
    /// The image of the helper pod; it needs Python 3.8 [default: the parent's].
    #[arg(long, value_name = "IMAGE")]
    helper_image: Option<String>,
    #[command(flatten)]
    cluster: ClusterArguments,
}

/// Restores and says what was put back.
pub(crate) fn run(context: &Context<'_>, arguments: &Arguments) -> VerbResult {
    let cluster = &arguments.cluster;
    let prepared = context.environment.absolute(&arguments.prepared)?;
    let file = context.environment.absolute(&arguments.file)?;
    let options = RestoreOptions {
        what: arguments.what.iter().copied().map(Into::into).collect(),
        keys: arguments.with_keys,
        replace: arguments.replace,
        image: arguments.helper_image.clone(),
        restart: arguments.restart,
        dry_run: cluster.dry_run,
        deadline: cluster.time_limit(),
        run: run_name(),
    };
    context.step(|| format!("restoring {} to the volume of {}", file.display(), prepared.display()));
    let bar = context.transfer();
    let request = cluster.request(&prepared);
    let restored = backup::restore(context, &request, &file, &options, &|files, bytes| bar.show(files, bytes));
    bar.end();
    let restored = restored?;
    let (restored, warnings) = (restored.value, restored.warnings);
    let mut data = json!({"file": restored.file.to_string_lossy(), "files": restored.files, "bytes": restored.bytes,
        "namespace": restored.namespace, "claim": restored.claim, "items": restored.items, "replaced": restored.replaced});
    if cluster.dry_run {
        data["dry_run"] = json!(true);
    }
    let items: Vec<_> = restored.items.iter().map(|item| printable(item)).collect();
    let text = format!(
        "{} {} files ({} bytes) on claim {} in namespace {}: {}\n",
        if cluster.dry_run { "would restore" } else { "restored" },
        restored.files,
        restored.bytes,
        restored.claim,
        restored.namespace,
        items.join(", ")
    );
    Ok(Outcome { data, text, warnings })
}

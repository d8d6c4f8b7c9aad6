//! `unstage`: removes what staging left in a cluster.

use std::path::PathBuf;

use flare_diagnostic::{Code, Diagnostic};
use flare_pvc_stage::{ObjectUnstageOptions, VolumeUnstageOptions};
use serde_json::json;

use super::arguments::{ClusterArguments, StagingMode};
use crate::{
    context::Context,
    output::{Outcome, VerbResult},
    pipeline::{
        stage::run_name,
        unstage::{self, Removal},
    },
};

/// Remove what `stage` left in the cluster: only what has this participant's labels
///
/// With `--mode objects`, that is every version of the participant's Secret and ConfigMap, and their names in the chart's values.
/// Objects that a running pod mounts are refused: uninstall the release first.
///
/// With `--mode pvc`, that is helper pods and the Lease of killed stagings, and the claim's annotations; with `--remove-kit` also
/// `startup/` and `local/` on the volume, and the kits that stagings and restores put aside. Everything else there stays.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The prepared kit: an output of `prepare`.
    #[arg(value_name = "PREPARED")]
    prepared: PathBuf,
    /// Where the kit is staged [default: objects if the chart's values name some, otherwise pvc].
    #[arg(long, value_enum, value_name = "MODE")]
    mode: Option<StagingMode>,
    /// Remove only versions of the objects that the chart's values do not name and no running pod mounts.
    #[arg(long)]
    superseded: bool,
    /// Also remove the kit from the volume, and those that `stage` and `restore` put aside. Edits of them are lost.
    #[arg(long, conflicts_with = "superseded")]
    remove_kit: bool,
    /// Only take the objects' names out of the chart's values, after `stage --render`: no cluster is asked, and nothing in one is removed.
    #[arg(long, conflicts_with_all = ["superseded", "remove_kit", "helper_image"])]
    offline: bool,
    /// The image of the helper pod for `--remove-kit`; it needs Python 3.8 [default: the parent's].
    #[arg(long, value_name = "IMAGE", requires = "remove_kit", conflicts_with = "superseded")]
    helper_image: Option<String>,
    #[command(flatten)]
    cluster: ClusterArguments,
}

/// Removes the objects and prints what was removed.
pub(crate) fn run(context: &Context<'_>, arguments: &Arguments) -> VerbResult {
    let cluster = &arguments.cluster;
    let prepared = context.environment.absolute(&arguments.prepared)?;
    let request = cluster.request(&prepared);
    let mode = match arguments.mode {
        Some(mode) => mode,
        None if arguments.remove_kit => StagingMode::Pvc,
        None if arguments.superseded || arguments.offline || unstage::names_objects(&request)? => StagingMode::Objects,
        None => StagingMode::Pvc,
    };
    check_flags(arguments, mode)?;
    context.step(|| format!("unstaging {}", prepared.display()));
    let removed = match mode {
        StagingMode::Objects if arguments.offline => unstage::record(&request, cluster.dry_run)?,
        StagingMode::Objects => {
            let (superseded, dry_run) = (arguments.superseded, cluster.dry_run);
            unstage::objects(
                context,
                &request,
                &ObjectUnstageOptions { superseded, release_goes: false, dry_run, deadline: cluster.time_limit() },
            )?
        }
        StagingMode::Pvc => {
            let options = VolumeUnstageOptions {
                remove_kit: arguments.remove_kit,
                keep_note: false,
                image: arguments.helper_image.clone(),
                dry_run: cluster.dry_run,
                deadline: cluster.time_limit(),
                run: run_name(),
            };
            unstage::around_volume(context, &request, &options)?
        }
    };
    Ok(Outcome { warnings: removed.warnings, ..outcome(&removed.value, mode, cluster.dry_run) })
}

/// Refuses flags that apply only to the other mode.
fn check_flags(arguments: &Arguments, mode: StagingMode) -> Result<(), Diagnostic> {
    let (flag, other) = match mode {
        StagingMode::Objects if arguments.remove_kit => ("--remove-kit", "pvc"),
        StagingMode::Pvc if arguments.superseded => ("--superseded", "objects"),
        StagingMode::Pvc if arguments.offline => ("--offline", "objects"),
        _ => return Ok(()),
    };
    Err(Diagnostic::error(Code::InvalidArgs, format!("`{flag}` belongs to `--mode {other}`"))
        .hint(format!("leave the flag out, or give `--mode {other}`")))
}

fn outcome(removal: &Removal, mode: StagingMode, dry_run: bool) -> Outcome {
    let unstaged = &removal.unstaged;
    let changed = removal.record_removed || !unstaged.removed.is_empty();
    let mode = if mode == StagingMode::Objects { "objects" } else { "pvc" };
    let mut data = json!({"namespace": unstaged.namespace, "mode": mode, "removed": unstaged.removed,
        "record_removed": removal.record_removed, "changed": changed});
    if dry_run {
        data["dry_run"] = json!(true);
    }
    let what = if dry_run { "would remove" } else { "removed" };
    let mut text: String = unstaged.removed.iter().map(|one| format!("{what} {} {}\n", one.kind, one.name)).collect();
    if removal.record_removed {
        text.push_str(&format!("{what} the names of the objects in the chart's values\n"));
    }
    if !changed {
        text.push_str(&format!("nothing of this participant to remove in namespace {}\n", unstaged.namespace));
    }
    Outcome { data, text, warnings: Vec::new() }
}

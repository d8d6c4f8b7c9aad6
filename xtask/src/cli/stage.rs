//! `stage`: a prepared kit onto its workspace volume.

use std::path::PathBuf;

use flare_pvc_stage::{NewClaim, Options};
use serde_json::json;

use super::arguments::ClusterArguments;
use crate::{
    context::Context,
    output::{Outcome, VerbResult},
    pipeline::stage,
};

/// Put a prepared kit onto its workspace volume: verified there and swapped in whole, or not at all.
///
/// A helper pod with the parent's own image mounts the claim; every file is compared on the volume before the old `startup/` and
/// `local/` are exchanged by rename. Everything else on the volume stays. A second run with nothing to change starts no pod. A run that
/// was cut off is finished or undone by the next one.
///
/// A parent that runs is refused, or with `--restart` scaled down and up again. The kit of another participant is never replaced.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The prepared kit: an output of `prepare`.
    #[arg(value_name = "PREPARED")]
    prepared: PathBuf,
    #[command(flatten)]
    cluster: ClusterArguments,
    #[command(flatten)]
    staging: StagingArguments,
}

/// What is made for a kit, and how: shared by the verbs that stage.
#[derive(Debug, Clone, clap::Args)]
#[allow(clippy::struct_excessive_bools, reason = "independent switches of a command line")]
pub(crate) struct StagingArguments {
    /// Create the namespace where it is missing.
    #[arg(long)]
    create_namespace: bool,
    /// Create the workspace claim with this size where it is missing.
    #[arg(long, value_name = "SIZE", num_args = 0..=1, default_missing_value = "10Gi")]
    create_pvc: Option<String>,
    /// Storage class of a claim that is created; an empty one for a volume that was made before [default: the cluster's].
    #[arg(long, value_name = "CLASS", requires = "create_pvc")]
    storage_class: Option<String>,
    /// Access mode of a claim that is created.
    #[arg(long, value_name = "MODE", requires = "create_pvc", default_value = "ReadWriteOnce",
        value_parser = ["ReadWriteOnce", "ReadWriteMany", "ReadWriteOncePod"])]
    access_mode: String,
    /// The image of the helper pod; it needs Python 3.8 [default: the parent's].
    #[arg(long, value_name = "IMAGE")]
    helper_image: Option<String>,
    /// Scale a running parent down before, and up again afterwards.
    #[arg(long)]
    restart: bool,
    /// Put back the kit that the last staging replaced; that one is kept in its place.
    #[arg(long, conflicts_with_all = ["again", "create_pvc", "create_namespace"])]
    rollback: bool,
    /// Stage even where the claim says that this very kit is there already.
    #[arg(long)]
    again: bool,
}

impl StagingArguments {
    /// The options of the staging.
    pub(crate) fn options(&self, cluster: &ClusterArguments) -> Options {
        let create_claim = self.create_pvc.as_ref().map(|size| NewClaim {
            size: size.clone(),
            storage_class: self.storage_class.clone(),
            access_mode: self.access_mode.clone(),
        });
        Options {
            create_namespace: self.create_namespace,
            create_claim,
            image: self.helper_image.clone(),
            rollback: self.rollback,
            restart: self.restart,
            again: self.again,
            dry_run: cluster.dry_run,
            deadline: cluster.time_limit(),
            run: stage::run_name(),
        }
    }
}

/// Stages and says what was done.
pub(crate) fn run(context: &Context<'_>, arguments: &Arguments) -> VerbResult {
    let (environment, cluster) = (context.environment, &arguments.cluster);
    let prepared = environment.absolute(&arguments.prepared)?;
    let options = arguments.staging.options(cluster);
    context.step(|| format!("staging {}", prepared.display()));
    let staged = stage::stage(
        &prepared,
        cluster.namespace.as_deref(),
        &cluster.access(),
        &environment.cluster,
        &options,
        &context.interrupt,
    )?;
    let (staged, warnings) = (staged.value, staged.warnings);
    let mut data = json!({"namespace": staged.namespace, "claim": staged.claim, "files": staged.files, "bytes": staged.bytes,
        "fingerprint": staged.fingerprint, "changed": staged.changed, "claim_created": staged.claim_created});
    if cluster.dry_run {
        data["dry_run"] = json!(true);
    }
    if arguments.staging.rollback && !cluster.dry_run {
        let text = format!(
            "the earlier kit is back on claim {} in namespace {}, fingerprint {}\n",
            staged.claim,
            staged.namespace,
            if staged.fingerprint.is_empty() { "not known" } else { &staged.fingerprint }
        );
        return Ok(Outcome { data, text, warnings });
    }
    let what = match (cluster.dry_run, staged.changed) {
        (false, true) => "staged",
        (true, true) => "would stage",
        (_, false) => "nothing to change:",
    };
    let text = format!(
        "{what} {} files ({} bytes) on claim {} in namespace {}, fingerprint {}\n",
        staged.files, staged.bytes, staged.claim, staged.namespace, staged.fingerprint
    );
    Ok(Outcome { data, text, warnings })
}

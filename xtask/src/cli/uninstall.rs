//! `uninstall`: removes a participant from its cluster.

use std::path::PathBuf;

use serde_json::json;

use super::{arguments::ClusterArguments, installation::HelmArguments};
use crate::{
    context::Context,
    output::{Outcome, VerbResult, write_to_stderr},
    pipeline::uninstall::{self, Options, Removed, Uninstalled},
};

/// Remove a participant from its cluster: its release, its launcher's job pods and Secrets, and what `stage` created besides the claim
///
/// Everything is listed on stderr before anything is removed, and `--dry-run` removes nothing. Only objects with this participant's labels
/// are removed, and those of FLARE's own launcher, which are found by their names. A server's job pods stay while another server runs in the
/// namespace, since theirs have the same names.
///
/// The workspace claim stays, with the kit and all data of the participant, unless `--delete-claims` is given. Claims with study data
/// are never deleted.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The prepared kit: an output of `prepare`.
    #[arg(value_name = "PREPARED")]
    prepared: PathBuf,
    /// Also delete the workspace claim: jobs, snapshots, logs and the kit on it are lost, unless `backup` has saved them.
    #[arg(long)]
    delete_claims: bool,
    #[command(flatten)]
    helm: HelmArguments,
    #[command(flatten)]
    cluster: ClusterArguments,
}

/// Removes the participant, and prints what was removed and what stays.
pub(crate) fn run(context: &Context<'_>, arguments: &Arguments) -> VerbResult {
    let cluster = &arguments.cluster;
    let prepared = context.environment.absolute(&arguments.prepared)?;
    let options = Options {
        helm: arguments.helm.helm.clone(),
        delete_claims: arguments.delete_claims,
        dry_run: cluster.dry_run,
        limit: cluster.time_limit(),
    };
    context.step(|| format!("uninstalling {}", prepared.display()));
    let show = |listed: &[Removed]| {
        if !context.shared.quiet && !cluster.dry_run {
            write_to_stderr(&listed.iter().map(|one| format!("removing {} {}\n", one.kind, one.name)).collect::<String>());
        }
    };
    let uninstalled = uninstall::uninstall(context, &cluster.request(&prepared), &options, &show)?;
    Ok(Outcome { warnings: uninstalled.warnings, ..outcome(&uninstalled.value, cluster.dry_run) })
}

fn outcome(uninstalled: &Uninstalled, dry_run: bool) -> Outcome {
    let Uninstalled { release, namespace, removed, claim } = uninstalled;
    let mut data =
        json!({"release": release, "namespace": namespace, "removed": removed, "claim": claim, "changed": !removed.is_empty()});
    let what = if dry_run { "would remove" } else { "removed" };
    if dry_run {
        data["dry_run"] = json!(true);
    }
    let mut text: String = removed.iter().map(|one| format!("{what} {} {}\n", one.kind, one.name)).collect();
    if removed.is_empty() {
        text.push_str(&format!("nothing of this participant to remove in namespace {namespace}\n"));
    }
    if let Some(claim) = claim {
        text.push_str(&format!("the claim {claim} stays, with all that is on it\n"));
    }
    Outcome { data, text, ..Outcome::default() }
}

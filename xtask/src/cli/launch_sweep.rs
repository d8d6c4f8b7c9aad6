//! `launch sweep`: finds and deletes orphaned objects of job pods.

use std::path::PathBuf;

use clap::ArgGroup;
use serde_json::json;

use super::arguments::ClusterArguments;
use crate::{
    context::Context,
    output::{Failure, Outcome, VerbResult},
    pipeline::launch_site::{self, Swept},
};

/// Find what job pods left behind, and delete it with `--delete`
///
/// Orphans are pods whose job has ended, credential Secrets without their pod and, for a prepared kit whose parent is missing or scaled
/// down, all job pods of the site with its startup Secret. Job pods do not show which server started them, so those of a server count as
/// needed as long as another server runs in the namespace. Only objects that flare-kube created are considered.
#[derive(Debug, clap::Args)]
#[command(group(ArgGroup::new("scope").args(["prepared", "namespace"]).required(true).multiple(true)))]
pub(crate) struct Arguments {
    /// A prepared kit, to select its site [default: all sites of `--namespace`].
    #[arg(value_name = "PREPARED")]
    prepared: Option<PathBuf>,
    /// Delete the orphans.
    #[arg(long)]
    delete: bool,
    #[command(flatten)]
    cluster: ClusterArguments,
}

/// Finds orphans, deletes them on request, and prints them.
pub(crate) fn run(context: &Context<'_>, arguments: &Arguments) -> VerbResult {
    let cluster = &arguments.cluster;
    let prepared = arguments.prepared.as_ref().map(|path| context.environment.absolute(path)).transpose()?;
    let scope = launch_site::scope(prepared.as_deref(), cluster.namespace.as_deref(), &cluster.access())?;
    let delete = arguments.delete && !cluster.dry_run;
    let Swept { orphans, left } = launch_site::sweep(context, &cluster.access(), &scope.value, cluster.time_limit(), delete)?;
    let rows: Vec<_> =
        orphans.iter().map(|orphan| json!({"kind": orphan.kind, "name": orphan.name, "reason": orphan.reason})).collect();
    let is_deleted = delete && left.is_none();
    let mut data = json!({"namespace": scope.value.namespace, "orphans": rows, "deleted": is_deleted});
    if cluster.dry_run {
        data["dry_run"] = json!(true);
    }
    let what = match (is_deleted, arguments.delete && cluster.dry_run) {
        (true, _) => "deleted ",
        (false, true) => "would delete ",
        (false, false) => "",
    };
    let line = |orphan: &flare_pod_launch::Orphan| format!("{what}{} {}: {}\n", orphan.kind, orphan.name, orphan.reason);
    let mut text: String = orphans.iter().map(line).collect();
    if orphans.is_empty() {
        text = format!("no orphans in namespace {}\n", scope.value.namespace);
    } else if !arguments.delete {
        text.push_str("`--delete` deletes them\n");
    }
    match left {
        None => Ok(Outcome { data, text, warnings: scope.warnings }),
        Some(faults) => {
            let shown = Outcome { data, text, warnings: Vec::new() };
            Err(Failure { faults: faults.after(scope.warnings), shown: Some(Box::new(shown)) })
        }
    }
}

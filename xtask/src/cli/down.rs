//! `down`: removes a federation from its clusters.

use std::path::PathBuf;

use serde_json::json;

use super::{
    arguments::{self, ClusterArguments},
    installation::HelmArguments,
};
use crate::{
    context::Context,
    output::{Failure, Outcome, VerbResult, printable, table, write_to_stderr},
    pipeline::{
        down::{self, TakenDown},
        federation_kits,
        uninstall::{Options, Removed},
    },
};

/// Take every participant of a federation.yaml out of its cluster: the sites in parallel, then the server
///
/// Each loses its release, its launcher's job pods and Secrets, and what `stage` created besides the claim, as with `uninstall`. The claims
/// stay, with the kits and all data of the participants. A participant that fails does not stop the others; what is left of it is reported
/// at the end, and a second run continues there.
#[derive(Debug, clap::Args)]
#[command(mut_arg("namespace", arguments::refused))]
pub(crate) struct Arguments {
    /// The federation.yaml.
    #[arg(long, value_name = "FILE", conflicts_with = "namespace")]
    federation: PathBuf,
    /// The directory with the prepared kits [default: each kit's prepared/k8s].
    #[arg(long = "prepared", id = "prepared_directory", visible_alias = "output", value_name = "DIR")]
    prepared: Option<PathBuf>,
    /// How many sites are worked on at the same time.
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=64))]
    parallel: u16,
    #[command(flatten)]
    helm: HelmArguments,
    #[command(flatten)]
    cluster: ClusterArguments,
}

/// Removes all participants, and prints what stays.
pub(crate) fn run(context: &Context<'_>, arguments: &Arguments) -> VerbResult {
    let cluster = &arguments.cluster;
    let file = context.environment.absolute(&arguments.federation)?;
    let prepared = arguments.prepared.as_ref().map(|path| context.environment.absolute(path)).transpose()?;
    let entries = federation_kits::entries(&file, prepared.as_deref(), &cluster.access())?;
    let options = Options {
        helm: arguments.helm.helm.clone(),
        delete_claims: false,
        dry_run: cluster.dry_run,
        limit: cluster.time_limit(),
    };
    let show = |name: &str, listed: &[Removed]| {
        if !context.shared.quiet && !cluster.dry_run {
            let lines = listed.iter().map(|one| format!("{}: removing {} {}\n", printable(name), one.kind, one.name));
            write_to_stderr(&lines.collect::<String>());
        }
    };
    let (taken, ended) = down::down(context, entries.value, &options, usize::from(arguments.parallel), &show);
    let outcome = outcome(&taken, cluster.dry_run);
    match ended {
        Ok(checked) => Ok(Outcome { warnings: entries.warnings.into_iter().chain(checked.warnings).collect(), ..outcome }),
        Err(faults) => Err(Failure { faults: faults.after(entries.warnings), shown: Some(Box::new(outcome)) }),
    }
}

fn outcome(taken: &[TakenDown], dry_run: bool) -> Outcome {
    let rows: Vec<_> = taken
        .iter()
        .map(|one| {
            let removed = one.removed.as_ref();
            json!({"name": one.name, "role": one.role, "ok": removed.is_some(),
                "removed": removed.map(|done| &done.removed), "claim": removed.and_then(|done| done.claim.as_ref()),
                "namespace": removed.map(|done| &done.namespace)})
        })
        .collect();
    let mut data = json!({ "participants": rows });
    if dry_run {
        data["dry_run"] = json!(true);
    }
    let head = ["NAME", "ROLE", "STATUS", "REMOVED", "CLAIM THAT STAYS"].map(str::to_owned);
    let rows = taken.iter().map(|one| {
        let name = printable(&one.name).into_owned();
        let role = one.role.map_or_else(|| "-".to_owned(), |role| role.to_string());
        let Some(done) = &one.removed else { return [name, role, "not down".to_owned(), "-".to_owned(), "-".to_owned()] };
        let status = if dry_run { "would go" } else { "down" };
        [name, role, status.to_owned(), done.removed.len().to_string(), done.claim.clone().unwrap_or_else(|| "-".to_owned())]
    });
    Outcome { data, text: table(&std::iter::once(head).chain(rows).collect::<Vec<_>>()), ..Outcome::default() }
}

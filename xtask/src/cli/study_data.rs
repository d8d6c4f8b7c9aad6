//! `study-data`: checks whether the cluster has the claims that the studies of a kit use.

use std::path::PathBuf;

use flare_diagnostic::Collector;
use flare_pvc_stage::{CheckedClaim, StudyClaimOptions};
use serde_json::json;

use super::arguments::{CLAIM_SIZE, ClusterArguments, NewClaimArguments, claim_size};
use crate::{
    context::Context,
    output::{Failure, Outcome, VerbResult, printable, table},
    pipeline::study_data::{self, StudyData},
};

/// Check that the cluster has the claims with study data that a prepared kit names, and that its studies can use them
///
/// The study file (`local/study_data.yaml` or `local/study_runtime.yaml`) names the claims that the pods of a study's jobs mount. Each must
/// exist, have a volume or wait for its first pod, and be writable if a study has `mode: rw`. All faults are reported together, with their
/// places in the file. A kit whose studies use no claim needs no cluster.
///
/// `--create` creates missing claims, which are empty; existing ones are never changed.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The prepared kit: an output of `prepare`.
    #[arg(value_name = "PREPARED")]
    prepared: PathBuf,
    /// Create missing claims with this size, such as 10Gi.
    #[arg(long, id = CLAIM_SIZE, value_name = "SIZE", value_parser = claim_size)]
    create: Option<String>,
    #[command(flatten)]
    new_claim: NewClaimArguments,
    #[command(flatten)]
    cluster: ClusterArguments,
}

/// Checks the claims and prints the findings.
pub(crate) fn run(context: &Context<'_>, arguments: &Arguments) -> VerbResult {
    let cluster = &arguments.cluster;
    let prepared = context.environment.absolute(&arguments.prepared)?;
    let request = cluster.request(&prepared);
    let create = arguments.create.as_deref().map(|size| arguments.new_claim.of_size(size));
    let options = StudyClaimOptions { create, dry_run: cluster.dry_run, deadline: cluster.time_limit() };
    context.step(|| format!("checking the study data of {}", prepared.display()));
    let checked = study_data::check(context, &request, &options)?;
    let outcome = outcome(&checked.value, cluster.dry_run);
    let mut found: Collector = checked.warnings.into_iter().collect();
    found.extend(checked.value.report.findings);
    match found.finish(|| ()) {
        Ok(checked) => Ok(Outcome { warnings: checked.warnings, ..outcome }),
        Err(faults) => Err(Failure { faults, shown: Some(Box::new(outcome)) }),
    }
}

fn outcome(found: &StudyData, dry_run: bool) -> Outcome {
    let claims = &found.report.claims;
    let rows: Vec<_> = claims
        .iter()
        .map(|claim| {
            json!({"name": claim.name, "studies": claim.studies, "mode": mode(claim), "state": claim.state,
                "created": claim.created})
        })
        .collect();
    let mut data = json!({"namespace": found.namespace, "claims": rows});
    if dry_run {
        data["dry_run"] = json!(true);
    }
    let text = match &found.file {
        None => "the kit has no study file: no job mounts study data\n".to_owned(),
        Some(file) if claims.is_empty() => format!("{} names no claim: no job mounts study data\n", printable(file)),
        Some(_) => text(claims, dry_run),
    };
    Outcome { data, text, ..Outcome::default() }
}

fn text(claims: &[CheckedClaim], dry_run: bool) -> String {
    let made = if dry_run { "would be" } else { "yes" };
    let head = ["CLAIM", "STUDIES", "MODE", "STATE", "CREATED"].map(str::to_owned);
    let rows = claims.iter().map(|claim| {
        let created = if claim.created { made } else { "no" };
        [claim.name.clone(), claim.studies.join(","), mode(claim).to_owned(), claim.state.clone(), created.to_owned()]
    });
    table(&std::iter::once(head).chain(rows).collect::<Vec<_>>())
}

/// The mode in the study file's words; `rw` if any study writes.
fn mode(claim: &CheckedClaim) -> &'static str {
    if claim.writable { "rw" } else { "ro" }
}

//! `stage --federation`: stages every participant of a federation and prints one table.

use std::path::Path;

use flare_diagnostic::{Checked, Code, Diagnostic};
use serde_json::{Value, json};

use super::{
    arguments::{ClusterArguments, FederationArguments, StagingMode},
    staging::{self, StagingArguments},
};
use crate::{
    context::Context,
    output::{Failure, Outcome, VerbResult, printable, table},
    pipeline::{
        federation_kits::{self, Destined},
        stage_federation::{self, Done, Staging, Unfinished},
    },
};

/// Stages all participants and prints what was done for each.
pub(super) fn run(
    context: &Context<'_>,
    file: &Path,
    arguments: &FederationArguments,
    staging: &StagingArguments,
    cluster: &ClusterArguments,
) -> VerbResult {
    let file = context.environment.absolute(file)?;
    let prepared = arguments.prepared(context)?;
    if !staging.helper.values.is_empty() {
        let fault = Diagnostic::error(Code::InvalidArgs, "`--values` has no meaning for a whole federation");
        return Err(fault.hint("set `values` for each participant, or in `defaults`, in federation.yaml").into());
    }
    let how = match staging.place.mode() {
        StagingMode::Pvc => Staging::Volume(staging.options(cluster)),
        StagingMode::Objects => Staging::Objects(staging.object_options(cluster)?),
    };
    let read = federation_kits::read(context, &file, prepared.as_deref(), &cluster.access());
    let Checked { value: participants, warnings } = read?;
    let bar = context.progress(participants.len());
    let ended = stage_federation::stage(context, &participants, &how, || bar.inc(1));
    bar.finish_and_clear();
    match ended {
        Ok(Checked { value, warnings: more }) => {
            let done: Vec<_> = value.into_iter().map(Some).collect();
            let warnings = warnings.into_iter().chain(more).collect();
            Ok(Outcome { warnings, ..shown(&participants, &done, cluster.dry_run) })
        }
        Err(Unfinished { faults, done }) => {
            Err(Failure { faults: faults.after(warnings), shown: Some(Box::new(shown(&participants, &done, cluster.dry_run))) })
        }
    }
}

/// One row for each participant, staged or not.
fn shown(participants: &[Destined], done: &[Option<Done>], dry_run: bool) -> Outcome {
    let mut rows = vec![["NAME", "ROLE", "NAMESPACE", "WHERE", "FILES", "BYTES", "STATUS"].map(str::to_owned)];
    let mut staged = Vec::new();
    for (participant, done) in participants.iter().zip(done) {
        let (name, role) = (printable(&participant.name).into_owned(), participant.role.to_string());
        let mut data = match done {
            None => json!({}),
            Some(Done::Volume(staged)) => staging::volume_data(staged),
            Some(Done::Objects(staged)) => staging::object_data(staged),
        };
        let text = |key: &str| data[key].as_str().unwrap_or("-").to_owned();
        let number = |key: &str| data[key].as_u64().map_or_else(|| "-".to_owned(), |number| number.to_string());
        let place = match done {
            None => "-".to_owned(),
            Some(Done::Volume(staged)) => format!("pvc/{}", staged.claim),
            Some(Done::Objects(staged)) => format!("secret/{}", staged.objects[1].name),
        };
        let status = match data["changed"].as_bool() {
            None => "not staged",
            Some(true) => staging::done(dry_run, true),
            Some(false) => "unchanged",
        };
        rows.push([name, role, text("namespace"), place, number("files"), number("bytes"), status.to_owned()]);
        data["name"] = json!(participant.name);
        data["role"] = json!(participant.role);
        data["prepared"] = json!(participant.prepared);
        data["staged"] = json!(done.is_some());
        staged.push(data);
    }
    let mut data = json!({ "participants": Value::Array(staged) });
    staging::note_dry_run(&mut data, dry_run);
    Outcome { data, text: table(&rows), warnings: Vec::new() }
}

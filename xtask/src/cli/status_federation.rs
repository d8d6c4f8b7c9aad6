//! `status --federation`: shows the state of every participant in one table.

use std::path::Path;

use flare_diagnostic::{Checked, Code, Diagnostic, Faults};
use flare_prepared_kit::OpenOptions;
use serde_json::{Value, json};

use super::{
    arguments::{ClusterArguments, FederationArguments},
    federation_view::shown,
};
use crate::{
    context::Context,
    output::{Failure, Outcome, VerbResult, printable},
    pipeline::{
        federation_status::{self, ParticipantStatus},
        stage_federation,
    },
};

/// The number of participants whose states are read concurrently.
const AT_ONCE: usize = 8;

/// Reads the states and prints them.
pub(super) fn run(context: &Context<'_>, file: &Path, arguments: &FederationArguments, cluster: &ClusterArguments) -> VerbResult {
    let file = context.environment.absolute(file)?;
    let prepared = arguments.prepared(context)?;
    // A kit that was edited since has a state as well.
    let lenient = OpenOptions { accept_changes: true };
    let entries = stage_federation::entries(&file, prepared.as_deref(), &cluster.access(), lenient)?;
    let Checked { value: entries, warnings } = entries;
    let looked = federation_status::look(context, &entries, AT_ONCE, cluster.time_limit())?;
    let outcome = outcome(&looked);
    let bad: Vec<_> =
        looked.iter().filter(|one| !one.steps.are_good()).map(|one| format!("`{}`", printable(&one.name))).collect();
    if bad.is_empty() {
        return Ok(Outcome { warnings, ..outcome });
    }
    let message = format!("{} of {} participants are not up: {}", bad.len(), looked.len(), bad.join(", "));
    let hint = "`verify PREPARED` tells why; `up` continues from there";
    let faults = Faults::from(Diagnostic::error(Code::CheckFailed, message).hint(hint)).after(warnings);
    Err(Failure { faults, shown: Some(Box::new(outcome)) })
}

fn outcome(looked: &[ParticipantStatus]) -> Outcome {
    let rows: Vec<Value> = looked.iter().map(row).collect();
    let role = |one: &ParticipantStatus| one.role.map_or_else(|| "-".to_owned(), |role| role.to_string());
    let mut text = shown(looked.iter().map(|one| (one.name.as_str(), role(one), one.steps)));
    for one in looked {
        let reason = one.state.as_ref().ok().and_then(|state| state.reason.as_ref());
        for line in faults(one).map(|fault| &fault.message).chain(reason) {
            text.push_str(&format!("{}: {}\n", printable(&one.name), printable(line)));
        }
    }
    Outcome { data: json!({ "participants": rows }), text, ..Outcome::default() }
}

/// What is said about a participant, whether it was looked at alone or with its federation.
pub(super) fn row(one: &ParticipantStatus) -> Value {
    let errors: Vec<_> = faults(one).collect();
    let mut row = json!({"name": one.name, "role": one.role, "steps": one.steps.to_json(), "ok": one.steps.are_good(),
        "state": one.state.as_ref().ok(), "errors": errors});
    if let Some(facts) = &one.facts {
        facts.add_to(&mut row);
    }
    row
}

/// Why a participant could not be looked at.
fn faults(one: &ParticipantStatus) -> impl Iterator<Item = &Diagnostic> {
    one.state.as_ref().err().into_iter().flat_map(Faults::all)
}

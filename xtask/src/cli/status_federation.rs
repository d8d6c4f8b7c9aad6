//! `status --federation`: shows the state of every participant in one table.

use std::path::Path;

use flare_diagnostic::{Checked, Code, Diagnostic, Faults};
use serde_json::{Value, json};

use super::{
    arguments::{ClusterArguments, FederationArguments},
    federation_view::shown,
};
use crate::{
    context::Context,
    output::{Failure, Outcome, VerbResult, printable},
    pipeline::{
        down::named,
        federation_kits,
        federation_status::{self, ParticipantStatus},
    },
};

/// The number of participants whose states are read concurrently.
const AT_ONCE: usize = 8;

/// Reads the states and prints them.
pub(super) fn run(context: &Context<'_>, file: &Path, arguments: &FederationArguments, cluster: &ClusterArguments) -> VerbResult {
    let file = context.environment.absolute(file)?;
    let prepared = arguments.prepared(context)?;
    let entries = federation_kits::entries(&file, prepared.as_deref(), &cluster.access())?;
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
    let summary = Diagnostic::error(Code::CheckFailed, message).hint(hint);
    Err(Failure { faults: all_faults(&looked, summary).after(warnings), shown: Some(Box::new(outcome)) })
}

/// The summary, and why participants could not be looked at. If that is one reason for all, such as a missing kubeconfig, it alone is
/// reported, with its own exit status.
fn all_faults(looked: &[ParticipantStatus], summary: Diagnostic) -> Faults {
    let each: Vec<_> = looked.iter().flat_map(|one| faults(one).map(move |fault| named(fault.clone(), &one.name))).collect();
    let is_all = looked.iter().all(|one| one.state.is_err());
    match each.split_first() {
        Some((first, others)) if is_all && others.iter().all(|other| other.code == first.code) => {
            Faults::new(first.clone(), others.to_vec())
        }
        _ => Faults::new(summary, each),
    }
}

fn outcome(looked: &[ParticipantStatus]) -> Outcome {
    let rows: Vec<Value> = looked.iter().map(row).collect();
    let role = |one: &ParticipantStatus| one.role.map_or_else(|| "-".to_owned(), |role| role.to_string());
    let mut text = shown(looked.iter().map(|one| (one.name.as_str(), role(one), one.steps)));
    for one in looked {
        if let Some(reason) = one.state.as_ref().ok().and_then(|state| state.reason.as_ref()) {
            text.push_str(&format!("{}: {}\n", printable(&one.name), printable(reason)));
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::up::Steps;

    fn status(name: &str, code: Code) -> ParticipantStatus {
        let state = Err(Diagnostic::error(code, "no").hint("do it").into());
        ParticipantStatus { name: name.to_owned(), role: None, steps: Steps::default(), facts: None, state }
    }

    #[test]
    fn every_fault_is_reported_and_one_reason_for_all_decides_the_exit_status() {
        let said = |looked: &[ParticipantStatus]| {
            let faults = all_faults(looked, Diagnostic::error(Code::CheckFailed, "some are not up"));
            faults.all().iter().map(|fault| (fault.code, fault.message.clone())).collect::<Vec<_>>()
        };
        let (unreachable, late) = (Code::ClusterUnreachable, Code::TimedOut);
        assert_eq!(
            said(&[status("a", unreachable), status("b", unreachable)]),
            [(unreachable, "a: no".to_owned()), (unreachable, "b: no".to_owned())]
        );
        let several = said(&[status("a", unreachable), status("b", late)]);
        assert_eq!(several[0], (Code::CheckFailed, "some are not up".to_owned()));
        assert_eq!(several[1..], [(unreachable, "a: no".to_owned()), (late, "b: no".to_owned())]);
    }
}

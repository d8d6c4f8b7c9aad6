//! Runs one case on both sides and checks the results.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use integration_tests::kit::Tree;
use integration_tests::oracle::{Oracle, Outcome};
use serde_json::Value;

use super::case::{Case, Expected, Side};
use super::compare::{Difference, Done, compare};
use super::deviations;

/// The prefix of each complaint in a failure, for counting equal ones.
pub(crate) const COMPLAINT: &str = "    ! ";

/// The result of one case.
#[derive(Debug, Default)]
pub(crate) struct CaseResult {
    /// The reasons for all its deviations, without duplicates.
    pub(crate) reasons: BTreeSet<&'static str>,
    /// Why the case does not match.
    pub(crate) failure: Option<String>,
    pub(crate) both_refused: bool,
    pub(crate) rendered: bool,
}

/// Runs both sides and compares them.
pub(crate) fn judge(mut case: Case, oracle: &mut Oracle, keep: bool) -> CaseResult {
    case.facts.stable_name = oracle.stable_name(&case.facts.name);
    let case = &case;
    let directory = tempfile::Builder::new().prefix("flare-kube-parity-").tempdir().unwrap();
    let sides = ["reference", "ours"].map(|name| directory.path().join(name));
    let reference = case.write(&sides[0], &case.config_of_reference());
    let ours = case.write(&sides[1], &case.config);
    let before = Tree::read(&sides[1]);
    let reference_outcome = oracle.prepare(&reference.kit, reference.config.as_deref(), reference.output.as_deref());
    let our_outcome = prepare(case, &ours);
    let mut verdict = CaseResult::default();
    let mut complaints = outcomes(case, &reference_outcome, &our_outcome, &mut verdict);
    complaints.extend(footprint(&before, &Tree::read(&sides[1]), &ours, our_outcome.report.is_some()));
    if complaints.is_empty() && reference_outcome.report.is_some() && our_outcome.report.is_some() {
        verdict.rendered = case.render;
        let left = Done { side: &reference, outcome: &reference_outcome };
        let right = Done { side: &ours, outcome: &our_outcome };
        for difference in compare(case, oracle, &left, &right) {
            match deviations::reason(case, &difference) {
                Some(reason) => _ = verdict.reasons.insert(reason),
                None => complaints.push(difference.to_string()),
            }
        }
    }
    if !complaints.is_empty() {
        verdict.failure = Some(failure(case, &complaints));
    }
    if keep {
        println!("kept: {}\n{:#?}\n{:#?}", directory.keep().display(), case.notes, our_outcome);
    }
    verdict
}

fn failure(case: &Case, complaints: &[String]) -> String {
    let config = match &case.config {
        super::case::Config::File(bytes) | super::case::Config::InKit(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        super::case::Config::Missing => "(missing)".to_owned(),
    };
    format!(
        "--- seed {} case {}: {} for {}, directory `{}`, output {:?}, expected {:?}\n    again: {}\n    made by: {}\n    config: {}\n{COMPLAINT}{}\n",
        case.seed,
        case.index,
        case.role.word(),
        case.release.target(),
        case.directory,
        case.output,
        case.expected,
        case.rerun(),
        case.notes.join("\n             "),
        config.replace('\n', "\n            "),
        complaints.join(&format!("\n{COMPLAINT}")),
    )
}

/// Runs flare-kube.
fn prepare(case: &Case, side: &Side) -> Outcome {
    let mut command = Command::new(env!("CARGO_BIN_EXE_flare-kube-under-test"));
    command.env_clear().env("HOME", &side.directory).env("PATH", "/usr/bin:/bin").arg("prepare").arg(&side.kit);
    for (flag, path) in [("--config", &side.config), ("--output", &side.output)] {
        if let Some(path) = path {
            command.arg(flag).arg(path);
        }
    }
    let output = command.args(["--target", case.release.target(), "-o", "json"]).output().unwrap();
    let shown = || format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    let envelope: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("stdout is not a JSON document: {error}: {}", shown()));
    let code = output.status.code().map_or(-1, i64::from);
    assert_eq!(envelope["exit_code"].as_i64(), Some(code), "{}", shown());
    let warnings = envelope["warnings"].as_array().cloned().unwrap_or_default();
    Outcome {
        exit_code: code,
        error_code: envelope["error_code"].as_str().map(str::to_owned),
        message: envelope["message"].as_str().unwrap_or_default().to_owned(),
        report: envelope.get("data").cloned(),
        warnings: warnings
            .iter()
            .map(|warning| format!("{}: {}", warning["code"].as_str().unwrap_or("?"), warning["message"].as_str().unwrap_or("?")))
            .collect(),
    }
}

/// Compares the results of both runs with the expectation of the case.
fn outcomes(case: &Case, reference: &Outcome, ours: &Outcome, verdict: &mut CaseResult) -> Vec<String> {
    let end = |outcome: &Outcome| (outcome.exit_code, outcome.error_code.clone());
    let refused_with = |code: &str| end(ours) == (4, Some(code.to_owned()));
    let good = match &case.expected {
        Expected::Good | Expected::OnlyReferenceRefuses { .. } => reference.exit_code == 0 && ours.exit_code == 0,
        Expected::Refused => reference.exit_code != 0 && end(reference) == end(ours),
        Expected::OnlyWeRefuse { code, .. } => reference.exit_code == 0 && refused_with(code),
        Expected::OtherCode { code, .. } => reference.exit_code != 0 && end(reference) != end(ours) && refused_with(code),
    };
    match &case.expected {
        Expected::Good | Expected::Refused => {}
        Expected::OnlyWeRefuse { reason, .. }
        | Expected::OtherCode { reason, .. }
        | Expected::OnlyReferenceRefuses { reason } => {
            verdict.reasons.insert(reason);
        }
    }
    verdict.both_refused = reference.exit_code != 0 && ours.exit_code != 0;
    if good {
        return Vec::new();
    }
    let said = |outcome: &Outcome| {
        let code = outcome.error_code.as_deref().unwrap_or("good");
        format!("exit {} {code} {}", outcome.exit_code, outcome.message)
    };
    vec![format!("the ends do not match\n      reference: {}\n      ours:      {}", said(reference), said(ours))]
}

/// Checks what the run of flare-kube leaves: the output and the directories above it if it succeeded, otherwise nothing.
fn footprint(before: &Tree, after: &Tree, side: &Side, succeeded: bool) -> Vec<String> {
    let output = side.prepared.strip_prefix(&side.directory).unwrap().display().to_string();
    let is_output = |path: &str| succeeded && (Path::new(path).starts_with(&output) || Path::new(&output).starts_with(path));
    let paths: BTreeSet<&String> = before.0.keys().chain(after.0.keys()).collect();
    paths
        .into_iter()
        .filter(|path| before.0.get(*path) != after.0.get(*path) && !is_output(path))
        .map(|path| format!("our run changed `{path}`, which is none of its output"))
        .collect()
}

/// Whether a case is valid and both releases read it alike.
pub(crate) fn is_plain(case: &Case) -> bool {
    case.expected == Expected::Good
        && case.earlier_output.is_none()
        && case.output == super::case::Output::At("out".to_owned())
        && !case.notes.iter().any(|note| note.contains("slurm"))
        && matches!(&case.config, super::case::Config::File(bytes) if !String::from_utf8_lossy(bytes).contains("internal"))
        && case.release == integration_tests::reference::Release::V28
}

/// The differences of a case between two oracles, or between an oracle and itself.
pub(crate) fn between(case: &Case, one: &mut Oracle, other: Option<&mut Oracle>) -> Vec<Difference> {
    let directory = tempfile::tempdir().unwrap();
    let [left, right] = ["one", "other"].map(|name| case.write(&directory.path().join(name), &case.config));
    let left_outcome = one.prepare(&left.kit, left.config.as_deref(), left.output.as_deref());
    let asked = other.map(|other| other.prepare(&right.kit, right.config.as_deref(), right.output.as_deref()));
    let right_outcome = asked.unwrap_or_else(|| one.prepare(&right.kit, right.config.as_deref(), right.output.as_deref()));
    assert!(left_outcome.report.is_some() && right_outcome.report.is_some(), "{left_outcome:?} {right_outcome:?}");
    let left = Done { side: &left, outcome: &left_outcome };
    compare(case, one, &left, &Done { side: &right, outcome: &right_outcome })
}

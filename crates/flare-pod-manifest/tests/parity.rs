//! Live parity with the launcher classes of both releases: generated requests, valid and invalid, each answered by the
//! reference and by flare-kube. A difference needs a note with a defect number.
#![allow(clippy::disallowed_methods, reason = "tests stand at the edge")]
#![allow(clippy::print_stdout, reason = "the counts are the result")]
#![allow(clippy::unwrap_used, reason = "helpers of tests: a failure is a failed test")]

mod support;

use std::{collections::BTreeMap, time::SystemTime};

use flare_diagnostic::Diagnostic;
use flare_names::Target;
use flare_pod_manifest::Additions;
use serde_json::Value;
use support::{
    generate::{Case, Random, case},
    launch, meaning,
    oracle::Oracle,
    write_kit,
};

/// The fixed seed, so that failures are reproducible.
const SEED: u64 = 2026;

#[derive(Default, Debug)]
struct Counts {
    equal: usize,
    both_refuse: usize,
    noted: BTreeMap<&'static str, usize>,
}

#[test]
fn every_generated_request_is_answered_as_by_the_reference_of_its_release() {
    std::thread::scope(|scope| {
        for target in Target::ALL {
            scope.spawn(move || both_seeds(target));
        }
    });
}

fn both_seeds(target: Target) {
    let fresh = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().subsec_nanos().into();
    let count = std::env::var("FLARE_KUBE_PARITY").ok().and_then(|count| count.parse().ok()).unwrap_or(500);
    let mut oracle = Oracle::start(target);
    for seed in [SEED, fresh] {
        let counts = compare(&mut oracle, target, seed, count);
        println!("target {target}, seed {seed}: {counts:?}");
        assert!(counts.equal > count / 10, "too few valid requests to say anything: {counts:?}");
        assert!(counts.both_refuse > count / 20, "too few invalid requests to say anything: {counts:?}");
    }
}

fn compare(oracle: &mut Oracle, target: Target, seed: u64, count: usize) -> Counts {
    let mut random = Random(seed);
    let mut counts = Counts::default();
    let mut failures = Vec::new();
    for index in 0..count {
        let kit = tempfile::tempdir().unwrap();
        let case = case(&mut random, target, kit.path().to_str().unwrap());
        write_kit(kit.path(), &case.files);
        let text = case.request.to_string();
        let theirs = oracle.ask(&text);
        let ours = launch(&text, kit.path(), target, &Additions::none());
        let verdict = match (&ours, &theirs) {
            (Ok(ours), Ok(theirs)) => {
                same(&ours.value.pod, &ours.value.secrets, &ours.warnings, theirs).map(|()| counts.equal += 1)
            }
            (Err(_), Err(_)) => {
                counts.both_refuse += 1;
                Ok(())
            }
            (Err(faults), Ok(_)) => noted(&case.stricter, &mut counts, &format!("we refuse: {faults}")),
            (Ok(_), Err(error)) => noted(&case.kinder, &mut counts, &format!("the reference refuses: {error}")),
        };
        if let Err(difference) = verdict {
            failures.push(describe(index, &case, &difference));
        }
    }
    assert!(
        failures.is_empty(),
        "target {target}, seed {seed}: {} differences\n{}",
        failures.len(),
        failures[..failures.len().min(4)].join("\n\n")
    );
    counts
}

fn noted(notes: &[&'static str], counts: &mut Counts, difference: &str) -> Result<(), String> {
    let note = notes.first().ok_or_else(|| difference.to_owned())?;
    *counts.noted.entry(note).or_default() += 1;
    Ok(())
}

fn same(pod: &Value, secrets: &[Value], warnings: &[Diagnostic], theirs: &Value) -> Result<(), String> {
    let (mine, mut reference) = (meaning(pod), meaning(&theirs["pod"]));
    // "null in it is as absent" (launch-request.md): the reference keeps a template's `apiVersion: null`.
    if reference.get("apiVersion").is_none() {
        reference["apiVersion"] = "v1".into();
    }
    if mine != reference {
        return Err(format!("pods differ\n  ours:   {mine}\n  theirs: {reference}"));
    }
    let mine = meaning(&Value::Array(secrets.to_vec()));
    let reference = meaning(&theirs["secrets"]);
    if mine != reference {
        return Err(format!("Secrets differ\n  ours:   {mine}\n  theirs: {reference}"));
    }
    same_warnings(warnings, theirs["warnings"].as_array().unwrap())
}

/// What both warn about: a part of the reference's message and a part of flare-kube's, which warns about more. The reference
/// also warns about a study file that nobody filled in yet.
const WARNINGS: [(&str, &str); 6] = [
    ("looks like a misspelling", "looks like a misspelt"),
    ("was not found", "is missing; no dataset"),
    ("study data file", "study data file"),
    ("study runtime file", "study runtime file"),
    ("has no datasets", "has no datasets"),
    ("launched in namespace", "metadata.namespace"),
];

fn same_warnings(ours: &[Diagnostic], theirs: &[Value]) -> Result<(), String> {
    let theirs: Vec<_> = theirs.iter().filter_map(Value::as_str).filter(|text| !text.contains("has no study entries")).collect();
    for (reference, mine) in WARNINGS {
        let expected = theirs.iter().filter(|text| text.contains(reference)).count();
        let found = ours.iter().filter(|warning| warning.message.contains(mine)).count();
        if found < expected {
            return Err(format!("the reference warns {theirs:?}, we {ours:?}"));
        }
    }
    match theirs.iter().find(|text| !WARNINGS.iter().any(|(reference, _)| text.contains(reference))) {
        Some(unknown) => Err(format!("nobody said what corresponds to the reference's `{unknown}`")),
        None => Ok(()),
    }
}

fn describe(index: usize, case: &Case, difference: &str) -> String {
    let files: Vec<_> = case.files.iter().filter(|(path, _)| path.starts_with("local")).collect();
    format!("case {index}: {difference}\n  request: {}\n{files:#?}", case.request)
}

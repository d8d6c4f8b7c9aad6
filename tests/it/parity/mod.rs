//! Live parity of `prepare` with the reference: both get generated kits and configs, and their results are compared semantically.
//!
//! Each difference must be one of `deviations`, each refusal by only one side one of `faults`; anything else fails the test with
//! the case, the difference and the command that reruns it. Processes are started, because the reference is one and users run
//! the program.
//!
//! `FLARE_KUBE_PARITY_SEED`, `FLARE_KUBE_PARITY_CASE` and `FLARE_KUBE_PARITY_CASES` choose what runs; with a case, its files are kept.

mod case;
mod compare;
mod configs;
mod deviations;
mod faults;
mod generate;
mod kits;
mod run;

use std::collections::BTreeMap;
use std::time::{Instant, SystemTime};

use integration_tests::oracle::Oracle;
use integration_tests::reference::Release;

use self::generate::Ground;
use self::run::{CaseResult, judge};

const FIXED_SEED: u64 = 20_260_826;
const CASES: usize = 200;

#[test]
fn prepare_equals_the_reference_for_a_fixed_seed() {
    compare_many(number("FLARE_KUBE_PARITY_SEED").unwrap_or(FIXED_SEED));
}

#[test]
fn prepare_equals_the_reference_for_a_fresh_seed() {
    if number("FLARE_KUBE_PARITY_SEED").is_some() {
        println!("a seed is given: the test of the fixed seed runs it");
        return;
    }
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    compare_many(now.as_secs());
}

/// Checks that the comparison can find differences: the two releases of the reference do differ.
#[test]
fn the_comparison_tells_the_two_releases_apart_and_a_release_from_nothing() {
    let ground = Ground::new();
    let [mut v28, mut v29] = [Release::V28, Release::V29].map(Oracle::start);
    let case = (0..1000).map(|index| generate::case(&ground, FIXED_SEED, index)).find(run::is_plain).unwrap();
    assert_eq!(run::between(&case, &mut v28, None), Vec::new());
    let found = run::between(&case, &mut v28, Some(&mut v29));
    assert!(found.iter().any(|difference| difference.path == "workspaceConfig"), "{found:#?}");
}

fn compare_many(seed: u64) {
    let began = Instant::now();
    let ground = Ground::new();
    let only = number("FLARE_KUBE_PARITY_CASE").map(|case| usize::try_from(case).unwrap());
    let count = number("FLARE_KUBE_PARITY_CASES").map_or(CASES, |count| usize::try_from(count).unwrap());
    let verdicts: Vec<CaseResult> = std::thread::scope(|scope| {
        let workers = Release::ALL.map(|release| {
            let ground = &ground;
            scope.spawn(move || {
                let mut oracle = Oracle::start(release);
                let indexes = (0..count).filter(|index| only.is_none_or(|only| only == *index));
                let cases = indexes.map(|index| generate::case(ground, seed, index));
                cases
                    .filter(|case| case.release == release)
                    .map(|case| judge(case, &mut oracle, only.is_some()))
                    .collect::<Vec<_>>()
            })
        });
        workers.into_iter().flat_map(|worker| worker.join().unwrap()).collect()
    });
    print_summary(seed, &verdicts, began);
    let failed: Vec<&String> = verdicts.iter().filter_map(|verdict| verdict.failure.as_ref()).collect();
    let mut heads: BTreeMap<&str, usize> = BTreeMap::new();
    for line in failed.iter().flat_map(|failure| failure.lines()).filter_map(|line| line.strip_prefix(run::COMPLAINT)) {
        *heads.entry(line).or_default() += 1;
    }
    for (head, count) in &heads {
        println!("  {count:4} cases  MISMATCH {head}");
    }
    let shown = failed.iter().take(30).map(|failure| failure.as_str()).collect::<Vec<_>>().join("\n");
    assert!(failed.is_empty(), "{} of {} cases do not match\n{shown}", failed.len(), verdicts.len());
    assert!(!verdicts.is_empty(), "nothing was compared");
}

fn print_summary(seed: u64, verdicts: &[CaseResult], began: Instant) {
    let count = |what: fn(&CaseResult) -> bool| verdicts.iter().filter(|verdict| what(verdict)).count();
    let mut reasons: BTreeMap<&str, usize> = BTreeMap::new();
    for reason in verdicts.iter().flat_map(|verdict| &verdict.reasons) {
        *reasons.entry(reason).or_default() += 1;
    }
    println!(
        "parity, seed {seed}: {} cases in {:.0} s: {} equal in everything, {} equal but for numbered deviations, {} mismatches \
         ({} refused by both, {} rendered by Helm)",
        verdicts.len(),
        began.elapsed().as_secs_f64(),
        count(|verdict| verdict.failure.is_none() && verdict.reasons.is_empty()),
        count(|verdict| verdict.failure.is_none() && !verdict.reasons.is_empty()),
        count(|verdict| verdict.failure.is_some()),
        count(|verdict| verdict.both_refused),
        count(|verdict| verdict.rendered),
    );
    for (reason, cases) in reasons {
        println!("  {cases:4} cases  {reason}");
    }
}

fn number(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok()?;
    Some(text.parse().unwrap_or_else(|error| panic!("{variable}={text}: {error}")))
}

//! Shows how long the faults of the fault table took to be named, from what its tests wrote.
//!
//! Run by `cargo xtask bench faults`, after those tests. Writes a table between two marker comments of `docs/verify.md`, unless `--only NAMES`
//! says that only some faults were tried, and with `--json FILE` the figures as JSON. Lists what was missed at its end; `--check` exits with 1
//! if a promise is missed.
#![allow(clippy::disallowed_methods, reason = "a bench stands at the edge: it reads and writes files")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a bench that cannot measure must end at once")]
#![allow(clippy::print_stderr, reason = "progress is for the people who wait")]

use std::process::ExitCode;

use integration_tests::bench::fault_times::{FaultTime, Named, is_wanted};
use integration_tests::bench::guide_times::{self, GuideTime};
use integration_tests::bench::page::Page;
use integration_tests::bench::promise::Promise;
use integration_tests::bench::{self, Arguments, machine};
use integration_tests::cluster::Cluster;
use integration_tests::reference::Release;
use serde_json::json;

/// The rows of the whole table. A test that dies before its rows leaves some out.
const ROWS: f64 = 43.0;

fn main() -> ExitCode {
    let arguments = Arguments::read();
    let [ours_page, guide_page] = ["faults", "faults --by-guide"].map(|section| Page::open_in("docs/verify.md", section));
    let cluster = Cluster::of(&arguments.path_of("--kubeconfig").expect("--kubeconfig names the cluster"));
    let mut times = FaultTime::read(&arguments.path_of("--times").expect("--times names what the tests wrote"));
    let only = arguments.value_of("--only");
    let unknown = unknown(&times, only.as_deref());
    assert!(unknown.is_empty(), "no fault was tried whose name has `{}`", unknown.join("` or `"));
    assert!(!times.is_empty(), "no fault was tried");
    // In the order of the checks, whichever test ended first.
    times.sort_by(|one, other| (&one.id, &one.fault, &one.verb).cmp(&(&other.id, &other.fault, &other.verb)));
    let guide = arguments.path_of("--guide").map(|file| GuideTime::read(&file));
    let machine = machine::describe(&cluster, &[Release::V28]);
    let promises = promises(&times, guide.as_deref(), only.is_none());
    let table = format!("{}\n\n{}{}", machine.sentence(), ours(&times), Promise::table(&promises));
    let document = json!({
        "machine": machine.document(),
        "faults": times.iter().map(FaultTime::document).collect::<Vec<_>>(),
        "by_guide": guide.iter().flatten().map(GuideTime::document).collect::<Vec<_>>(),
        "promises": promises.iter().map(Promise::document).collect::<Vec<_>>(),
    });
    let kept = bench::show(&arguments, &table, &document, &promises);
    let by_guide = guide.as_ref().map(|guide| by_guide(guide, &times));
    if let Some(table) = &by_guide {
        eprintln!("{table}");
    }
    if only.is_none() {
        ours_page.write(&table);
        if let Some(table) = &by_guide {
            guide_page.write(table);
        }
    }
    eprint!("{}", missed(&times, guide.as_deref().unwrap_or_default()));
    if kept || !arguments.has("--check") { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// The names of `only` that no fault has.
fn unknown<'only>(times: &[FaultTime], only: Option<&'only str>) -> Vec<&'only str> {
    let names = only.into_iter().flat_map(|only| only.split(','));
    names.filter(|name| !times.iter().any(|time| is_wanted(&time.fault, name))).collect()
}

/// How many rows were missed, and each of them with the reason.
fn missed(times: &[FaultTime], guide: &[GuideTime]) -> String {
    let ours =
        times.iter().filter_map(|time| Some(format!("{} (`{}`): {}\n", time.fault, time.verb, time.named.as_ref().err()?)));
    let not_tried =
        guide.iter().filter_map(|time| Some(format!("{} (by the guide): {}\n", time.fault, time.tried.as_ref().err()?)));
    let other = guide.iter().filter(|time| time.tried.is_ok() && !time.is_as_stated());
    let other = other.map(|time| format!("{} (by the guide): not where the fault table states\n", time.fault));
    let missed: Vec<_> = ours.chain(not_tried).chain(other).collect();
    format!("\n{} rows were missed\n{}", missed.len(), missed.concat())
}

/// The table of what flare-kube says.
fn ours(times: &[FaultTime]) -> String {
    let head = "| fault | verb | finding | whole run | after Kubernetes said it |\n| --- | --- | --- | --- | --- |\n";
    std::iter::once(head.to_owned()).chain(times.iter().map(FaultTime::row)).collect()
}

/// The table of what the reference and the guide say, beside what flare-kube says.
fn by_guide(guide: &[GuideTime], ours: &[FaultTime]) -> String {
    let mut rows: Vec<_> = guide.iter().map(|time| time.row(ours)).collect();
    rows.sort();
    std::iter::once(guide_times::HEAD.to_owned()).chain(rows).collect()
}

/// Every fault is named, and no hopeless state is named late.
#[expect(clippy::cast_precision_loss, reason = "there are some dozen rows")]
fn promises(times: &[FaultTime], guide: Option<&[GuideTime]>, all: bool) -> Vec<Promise> {
    let named = || times.iter().filter_map(|time| time.named.as_ref().ok());
    let missed = times.len() - named().count();
    let after = |named: &Named| named.after_known;
    let mut promises = vec![Promise::at_most("faults that were not named", missed as f64, 0.0)];
    // A few faults may all be such that Kubernetes does not know.
    if let Some(longest) = named().filter_map(after).reduce(f64::max) {
        promises.push(Promise::below("longest time from what Kubernetes said to the finding, seconds", longest, 5.0));
    }
    if all {
        promises.push(Promise::at_least("faults that were tried", times.len() as f64, ROWS));
    }
    if let Some(guide) = guide {
        let others = guide.iter().filter(|time| !time.is_as_stated()).count();
        promises.push(Promise::at_most("faults that the guide does not show where the fault table states", others as f64, 0.0));
    }
    promises
}

//! Shows how long the faults of the fault table took to be named, from what its tests wrote.
//!
//! Run by `cargo xtask bench faults`, after those tests. Writes a table between two marker comments of `docs/verify.md`, and with
//! `--json FILE` the figures as JSON; `--check` exits with 1 if a promise is missed.
#![allow(clippy::disallowed_methods, reason = "a bench stands at the edge: it reads and writes files")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a bench that cannot measure must end at once")]
#![allow(clippy::print_stderr, reason = "progress is for the people who wait")]

use std::process::ExitCode;

use integration_tests::bench::fault_times::FaultTime;
use integration_tests::bench::guide_times::GuideTime;
use integration_tests::bench::page::Page;
use integration_tests::bench::promise::Promise;
use integration_tests::bench::{self, Arguments, machine};
use integration_tests::cluster::Cluster;
use integration_tests::reference::Release;
use serde_json::json;

fn main() -> ExitCode {
    let arguments = Arguments::read();
    let page = Page::open_in("docs/verify.md", "faults");
    let cluster = Cluster::of(&arguments.path_of("--kubeconfig").expect("--kubeconfig names the cluster"));
    let mut times = FaultTime::read(&arguments.path_of("--times").expect("--times names what the tests wrote"));
    // In the order of the checks, whichever test ended first.
    times.sort_by(|one, other| (&one.id, &one.fault, &one.verb).cmp(&(&other.id, &other.fault, &other.verb)));
    let machine = machine::describe(&cluster, &[Release::V28]);
    let mut table = format!("{}\n\n| fault | verb | finding | whole run | after Kubernetes said it |\n", machine.sentence());
    table.push_str("| --- | --- | --- | --- | --- |\n");
    table.extend(times.iter().map(FaultTime::row));
    let promises = [promise(&times)];
    table.push_str(&Promise::table(&promises));
    let faults: Vec<_> = times.iter().map(FaultTime::document).collect();
    let documents: Vec<_> = promises.iter().map(Promise::document).collect();
    let document = json!({"machine": machine.document(), "faults": faults, "promises": documents});
    let kept = bench::publish(&arguments, &page, &table, &document, &promises);
    if let Some(file) = arguments.path_of("--guide") {
        by_guide(&GuideTime::read(&file));
    }
    if kept || !arguments.has("--check") { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// The table of what the reference and the guide say.
fn by_guide(times: &[GuideTime]) {
    let mut table =
        "| fault | `helm upgrade --install` | `kubectl rollout status --timeout=60s` | the cause is to be seen in |\n".to_owned();
    table.push_str("| --- | --- | --- | --- |\n");
    let mut rows: Vec<_> = times.iter().map(GuideTime::row).collect();
    rows.sort();
    table.extend(rows);
    Page::open_in("docs/verify.md", "faults --by-guide").write(&table);
}

/// No hopeless state is named late.
fn promise(times: &[FaultTime]) -> Promise {
    let longest = times.iter().filter_map(|time| time.after_known).reduce(f64::max);
    Promise::below("longest time from what Kubernetes said to the finding, seconds", longest.unwrap_or(f64::NAN), 5.0)
}

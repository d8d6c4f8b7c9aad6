//! Measures flare-kube's launcher against the reference's on a real cluster: requests, memory, and how soon an end is seen.
//!
//! Run by `cargo xtask bench launch`. Writes a table between two marker comments of `docs/benchmarks.md`, and with `--json FILE` the
//! figures as JSON; `--check` exits with 1 if a promise is missed. Its namespaces and files are removed however it ends; Ctrl-C
//! exits with 130. `bench-launch worker SETTINGS` is flare-kube's launcher as a process of its own, whose memory can be measured.
#![allow(clippy::disallowed_methods, reason = "a bench stands at the edge: it starts processes and reads clocks")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a bench that cannot measure must end at once")]
#![allow(clippy::print_stderr, clippy::print_stdout, reason = "progress for people, and a worker's lines for the bench")]

mod figures;
mod program;
mod scene;
mod worker;

use std::process::ExitCode;
use std::time::Duration;

use flare_testbed::audit::Log;
use integration_tests::bench::page::Page;
use integration_tests::bench::{self, Arguments, machine};
use integration_tests::cluster::{Cluster, namespace};
use integration_tests::reference::Release;

use figures::{Figures, Party, Place};
use scene::Scene;

fn main() -> ExitCode {
    let arguments = Arguments::read();
    if let Some(settings) = arguments.value_of("worker") {
        worker::run(&serde_json::from_str(&settings).expect("the bench gives its worker JSON"));
        return ExitCode::SUCCESS;
    }
    bench::run(&arguments, measure)
}

/// Measures with the options of `cargo xtask bench launch`. Returns whether every promise was kept.
fn measure(arguments: &Arguments) -> bool {
    let number = |flag: &str| arguments.value_of(flag).map(|text| text.parse::<u32>().expect("a number"));
    let page = Page::open("launch");
    let cluster = Cluster::of(&arguments.path_of("--kubeconfig").expect("--kubeconfig names the cluster"));
    let path = arguments.path_of("--audit-log").expect("--audit-log names the log of the API server");
    let log = Log::open(&path).unwrap_or_else(|faults| panic!("{}", faults.first()));
    let mut figures = Figures::new(machine::describe(&cluster, &[Release::V28]));
    let window = Duration::from_secs(number("--seconds").unwrap_or(60).into());
    for (place, jobs) in [(Place::Node, number("--jobs")), (Place::WithoutKubelet, number("--without-kubelet"))] {
        for party in [Party::Ours, Party::Reference] {
            let Some(jobs) = jobs.filter(|jobs| *jobs > 0) else { continue };
            figures.add(Scene { cluster: &cluster, log: &log, party, place, jobs, window }.measure());
        }
    }
    namespace::wait_for_the_end_of_ours(&cluster);
    bench::publish(arguments, &page, &figures.table(), &figures.document(), &figures.promises())
}

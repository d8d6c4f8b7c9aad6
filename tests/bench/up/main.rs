//! Measures `flare-kube up` on a real cluster, with federations of several sizes and real parents: time, memory and API requests.
//!
//! Run by `cargo xtask bench up`. Writes a table between two marker comments of `docs/benchmarks.md`, and with `--json FILE` the
//! figures as JSON; `--check` exits with 1 if a promise is missed. Its namespaces and files are removed however it ends; Ctrl-C
//! exits with 130.
#![allow(clippy::disallowed_methods, reason = "a bench stands at the edge: it makes kits, starts processes and reads clocks")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a bench that cannot measure must end at once")]
#![allow(clippy::print_stderr, reason = "progress is for the people who wait")]

mod figures;
mod scene;

use std::process::ExitCode;

use flare_testbed::audit::Log;
use integration_tests::bench::page::Page;
use integration_tests::bench::{self, Arguments, machine};
use integration_tests::cluster::{Cluster, namespace};
use integration_tests::reference::Release;

use figures::Figures;
use scene::Scene;

fn main() -> ExitCode {
    let arguments = Arguments::read();
    bench::run(&arguments, measure)
}

/// Measures with the options of `cargo xtask bench up`. Returns whether every promise was kept.
fn measure(arguments: &Arguments) -> bool {
    let number = |flag: &str| arguments.value_of(flag).expect(flag).parse::<usize>().expect("a number");
    let page = Page::open("up");
    let cluster = Cluster::of(&arguments.path_of("--kubeconfig").expect("--kubeconfig names the cluster"));
    let path = arguments.path_of("--audit-log").expect("--audit-log names the log of the API server");
    let log = Log::open(&path).unwrap_or_else(|faults| panic!("{}", faults.first()));
    let sites = number("--sites");
    let mut figures = Figures::new(machine::describe(&cluster, &[Release::V28]), number("--parallel"));
    let scene = Scene::open(&cluster, &log, sites, number("--parallel"));
    for size in sizes(sites) {
        figures.add(scene.measure(size));
    }
    let kept = bench::publish(arguments, &page, &figures.table(), &figures.document(), &figures.promises());
    // At the last, so that what was measured is written even if fifty volumes take long to go.
    namespace::wait_for_the_end_of_ours(&cluster);
    kept
}

/// The federations that are measured: two sites, half of the sites, and all of them.
fn sizes(largest: usize) -> Vec<usize> {
    let mut sizes = vec![2, largest / 2, largest];
    sizes.retain(|size| *size >= 2);
    sizes.sort_unstable();
    sizes.dedup();
    sizes
}

//! Measures `flare-kube stage` against the user guide's procedure and against `kubectl cp`, on a real cluster, paired in one run.
//!
//! Run by `cargo xtask bench stage`. Writes a table between two marker comments of `docs/benchmarks.md`, and with `--json FILE` the
//! figures as JSON; `--check` exits with 1 if a promise is missed. Its namespace and files are removed however it ends; Ctrl-C
//! exits with 130.
#![allow(clippy::disallowed_methods, reason = "a bench stands at the edge: it makes kits and starts processes")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a bench that cannot measure must end at once")]
#![allow(clippy::print_stderr, reason = "progress is for the people who wait")]

mod figures;
mod scene;

use std::process::ExitCode;

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

/// Measures with the options `--kubeconfig FILE --runs N --json FILE`. Returns whether every promise was kept.
fn measure(arguments: &Arguments) -> bool {
    let page = Page::open("stage");
    let cluster = Cluster::of(&arguments.path_of("--kubeconfig").expect("--kubeconfig names the cluster"));
    let mut figures = Figures::new(machine::describe(&cluster, &[Release::V28]));
    Scene::open(&cluster).measure(arguments.runs(), &mut figures);
    namespace::wait_for_the_end_of_ours(&cluster);
    bench::publish(arguments, &page, &figures.table(), &figures.document(), &figures.promises())
}

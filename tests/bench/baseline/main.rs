//! Measures the user guide's manual procedure, and flare-kube's charts beside it, on a real cluster.
//!
//! Run by `cargo xtask bench baseline`. Writes a table between two marker comments of `docs/benchmarks.md`, and with `--json FILE` the
//! figures as JSON. Its namespaces and files are removed however it ends; Ctrl-C exits with 130.
#![allow(clippy::disallowed_methods, reason = "a bench stands at the edge: it makes kits and starts processes")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a bench that cannot measure must end at once")]
#![allow(clippy::print_stderr, reason = "progress is for the people who wait")]

mod copies;
mod figures;
mod requests;
mod scene;

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::process::ExitCode;

use integration_tests::bench::page::Page;
use integration_tests::bench::{self, Arguments, machine};
use integration_tests::cleanup;
use integration_tests::cluster::{Cluster, namespace};
use integration_tests::reference::Release;

use figures::Figures;
use scene::{Party, Scene};

/// The command line's options.
struct Options {
    kubeconfig: PathBuf,
    audit_log: PathBuf,
    runs: usize,
    json: Option<PathBuf>,
}

impl Options {
    /// Reads `--kubeconfig FILE --audit-log FILE --runs N --json FILE`, which `cargo xtask bench baseline` documents and checks.
    fn read() -> Self {
        let arguments = Arguments::read();
        let kubeconfig = arguments.path_of("--kubeconfig").expect("--kubeconfig names the cluster");
        let beside = kubeconfig.with_file_name("audit.log");
        Self {
            audit_log: arguments.path_of("--audit-log").unwrap_or(beside),
            runs: arguments.runs(),
            json: arguments.path_of("--json"),
            kubeconfig,
        }
    }
}

fn main() -> ExitCode {
    let ended = catch_unwind(AssertUnwindSafe(|| measure(&Options::read())));
    // The message of a panic has been printed, and the cleanup guards have run.
    cleanup::hold_if_interrupted();
    if ended.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn measure(options: &Options) {
    assert!(options.audit_log.is_file(), "no audit log at {}: name it with --audit-log", options.audit_log.display());
    let page = Page::open("baseline");
    let cluster = Cluster::of(&options.kubeconfig);
    let program = bench::program();
    let mut figures = Figures::new(machine::describe(&cluster, &Release::ALL));
    copies::measure(&cluster, options.runs, &mut figures);
    for release in Release::ALL {
        for party in [Party::Reference, Party::Ours] {
            let scene = Scene { cluster: &cluster, program: &program, audit_log: &options.audit_log, release, party };
            scene.measure(options.runs, &mut figures);
        }
    }
    namespace::wait_for_the_end_of_ours(&cluster);
    page.write(&figures.table());
    if let Some(file) = &options.json {
        fs::write(file, format!("{:#}\n", figures.document())).unwrap();
    }
}

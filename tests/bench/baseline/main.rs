//! Measures the user guide's manual procedure, and our charts beside it, on a real cluster.
//!
//! Run by `cargo xtask bench baseline`. Writes a table between two marker comments of `docs/benchmarks.md`, and with `--json FILE` the
//! figures as a document. Whatever ends it, its namespaces and files end with it; Ctrl-C exits with 130.
#![allow(clippy::disallowed_methods, reason = "a bench stands at the edge: it makes kits and starts processes")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a bench that cannot measure must end at once")]
#![allow(clippy::print_stderr, reason = "progress is for the people who wait")]

mod copies;
mod figures;
mod machine;
mod requests;
mod scene;

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use integration_tests::cleanup;
use integration_tests::cluster::{Cluster, namespace};
use integration_tests::reference::Release;
use integration_tests::workspace_directory;

use figures::Figures;
use scene::{Party, Scene};

/// What the command line says.
struct Options {
    kubeconfig: PathBuf,
    audit_log: PathBuf,
    runs: usize,
    json: Option<PathBuf>,
}

impl Options {
    /// From `--kubeconfig FILE --audit-log FILE --runs N --json FILE`; `cargo xtask bench baseline` explains and checks them.
    fn read() -> Self {
        let arguments: Vec<String> = std::env::args().skip(1).collect();
        let value_of = |flag: &str| {
            let at = arguments.iter().position(|argument| argument == flag)?;
            Some(arguments.get(at + 1).unwrap_or_else(|| panic!("{flag} has no value")).clone())
        };
        let kubeconfig = PathBuf::from(value_of("--kubeconfig").expect("--kubeconfig names the cluster"));
        let beside = kubeconfig.with_file_name("audit.log");
        Self {
            audit_log: value_of("--audit-log").map_or(beside, PathBuf::from),
            runs: value_of("--runs").map_or(3, |runs| runs.parse().expect("--runs is a number")),
            json: value_of("--json").map(PathBuf::from),
            kubeconfig,
        }
    }
}

fn main() -> ExitCode {
    let ended = catch_unwind(AssertUnwindSafe(|| measure(&Options::read())));
    // The message of a panic has been printed, and what it left open is undone.
    cleanup::hold_if_interrupted();
    if ended.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn measure(options: &Options) {
    assert!(options.audit_log.is_file(), "no audit log at {}: name it with --audit-log", options.audit_log.display());
    let page = Page::open();
    let cluster = Cluster::of(&options.kubeconfig);
    let program = std::env::current_exe().unwrap().with_file_name("flare-kube-under-test");
    assert!(program.is_file(), "no {}: run `cargo build --release -p integration-tests --bins`", program.display());
    let mut figures = Figures::new(machine::describe(&cluster));
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

/// `docs/benchmarks.md`, of which this bench owns what stands between two comments.
struct Page {
    path: PathBuf,
    before: String,
    after: String,
}

impl Page {
    const BEGIN: &'static str = "<!-- cargo xtask bench baseline: begin -->\n";
    const END: &'static str = "<!-- cargo xtask bench baseline: end -->\n";

    /// Looks for the place first, since measuring takes minutes.
    fn open() -> Self {
        let path = workspace_directory().join("docs/benchmarks.md");
        let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let parts = text.split_once(Self::BEGIN).and_then(|(before, rest)| Some((before, rest.split_once(Self::END)?.1)));
        let (before, after) = parts.unwrap_or_else(|| panic!("{} lacks its two marker comments", path.display()));
        let (before, after) = (before.to_owned(), after.to_owned());
        Self { path, before, after }
    }

    fn write(&self, table: &str) {
        let text = format!("{}{}{table}{}{}", self.before, Self::BEGIN, Self::END, self.after);
        fs::write(&self.path, text).unwrap();
        eprintln!("wrote {}", shown(&self.path));
    }
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}

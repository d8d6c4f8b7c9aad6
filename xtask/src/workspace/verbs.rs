//! The verbs of a checkout: `demo`, `test`, `ci`, `codegen`, `bench`. Each is a short list of steps.

use std::path::PathBuf;

use super::{bench, checkout, checks, codegen, cold, demo};
use crate::{context::Context, output::VerbResult};

/// Verbs that work in a checkout of flare-kube.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Verb {
    /// Take a small fixture federation through all implemented steps, and show each one
    ///
    /// Prepares the fixture federation, renders it with Helm if one is found, and checks the prepared kits offline. With `--cluster` a local
    /// cluster is started and the federation brought up there, as `up` does: it ends with two sites that are registered at their server.
    Demo(demo::Arguments),
    /// Run all tests, after building or installing what they need and the cache does not have
    ///
    /// A step that fails does not end the run: all failed steps are listed at its end.
    Test(checks::TestArguments),
    /// Run all of CI: lints, generated files, each crate alone, and all tests
    ///
    /// A step that fails does not end the run: all failed steps are listed at its end.
    Ci {
        /// Leave out the tests that need a Kubernetes cluster, and show how many those are.
        #[arg(long)]
        no_cluster: bool,
        /// Run `demo` and all of CI as on a fresh machine: in a clone of HEAD, with a new home, new caches and nothing built
        ///
        /// Toolchains and the configuration of Cargo, pip, Go and git are kept. Takes about an hour; everything that it made is removed at its end.
        #[arg(long)]
        cold: bool,
        /// Where `--cold` makes its temporary directory, which needs about 20 GB [default: beside the heavy cache].
        #[arg(long, value_name = "DIR", requires = "cold")]
        directory: Option<PathBuf>,
    },
    /// Write the generated files of the workspace, or check that they are up to date.
    Codegen {
        /// Write nothing; fail if a file is out of date.
        #[arg(long)]
        check: bool,
    },
    /// Measure flare-kube and the reference.
    #[command(subcommand)]
    Bench(bench::Subject),
}

/// Runs a verb of the checkout. `command` is the whole command line, of which `codegen` writes the manual.
pub(crate) fn run(context: &Context<'_>, verb: Verb, command: impl FnOnce() -> clap::Command) -> VerbResult {
    let root = checkout::root(context.environment)?;
    match verb {
        Verb::Demo(arguments) => demo::run(context, &root, &arguments),
        Verb::Test(arguments) => checks::test(context, &root, &arguments),
        Verb::Ci { no_cluster, cold: true, directory } => cold::run(context, &root, no_cluster, directory.as_deref()),
        Verb::Ci { no_cluster, .. } => checks::ci(context, &root, no_cluster),
        Verb::Codegen { check } => codegen::run(&root, check, command()),
        Verb::Bench(subject) => bench::run(context, &root, &subject),
    }
}

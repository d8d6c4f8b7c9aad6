//! The verbs of a checkout: `demo`, `test`, `ci`, `codegen`, `bench`. Each is a short list of steps.

use flare_diagnostic::Faults;
use serde_json::json;

use super::Context;
use crate::{
    output::{Ended, Outcome, talk},
    workspace::{bench, checkout, checks, codegen, demo},
};

/// Verbs that work in a checkout of flare-kube.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Verb {
    /// Take a small federation of test material down the whole road that there is, and show each step.
    ///
    /// For now: prepares the fixture federation, renders it with Helm where one is found, and checks the prepared kits
    /// offline.
    Demo(demo::Arguments),
    /// Run all tests; build or install first what they need and the cache folder has not.
    Test(checks::TestArguments),
    /// Run all of CI: lints, generated files, each crate alone, and all tests.
    Ci {
        /// Leave out the tests that need a Kubernetes cluster, and say how many those are.
        #[arg(long)]
        no_cluster: bool,
    },
    /// Write the generated files of the workspace, or check that they are fresh.
    Codegen {
        /// Write nothing; fail where a file is not fresh.
        #[arg(long)]
        check: bool,
    },
    /// Measure flare-kube and the reference.
    #[command(subcommand)]
    Bench(bench::Subject),
}

/// Runs a verb of the checkout.
pub(crate) fn run(context: &Context<'_>, verb: Verb) -> Ended {
    let root = checkout::root(context.environment)?;
    match verb {
        Verb::Demo(arguments) => demo::run(context, &root, &arguments),
        Verb::Test(arguments) => done(checks::test(context, &root, &arguments)),
        Verb::Ci { no_cluster } => done(checks::ci(context, &root, no_cluster)),
        Verb::Codegen { check } => codegen::run(&root, check),
        Verb::Bench(subject) => bench::run(context, &root, &subject),
    }
}

/// The end of a verb whose result is that its steps were done.
fn done(result: Result<Vec<String>, Faults>) -> Ended {
    let steps = result?;
    talk(&format!("done: {}\n", steps.join(", ")));
    Ok(Outcome { data: json!({ "steps": steps }), text: String::new(), warnings: Vec::new() })
}

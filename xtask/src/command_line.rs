//! The whole command line: the verbs of users and those of a checkout, which are independent of each other.

use std::{ffi::OsString, sync::OnceLock};

use clap::{CommandFactory as _, FromArgMatches as _, Parser, Subcommand};

use crate::{
    Environment, bug, cli,
    context::{Context, SharedArguments},
    interrupt::Interrupt,
    output::{Format, Reporter, VerbResult, manual_of_exit_statuses},
    usage, workspace,
};

/// Takes a federated-learning site from an NVIDIA FLARE startup kit to a running, proven participant in Kubernetes.
#[derive(Debug, Parser)]
#[command(name = "flare-kube", version, propagate_version = true, max_term_width = 100, after_help = manual_of_exit_statuses())]
struct CommandLine {
    #[command(flatten)]
    shared: SharedArguments,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
#[expect(clippy::large_enum_variant, reason = "there is one in a run")]
enum Verb {
    #[command(flatten)]
    User(cli::Verb),
    #[command(flatten)]
    Checkout(workspace::Verb),
}

impl Verb {
    fn prints_yaml(&self) -> bool {
        matches!(self, Self::User(verb) if verb.prints_yaml())
    }
}

/// The definition of the command line, from which help, completions and man pages are generated.
#[must_use]
pub fn command() -> clap::Command {
    CommandLine::command()
}

/// The definition as this run shows it: verbs of a checkout are listed only if Cargo runs the program.
fn shown_command(environment: &Environment) -> clap::Command {
    if environment.is_of_a_checkout() {
        return command();
    }
    let verbs = workspace::Verb::augment_subcommands(clap::Command::new(""));
    let names: Vec<_> = verbs.get_subcommands().map(|verb| verb.get_name().to_owned()).collect();
    names.into_iter().fold(command(), |command, name| command.mut_subcommand(name, |verb| verb.hide(true)))
}

/// Parses a command line, runs its verb and prints the result. Returns the exit status.
pub fn parse_and_run(environment: &Environment, arguments: impl IntoIterator<Item = OsString>) -> u8 {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    let refuse = |error: &clap::Error| usage::refuse(environment, &command(), error, &arguments);
    let parsed =
        shown_command(environment).try_get_matches_from(&arguments).and_then(|matches| CommandLine::from_arg_matches(&matches));
    let line = match parsed {
        Ok(line) => line,
        Err(error) => return refuse(&error),
    };
    if line.shared.format == Format::Yaml && !line.verb.prints_yaml() {
        return refuse(&command().error(
            clap::error::ErrorKind::InvalidValue,
            "only `launch manifest` and `stage --render` print YAML; use text or json",
        ));
    }
    let reporter = Reporter { format: line.shared.format, quiet: line.shared.quiet, colour: environment.colour };
    let context = Context { environment, interrupt: Interrupt::listen(), shared: line.shared, helm: OnceLock::new() };
    reporter.report(bug::caught(|| run(&context, line.verb)))
}

fn run(context: &Context<'_>, verb: Verb) -> VerbResult {
    match verb {
        Verb::User(verb) => cli::run(context, verb, || shown_command(context.environment)),
        Verb::Checkout(verb) => workspace::run(context, verb, command),
    }
}

//! The command line: one file per verb, each with its arguments and what it does with them.

pub(crate) mod arguments;
pub(crate) mod cluster;
mod completions;
mod init;
mod launch;
mod man;
mod manual;
mod names;
mod prepare;
pub(crate) mod schema;
mod stage;
mod usage;
mod workspace_verbs;

use std::ffi::OsString;

use clap::{Args, CommandFactory as _, FromArgMatches as _, Parser, Subcommand};
pub(crate) use manual::manual;

use crate::{
    Environment, bug,
    interrupt::Interrupt,
    output::{Ended, Format, Reporter, manual_of_exit_statuses},
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

/// What every verb takes.
#[derive(Debug, Clone, Args)]
pub(crate) struct SharedArguments {
    /// How the result is printed on stdout; warnings and errors go to stderr.
    #[arg(short = 'o', long = "format", value_enum, default_value_t, global = true, value_name = "FORMAT")]
    pub(crate) format: Format,
    /// Say nothing on stderr but errors.
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub(crate) quiet: bool,
    /// Say on stderr what is done, step by step.
    #[arg(short, long, global = true)]
    pub(crate) verbose: bool,
}

#[derive(Debug, Subcommand)]
enum Verb {
    Prepare(prepare::Arguments),
    Init(init::Arguments),
    Stage(stage::Arguments),
    Names(names::Arguments),
    Launch(launch::Arguments),
    Schema(schema::Arguments),
    Cluster(cluster::Arguments),
    Completions(completions::Arguments),
    Man(man::Arguments),
    #[command(flatten)]
    Workspace(workspace_verbs::Verb),
}

/// What a verb gets besides its own arguments.
#[derive(Debug)]
pub(crate) struct Context<'run> {
    pub(crate) environment: &'run Environment,
    pub(crate) interrupt: Interrupt,
    pub(crate) shared: SharedArguments,
}

impl Context<'_> {
    /// Talks about a step, where `-v` asked for it.
    pub(crate) fn step(&self, text: impl FnOnce() -> String) {
        if self.shared.verbose {
            crate::output::talk(&format!("{}\n", text()));
        }
    }

    /// A progress bar on stderr for people; hidden in pipes, with `-q` and with JSON.
    pub(crate) fn progress(&self, steps: usize) -> indicatif::ProgressBar {
        let shown = self.environment.stderr_is_terminal && !self.shared.quiet;
        let target = if shown { indicatif::ProgressDrawTarget::stderr() } else { indicatif::ProgressDrawTarget::hidden() };
        indicatif::ProgressBar::with_draw_target(Some(steps as u64), target)
    }
}

/// The definition of the command line, from which help, completions and man pages come.
#[must_use]
pub fn command() -> clap::Command {
    CommandLine::command()
}

/// The definition as this run shows it: verbs of a checkout are listed only where Cargo runs the program.
pub(crate) fn shown_command(environment: &Environment) -> clap::Command {
    if environment.is_of_a_checkout() {
        return command();
    }
    let verbs = workspace_verbs::Verb::augment_subcommands(clap::Command::new(""));
    let names: Vec<_> = verbs.get_subcommands().map(|verb| verb.get_name().to_owned()).collect();
    names.into_iter().fold(command(), |command, name| command.mut_subcommand(name, |verb| verb.hide(true)))
}

/// Parses a command line, runs its verb and prints the result. Gives the exit number.
pub fn parse_and_run(environment: &Environment, arguments: impl IntoIterator<Item = OsString>) -> u8 {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    let parsed =
        shown_command(environment).try_get_matches_from(&arguments).and_then(|matches| CommandLine::from_arg_matches(&matches));
    let line = match parsed {
        Ok(line) => line,
        Err(error) => return usage::refuse(environment, &error, &arguments),
    };
    if line.shared.format == Format::Yaml && !matches!(line.verb, Verb::Launch(_)) {
        let error = command().error(clap::error::ErrorKind::InvalidValue, "only `launch manifest` prints YAML; use text or json");
        return usage::refuse(environment, &error, &arguments);
    }
    let reporter = Reporter { format: line.shared.format, quiet: line.shared.quiet, colour: environment.colour };
    let context = Context { environment, interrupt: Interrupt::listen(), shared: line.shared };
    reporter.report(bug::caught(|| run(&context, line.verb)))
}

fn run(context: &Context<'_>, verb: Verb) -> Ended {
    match verb {
        Verb::Prepare(arguments) => prepare::run(context, &arguments),
        Verb::Init(arguments) => init::run(context, &arguments),
        Verb::Stage(arguments) => stage::run(context, &arguments),
        Verb::Names(arguments) => names::run(&arguments),
        Verb::Launch(arguments) => launch::run(context, &arguments),
        Verb::Schema(arguments) => schema::run(&arguments),
        Verb::Cluster(arguments) => cluster::run(context, &arguments),
        Verb::Completions(arguments) => Ok(completions::run(context, &arguments)),
        Verb::Man(arguments) => man::run(context, &arguments),
        Verb::Workspace(verb) => workspace_verbs::run(context, verb),
    }
}

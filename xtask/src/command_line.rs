//! The whole command line: the verbs of users and those of a checkout, which are independent of each other.

use std::{ffi::OsString, sync::OnceLock};

use clap::{CommandFactory as _, Parser, Subcommand};

use crate::{
    Environment, bug, cli,
    context::{Context, SharedArguments, Unprinted},
    interrupt::Interrupt,
    output::{Format, Reporter, VerbResult, manual_of_exit_statuses},
    usage, workspace,
};

/// Takes a federated-learning site from an NVIDIA FLARE startup kit to a running, proven participant in Kubernetes.
#[derive(Debug, Parser)]
#[command(name = "flare-kube", version, propagate_version = true, max_term_width = 100, after_help = manual_of_exit_statuses())]
struct CommandLine<V: Subcommand> {
    #[command(flatten)]
    shared: SharedArguments,
    #[command(subcommand)]
    verb: V,
}

/// The command line as an installed program shows it.
type Installed = CommandLine<cli::Verb>;

/// The command line of a checkout.
type OfACheckout = CommandLine<Verb>;

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

/// The definition of the command line with all verbs, from which the manual in `docs/` is generated.
#[must_use]
pub fn command() -> clap::Command {
    OfACheckout::command()
}

/// The definition as this run shows it: without the verbs of a checkout unless Cargo runs the program.
///
/// They are not only hidden, since completions and suggestions for typing errors list hidden verbs too.
fn shown_command(environment: &Environment) -> clap::Command {
    if environment.is_of_a_checkout() { command() } else { Installed::command() }
}

/// Parses a command line. An installed program knows the verbs of a checkout only if one is written out.
fn parse(environment: &Environment, arguments: &[OsString]) -> Result<OfACheckout, clap::Error> {
    if environment.is_of_a_checkout() || has_verb_of_a_checkout(arguments) {
        return OfACheckout::try_parse_from(arguments);
    }
    let line = Installed::try_parse_from(arguments)?;
    Ok(CommandLine { shared: line.shared, verb: Verb::User(line.verb) })
}

/// Whether the verb, which may stand after shared flags, is one of a checkout.
fn has_verb_of_a_checkout(arguments: &[OsString]) -> bool {
    let matches = Installed::command().allow_external_subcommands(true).try_get_matches_from(arguments);
    matches.is_ok_and(|matches| matches.subcommand_name().is_some_and(workspace::Verb::has_subcommand))
}

/// Parses a command line, runs its verb and prints the result. Returns the exit status.
pub fn parse_and_run(environment: &Environment, arguments: impl IntoIterator<Item = OsString>) -> u8 {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    let refuse = |error: &clap::Error| usage::refuse(environment, &command(), error, &arguments);
    let line = match parse(environment, &arguments) {
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
    let context = Context {
        environment,
        interrupt: Interrupt::listen(),
        shared: line.shared,
        helm: OnceLock::new(),
        unprinted: Unprinted::default(),
    };
    reporter.report(bug::caught(|| run(&context, line.verb)), || context.unprinted.take_back())
}

fn run(context: &Context<'_>, verb: Verb) -> VerbResult {
    match verb {
        Verb::User(verb) => cli::run(context, verb, || shown_command(context.environment)),
        Verb::Checkout(verb) => workspace::run(context, verb, command),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use clap::error::{ContextKind, ContextValue, ErrorKind};

    /// The verbs with which summaries begin; a new one is added here, if it is an imperative.
    const IMPERATIVES: [&str; 21] = [
        "Bring", "Check", "Compare", "End", "Find", "Follow", "Install", "Make", "Manage", "Measure", "Print", "Put", "Remove",
        "Restore", "Run", "Save", "Show", "Start", "Take", "Test", "Write",
    ];

    fn visit(command: &clap::Command, look: &mut impl FnMut(&clap::Command)) {
        look(command);
        command.get_subcommands().for_each(|verb| visit(verb, look));
    }

    /// The first paragraphs of a help text in its short and its long form.
    fn first_paragraphs<'text>(short: Option<&'text str>, long: Option<&'text str>) -> Vec<&'text str> {
        short.into_iter().chain(long).map(|text| text.split("\n\n").next().unwrap_or_default()).collect()
    }

    #[test]
    fn help_texts_begin_with_a_summary_without_full_stop() {
        let mut seen = 0;
        visit(&super::command(), &mut |command| {
            let (short, long) = (command.get_about().map(ToString::to_string), command.get_long_about().map(ToString::to_string));
            let name = command.get_name();
            assert!(short.is_some(), "{name} has no summary");
            let arguments = command.get_arguments().map(|argument| {
                let text = |text: Option<&clap::builder::StyledStr>| text.map(ToString::to_string);
                (argument.get_id().to_string(), text(argument.get_help()), text(argument.get_long_help()))
            });
            for (part, short, long) in arguments.chain([(String::new(), short, long)]) {
                for summary in first_paragraphs(short.as_deref(), long.as_deref()) {
                    seen += 1;
                    assert!(!summary.ends_with('.'), "{name} {part}: `{summary}` ends in a full stop");
                }
                // Lines of paragraphs are joined by the parser; those that are not would be broken a second time.
                for paragraph in long.iter().flat_map(|text| text.split("\n\n")) {
                    assert!(
                        !paragraph.contains('\n'),
                        "{name} {part}: `{paragraph}` has line breaks; give examples in `after_long_help`"
                    );
                }
            }
        });
        assert!(seen > 200, "only {seen} help texts were found");
    }

    #[test]
    fn the_summary_of_each_verb_begins_with_an_imperative() {
        let mut unused: BTreeSet<&str> = IMPERATIVES.into_iter().collect();
        visit(&super::command(), &mut |command| {
            let (name, summary) = (command.get_name(), command.get_about().map(ToString::to_string).unwrap_or_default());
            let first = summary.split([' ', ',']).next().unwrap_or_default();
            assert!(IMPERATIVES.contains(&first) || name == "flare-kube", "{name}: `{summary}` begins with no verb of the list");
            let _ = unused.remove(first);
        });
        assert_eq!(unused, BTreeSet::new(), "no verb begins with these");
    }

    #[test]
    fn flags_of_the_cluster_that_a_verb_cannot_use_say_so_or_are_hidden() {
        let (mut without_effect, mut hidden) = (BTreeSet::new(), BTreeSet::new());
        visit(&super::command(), &mut |command| {
            for argument in command.get_arguments() {
                let help = argument.get_help().map(ToString::to_string).unwrap_or_default();
                let name = command.get_name().to_owned();
                match argument.get_id().as_str() {
                    "dry_run" if help.starts_with("Has no effect") => _ = without_effect.insert(name),
                    "namespace" if argument.is_hide_set() => _ = hidden.insert(name),
                    _ => {}
                }
            }
        });
        assert_eq!(without_effect, BTreeSet::from(["logs", "status", "verify", "watch"].map(str::to_owned)), "these only read");
        assert_eq!(hidden, BTreeSet::from(["down", "up"].map(str::to_owned)), "these refuse it");
    }

    /// A flag after a flattened group would be listed under the heading of that group.
    #[test]
    fn the_heading_cluster_has_only_the_flags_of_every_cluster_verb() {
        let shared = ["kubeconfig", "context", "namespace", "timeout", "dry_run"];
        visit(&super::command(), &mut |command| {
            let below = command.get_arguments().filter(|argument| argument.get_help_heading() == Some("Cluster"));
            let others: Vec<_> = below.map(|argument| argument.get_id().as_str()).filter(|id| !shared.contains(id)).collect();
            assert!(others.is_empty(), "{}: {others:?} stand under the heading of the cluster", command.get_name());
        });
    }

    /// What the parser says is missing.
    fn missing(command: &clap::Command, words: &[String]) -> BTreeSet<String> {
        match parsed(command, words) {
            Err(error) if error.kind() == ErrorKind::MissingRequiredArgument => match error.get(ContextKind::InvalidArg) {
                Some(ContextValue::Strings(missing)) => missing.iter().cloned().collect(),
                _ => BTreeSet::new(),
            },
            _ => BTreeSet::new(),
        }
    }

    fn parsed(command: &clap::Command, words: &[String]) -> Result<clap::ArgMatches, clap::Error> {
        command.clone().try_get_matches_from(std::iter::once(&command.get_name().to_owned()).chain(words))
    }

    /// An argument with a value that its parser takes, if one of a few is.
    fn given(command: &clap::Command, argument: &clap::Arg) -> Option<Vec<String>> {
        let with = |value: &str| match argument.get_long() {
            Some(long) => vec![format!("--{long}={value}")],
            None => vec![value.to_owned()],
        };
        match argument.get_long() {
            Some(long) if !argument.get_num_args().is_some_and(|values| values.takes_values()) => Some(vec![format!("--{long}")]),
            _ => {
                let known = argument.get_possible_values();
                let values =
                    known.iter().map(clap::builder::PossibleValue::get_name).chain(["1", "10Gi", "2.8", "x=y:NoSchedule"]);
                let is_taken = |words: &Vec<String>| {
                    let refused = parsed(command, words).err().map(|error| error.kind());
                    !matches!(refused, Some(ErrorKind::InvalidValue | ErrorKind::ValueValidation))
                };
                values.map(with).find(is_taken)
            }
        }
    }

    /// The parser does not ask for what a flag requires if that cannot be used with another argument that is given; the flag would be
    /// ignored.
    #[test]
    fn a_flag_is_refused_together_with_what_excludes_the_flag_that_it_requires() {
        let mut all = super::command();
        all.build();
        let mut seen = 0;
        visit(&all, &mut |command| {
            let exclude = |one: &clap::Arg, other: &clap::Arg| {
                let names = |one: &clap::Arg, other: &clap::Arg| {
                    command.get_arg_conflicts_with(one).iter().any(|excluded| excluded.get_id() == other.get_id())
                };
                names(one, other) || names(other, one)
            };
            let without = missing(command, &[]);
            for argument in command.get_arguments().filter(|argument| !matches!(argument.get_id().as_str(), "help" | "version")) {
                let with = given(command, argument).map(|words| missing(command, &words)).unwrap_or_default();
                let required: BTreeSet<&str> = with.difference(&without).filter_map(|name| name.split(' ').next()).collect();
                let is_required =
                    |other: &&clap::Arg| other.get_long().is_some_and(|long| required.contains(format!("--{long}").as_str()));
                for required in command.get_arguments().filter(is_required) {
                    seen += 1;
                    for other in command.get_arguments().filter(|other| exclude(required, other)) {
                        let name = command.get_bin_name().unwrap_or_default();
                        assert!(
                            exclude(argument, other),
                            "{name}: {argument} is ignored beside {other}, which excludes {required}"
                        );
                    }
                }
            }
        });
        assert!(seen > 11, "only {seen} arguments require another one");
    }
}

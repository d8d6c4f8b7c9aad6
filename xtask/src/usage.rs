//! Handles the results of the argument parser other than a valid command line: help, version and usage errors.

use std::{
    ffi::OsString,
    io::{self, Write as _},
};

use clap::ArgAction;
use flare_diagnostic::{Code, Diagnostic, without_secrets};

use crate::{
    Environment,
    output::{EXIT_USAGE, Format, Reporter, write_to_stderr},
};

/// Prints help, version or a usage error as text and, if the command line asked for JSON, also as a document on stdout.
/// Returns the exit status.
pub(crate) fn refuse(environment: &Environment, command: &clap::Command, error: &clap::Error, arguments: &[OsString]) -> u8 {
    let json = wants_json(command, arguments);
    let format = if json { Format::Json } else { Format::Text };
    let reporter = Reporter { format, quiet: true, colour: environment.colour };
    if !error.use_stderr() {
        let printed = error.print().and_then(|()| io::stdout().flush());
        return reporter.status_after_writing(0, printed);
    }
    print(error);
    if json { reporter.report_usage(fault(error)) } else { EXIT_USAGE }
}

/// Prints the error, without secrets that somebody may have typed.
fn print(error: &clap::Error) {
    let text = error.render().to_string();
    match without_secrets(&text) {
        std::borrow::Cow::Owned(text) => write_to_stderr(&text),
        // In colour on a terminal.
        std::borrow::Cow::Borrowed(_) => drop(error.print()),
    }
}

/// The parser's first paragraph as one line; what it suggests, such as a similar flag, is in the hint.
fn fault(error: &clap::Error) -> Diagnostic {
    let rendered = error.render().to_string();
    let lines: Vec<_> = rendered.lines().take_while(|line| !line.trim().is_empty()).map(str::trim).collect();
    let message = lines.join(" ");
    let tips = rendered.lines().filter_map(|line| line.trim().strip_prefix("tip: "));
    let hint: Vec<_> = tips.chain(["run with `--help` for usage"]).collect();
    Diagnostic::error(Code::InvalidArgs, message.trim_start_matches("error: ")).hint(hint.join("; "))
}

/// Whether a command line that could not be parsed asked for JSON: `-o json`, `-ojson`, `-o=json`, `--format json`,
/// `--format=json`, and `-o` after other short flags, as in `-qojson`.
fn wants_json(command: &clap::Command, arguments: &[OsString]) -> bool {
    let flags = short_flags(command);
    let words: Vec<_> = arguments.iter().skip(1).map(|argument| argument.to_string_lossy()).collect();
    let words = words.split(|word| word == "--").next().unwrap_or_default();
    words.iter().enumerate().any(|(index, word)| {
        let value = if word == "--format" {
            ""
        } else if let Some(value) = word.strip_prefix("--format=") {
            value
        } else if word.starts_with("--") {
            return false;
        } else {
            let bundle = word.strip_prefix('-').and_then(|bundle| bundle.split_once('o'));
            match bundle {
                Some((before, behind)) if before.chars().all(|flag| flags.contains(&flag)) => behind,
                _ => return false,
            }
        };
        match value.strip_prefix('=').unwrap_or(value) {
            "" => words.get(index + 1).is_some_and(|next| next == "json"),
            value => value == "json",
        }
    })
}

/// The letters of all short flags without a value.
fn short_flags(command: &clap::Command) -> Vec<char> {
    let switch = |action: &ArgAction| matches!(action, ArgAction::SetTrue | ArgAction::SetFalse | ArgAction::Count);
    let own = command.get_arguments().filter(|argument| switch(argument.get_action())).filter_map(clap::Arg::get_short);
    let nested = command.get_subcommands().flat_map(short_flags);
    own.chain(nested).chain(['h', 'V']).collect()
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    #[test]
    fn what_the_parser_suggests_is_in_the_hint() {
        let hint = |line: &str| {
            let error = crate::command().try_get_matches_from(line.split(' ')).unwrap_err();
            super::fault(&error).hint.unwrap()
        };
        assert_eq!(hint("flare-kube prepaer"), "a similar subcommand exists: 'prepare'; run with `--help` for usage");
        assert_eq!(hint("flare-kube prepare --targt 2.8"), "a similar argument exists: '--target'; run with `--help` for usage");
        assert_eq!(hint("flare-kube schema nothing"), "run with `--help` for usage");
    }

    #[test]
    fn json_is_found_in_every_spelling_of_the_flag_and_nowhere_else() {
        let wants = |line: &str| {
            let words: Vec<OsString> = line.split(' ').map(OsString::from).collect();
            super::wants_json(&crate::command(), &words)
        };
        for line in
            ["-ojson", "-o json", "-o=json", "--format json", "--format=json", "-qojson", "-qo json", "-vo=json", "-hqojson"]
        {
            assert!(wants(&format!("flare-kube {line} prepare")) && wants(&format!("flare-kube prepare a b {line}")), "{line}");
        }
        for line in ["", "-otext", "-o text json", "-xojson", "--no-such-ojson", "-- -ojson", "json", "--formatjson", "-"] {
            assert!(!wants(&format!("flare-kube prepare {line}")), "{line}");
        }
    }
}

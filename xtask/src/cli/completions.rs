//! `completions SHELL`.

use clap_complete::Shell;
use serde_json::json;

use crate::output::Outcome;

/// Print the completions of a shell
///
/// For example: `flare-kube completions bash > ~/.local/share/bash-completion/completions/flare-kube`
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The shell.
    #[arg(value_enum)]
    shell: Shell,
}

/// Generates the completions from the definition of the command line.
pub(crate) fn run(arguments: &Arguments, mut command: clap::Command) -> Outcome {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut command, "flare-kube", &mut script);
    let text = String::from_utf8_lossy(&script).into_owned();
    Outcome { data: json!({"shell": arguments.shell.to_string(), "script": text}), text, warnings: Vec::new() }
}

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

/// The program, whose name stands at the end of the lines that register the completions in bash.
const PROGRAM: &str = "flare-kube";

/// The name without its hyphen.
const WITHOUT_HYPHEN: &str = "flare_kube";

/// Generates the completions from the definition of the command line.
pub(crate) fn run(arguments: &Arguments, command: clap::Command) -> Outcome {
    let text = script(arguments.shell, command);
    Outcome { data: json!({"shell": arguments.shell.to_string(), "script": text}), text, warnings: Vec::new() }
}

fn script(shell: Shell, mut command: clap::Command) -> String {
    // clap_complete 4.6 writes a hyphen of the program's name in two ways into bash's states, so that none is found after the verb.
    let name = if shell == Shell::Bash { WITHOUT_HYPHEN } else { PROGRAM };
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut command, name, &mut script);
    let script = String::from_utf8_lossy(&script).into_owned();
    if shell == Shell::Bash { script.replace(&format!(" {WITHOUT_HYPHEN}\n"), &format!(" {PROGRAM}\n")) } else { script }
}

//! `schema NAME`: the JSON Schemas, for editors and pipelines.

use flare_diagnostic::{Code, Diagnostic};
use flare_names::Target;

use crate::{
    generated::schema::{Name, schema},
    output::{Outcome, VerbResult},
};

/// Print the JSON Schema of a file that flare-kube reads or writes
///
/// In an editor with a YAML language server, a first line `# yaml-language-server: $schema=k8s.schema.json` gives
/// completion and checks while you type.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Which file.
    #[arg(value_enum, value_name = "NAME")]
    name: Name,
    #[arg(long, value_name = "RELEASE", help = format!(
        "The FLARE release: {}. Only `k8s` depends on it; left out, its schema takes what any release takes",
        Target::choice(&Target::ALL)
    ))]
    target: Option<Target>,
}

/// Prints the schema: bare as text, in the envelope as JSON.
pub(crate) fn run(arguments: &Arguments) -> VerbResult {
    let data = schema(arguments.name, arguments.target);
    let pretty = serde_json::to_string_pretty(&data)
        .map_err(|error| Diagnostic::error(Code::Internal, format!("the schema cannot be written: {error}")))?;
    Ok(Outcome { data, text: format!("{pretty}\n"), warnings: Vec::new() })
}

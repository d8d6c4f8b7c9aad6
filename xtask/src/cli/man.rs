//! `man`: the manual pages.

use std::path::PathBuf;

use flare_diagnostic::{Code, Diagnostic};
use serde_json::json;

use crate::{
    context::Context,
    generated::man_pages::man_pages,
    output::{Outcome, VerbResult},
    pipeline::output_file,
};

/// Print the manual page, or write the pages of all verbs into a directory
///
/// For example: `flare-kube man --output ~/.local/share/man/man1`
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The directory into which `flare-kube.1` and a page for each verb are written.
    #[arg(long, value_name = "DIR")]
    output: Option<PathBuf>,
}

/// Generates the pages from the definition of the command line.
pub(crate) fn run(context: &Context<'_>, arguments: &Arguments, command: clap::Command) -> VerbResult {
    let pages =
        man_pages(command).map_err(|error| Diagnostic::error(Code::Internal, format!("the manual cannot be made: {error}")))?;
    let Some(output) = &arguments.output else {
        let text = pages.into_iter().next().map(|(_, page)| page).unwrap_or_default();
        return Ok(Outcome { data: json!({ "page": text }), text, warnings: Vec::new() });
    };
    let directory = context.environment.absolute(output)?;
    let mut text = String::new();
    let mut files = Vec::new();
    for (name, page) in pages {
        let path = directory.join(&name);
        output_file::write(&path, page.as_bytes())?;
        text.push_str(&format!("{}\n", path.display()));
        files.push(path);
    }
    Ok(Outcome { data: json!({ "files": files }), text, warnings: Vec::new() })
}

//! `man`: the manual pages.

use std::path::PathBuf;

use flare_diagnostic::{Code, Diagnostic};
use serde_json::json;

use super::Context;
use crate::{
    Environment,
    output::{Ended, Outcome},
};

/// Print the manual page, or write the pages of all verbs into a folder.
///
/// For example: `flare-kube man --output ~/.local/share/man/man1`
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The folder into which `flare-kube.1` and a page for each verb are written.
    #[arg(long, value_name = "DIR")]
    output: Option<PathBuf>,
}

/// Generates the pages from the definition of the command line.
pub(crate) fn run(context: &Context<'_>, arguments: &Arguments) -> Ended {
    let pages = pages(context.environment)
        .map_err(|error| Diagnostic::error(Code::Internal, format!("the manual cannot be made: {error}")))?;
    let Some(output) = &arguments.output else {
        let text = pages.into_iter().next().map(|(_, page)| page).unwrap_or_default();
        return Ok(Outcome { data: json!({ "page": text }), text, warnings: Vec::new() });
    };
    let folder = context.environment.absolute(output);
    let mut text = String::new();
    let mut files = Vec::new();
    for (name, page) in pages {
        let path = folder.join(&name);
        flare_file_tree::write_file(&path, page.as_bytes(), 0o644, true)
            .map_err(|error| error.into_diagnostic(Code::InvalidArgs))?;
        text.push_str(&format!("{}\n", path.display()));
        files.push(path);
    }
    Ok(Outcome { data: json!({ "files": files }), text, warnings: Vec::new() })
}

/// File name and text of every page: the program first, then its verbs.
fn pages(environment: &Environment) -> std::io::Result<Vec<(String, String)>> {
    let mut command = super::shown_command(environment);
    command.build();
    let mut pages = vec![("flare-kube.1".to_owned(), page(command.clone())?)];
    for verb in command.get_subcommands().filter(|verb| verb.get_name() != "help" && !verb.is_hide_set()) {
        pages.push((format!("flare-kube-{}.1", verb.get_name()), page(verb.clone())?));
    }
    Ok(pages)
}

/// A built verb's display name is `flare-kube-VERB`, which becomes the title of its page.
fn page(command: clap::Command) -> std::io::Result<String> {
    let mut page = Vec::new();
    clap_mangen::Man::new(command).render(&mut page)?;
    Ok(String::from_utf8_lossy(&page).into_owned())
}

//! `man`: the manual pages.

use std::path::PathBuf;

use flare_diagnostic::{Code, Diagnostic};
use serde_json::json;

use super::Context;
use crate::output::{Ended, Outcome};

/// Print the manual page, or write the pages of all verbs into a directory.
///
/// For example: `flare-kube man --output ~/.local/share/man/man1`
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The directory into which `flare-kube.1` and a page for each verb are written.
    #[arg(long, value_name = "DIR")]
    output: Option<PathBuf>,
}

/// Generates the pages from the definition of the command line.
pub(crate) fn run(context: &Context<'_>, arguments: &Arguments) -> Ended {
    let pages = pages(super::shown_command(context.environment))
        .map_err(|error| Diagnostic::error(Code::Internal, format!("the manual cannot be made: {error}")))?;
    let Some(output) = &arguments.output else {
        let text = pages.into_iter().next().map(|(_, page)| page).unwrap_or_default();
        return Ok(Outcome { data: json!({ "page": text }), text, warnings: Vec::new() });
    };
    let directory = context.environment.absolute(output)?;
    let mut text = String::new();
    let mut files = Vec::new();
    for (name, page) in pages {
        let path = directory.join(&name);
        flare_file_tree::write_file(&path, page.as_bytes(), 0o644, true)
            .map_err(|error| error.into_diagnostic(Code::InvalidArgs))?;
        text.push_str(&format!("{}\n", path.display()));
        files.push(path);
    }
    Ok(Outcome { data: json!({ "files": files }), text, warnings: Vec::new() })
}

/// File name and text of every page: the program first, then its verbs.
fn pages(command: clap::Command) -> std::io::Result<Vec<(String, String)>> {
    // Each page refers to those of all its verbs, so `help`, which has none, must not be one.
    let mut command = command.disable_help_subcommand(true);
    command.build();
    let mut pages = Vec::new();
    add_pages(&command, &mut pages)?;
    Ok(pages)
}

/// A built verb's display name is `flare-kube-VERB`, which becomes the title of its page.
fn add_pages(command: &clap::Command, pages: &mut Vec<(String, String)>) -> std::io::Result<()> {
    let title = command.get_display_name().unwrap_or("flare-kube");
    let mut page = Vec::new();
    clap_mangen::Man::new(command.clone()).render(&mut page)?;
    pages.push((format!("{title}.1"), String::from_utf8_lossy(&page).into_owned()));
    command.get_subcommands().filter(|verb| !verb.is_hide_set()).try_for_each(|verb| add_pages(verb, pages))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    #[test]
    fn every_page_that_a_page_refers_to_is_written() {
        let pages = super::pages(crate::cli::command()).unwrap();
        let names: BTreeSet<_> = pages.iter().map(|(name, _)| name.as_str()).collect();
        assert!(names.contains("flare-kube.1") && names.contains("flare-kube-launch-manifest.1"), "{names:?}");
        let mut references = 0;
        for (name, page) in &pages {
            let page = page.replace("\\-", "-");
            for reference in page.split("(1)").filter(|before| before.len() < page.len()) {
                let Some(title) = reference.split_whitespace().last().filter(|title| title.starts_with("flare-kube-")) else {
                    continue;
                };
                references += 1;
                assert!(names.contains(format!("{title}.1").as_str()), "{name} refers to {title}(1), which is not written");
            }
        }
        assert!(references >= names.len() - 1, "only {references} references were found");
    }
}

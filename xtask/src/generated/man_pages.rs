//! The manual pages for `man`, one for the program and one for each verb.

/// What every page is a part of, which its footer shows.
const SOURCE: &str = concat!("flare-kube ", env!("CARGO_PKG_VERSION"));

/// File name and text of every page: the program first, then its verbs.
pub(crate) fn man_pages(command: clap::Command) -> std::io::Result<Vec<(String, String)>> {
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
    clap_mangen::Man::new(command.clone()).source(SOURCE).render(&mut page)?;
    pages.push((format!("{title}.1"), String::from_utf8_lossy(&page).into_owned()));
    command.get_subcommands().filter(|verb| !verb.is_hide_set()).try_for_each(|verb| add_pages(verb, pages))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    #[test]
    fn every_page_that_a_page_refers_to_is_written() {
        let pages = super::man_pages(crate::command()).unwrap();
        let names: BTreeSet<_> = pages.iter().map(|(name, _)| name.as_str()).collect();
        assert!(names.contains("flare-kube.1") && names.contains("flare-kube-launch-manifest.1"), "{names:?}");
        let mut references = 0;
        for (name, page) in &pages {
            let page = page.replace("\\-", "-");
            let heading = page.lines().find(|line| line.starts_with(".TH ")).unwrap_or_default();
            assert!(heading.contains(super::SOURCE), "{name}: {heading}");
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

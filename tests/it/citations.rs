//! What comments, pages and test names cite is in the repository: numbered defects and checks, verbs, pages of `docs/`, paths, and nothing outside it.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use flare_doctor::CHECKS;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the tests are a directory of the workspace")
}

/// Files that may contain citations: sources, pages, chart templates; without this file, whose tests contain invalid ones.
fn citing_files() -> Vec<PathBuf> {
    let mut found = Vec::new();
    collect(root(), &mut found);
    found.retain(|path| path != &root().join(file!()) && !path.ends_with("tests/it/citations.rs"));
    assert!(found.len() > 200, "only {} files were found", found.len());
    found
}

/// The endings of files that may contain citations.
const CITING: [&str; 10] = ["rs", "md", "askama", "tpl", "yaml", "yml", "txt", "toml", "sh", "py"];

fn collect(directory: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(directory).unwrap_or_else(|error| panic!("{}: {error}", directory.display())) {
        let path = entry.expect("entry").path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if path.is_dir() {
            // Build output, and directories of git and of the fuzzer.
            if !["target", ".git", "corpus", "artifacts"].contains(&name) {
                collect(&path, found);
            }
        } else if path.extension().is_some_and(|ending| CITING.iter().any(|known| ending == *known)) {
            found.push(path);
        }
    }
}

/// The numbers that follow `defect` in a text: `defect 12`, `Defects 8, 11 and 34`, `defect_12_…`.
fn cited_numbers(text: &str) -> Vec<u32> {
    let text = joined(text).to_ascii_lowercase();
    let mut numbers = Vec::new();
    for (start, word) in text.match_indices("defect") {
        let rest = &text[start + word.len()..];
        let mut rest = rest.strip_prefix('s').unwrap_or(rest);
        while let Some((number, after)) = leading_number(rest) {
            numbers.push(number);
            rest = after;
        }
    }
    numbers
}

/// The lines of a text as one, without the signs that begin comments: a citation may be broken into two lines.
fn joined(text: &str) -> String {
    let lines = text.lines().map(|line| line.trim().trim_start_matches(['/', '!', '#']).trim_start());
    lines.collect::<Vec<_>>().join(" ")
}

/// A number at the start, after the separators allowed between a word and a number or in a list.
fn leading_number(text: &str) -> Option<(u32, &str)> {
    let separators = ["_", " ", ", ", " and ", " to ", " or "];
    let text = separators
        .iter()
        .filter_map(|separator| text.strip_prefix(separator))
        .find(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))?;
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    Some((text[..end].parse().ok()?, &text[end..]))
}

#[test]
fn citations_are_read_in_all_their_forms() {
    for (text, numbers) in [
        ("see defect 12.", vec![12]),
        ("(defects 8, 11 and 34)", vec![8, 11, 34]),
        ("fn defect_7_the_secret()", vec![7]),
        ("defects 2 to 6", vec![2, 6]),
        ("a defective 3", vec![]),
        ("their defects, 2 of them", vec![2]),
        ("no defect", vec![]),
        ("/// Defect 33: both files.", vec![33]),
        ("/// the chart (defect\n    /// 34), defects 12, 21,\n    /// 27.", vec![34, 12, 21, 27]),
    ] {
        assert_eq!(cited_numbers(text), numbers, "{text}");
    }
}

#[test]
fn every_cited_defect_is_a_row_of_the_list() {
    let page = std::fs::read_to_string(root().join("docs/defects.md")).expect("docs/defects.md");
    let rows: Vec<u32> = page.lines().filter_map(|line| line.strip_prefix("| ")?.split(' ').next()?.parse().ok()).collect();
    let known: BTreeSet<u32> = rows.iter().copied().collect();
    assert_eq!(known.len(), rows.len(), "a number stands twice in docs/defects.md");
    for path in citing_files() {
        let text = std::fs::read_to_string(&path).expect("text");
        let unknown: Vec<_> = cited_numbers(&text).into_iter().filter(|number| !known.contains(number)).collect();
        assert!(unknown.is_empty(), "{} cites the defects {unknown:?}, which docs/defects.md does not have", path.display());
    }
}

/// The checks that a text names: `D` and two digits, as a word.
fn cited_checks(text: &str) -> Vec<&str> {
    let words = text.split(|sign: char| !sign.is_ascii_alphanumeric() && sign != '_');
    let is_check = |word: &&str| {
        word.len() == 3 && word.strip_prefix('D').is_some_and(|number| number.bytes().all(|digit| digit.is_ascii_digit()))
    };
    words.filter(is_check).collect()
}

#[test]
fn every_cited_check_is_a_row_of_the_table() {
    assert_eq!(cited_checks("(D31), D31_X, ID31, `D1`, D123, D72: D4x"), ["D31", "D72"]);
    let mut seen = 0;
    for path in citing_files() {
        let text = std::fs::read_to_string(&path).expect("text");
        let cited = cited_checks(&text);
        seen += cited.len();
        let unknown: Vec<_> = cited.into_iter().filter(|id| CHECKS.iter().all(|check| check.id != *id)).collect();
        assert!(
            unknown.is_empty(),
            "{} cites the checks {unknown:?}, which `flare_doctor::CHECKS` does not have",
            path.display()
        );
    }
    assert!(seen > 200, "only {seen} citations of checks were found");
}

/// The verbs that a text names after the program, each with the word after it: `flare-kube launch run`, `cargo xtask test`.
fn cited_verbs(text: &str) -> Vec<(&str, Option<&str>)> {
    let programs = ["flare-kube ", "cargo xtask "];
    let lines = text.split('`').filter_map(|quoted| programs.iter().find_map(|program| quoted.strip_prefix(*program)));
    let is_word = |word: &&str| !word.starts_with('-') && word.chars().all(|sign| sign.is_ascii_lowercase() || sign == '-');
    let words = lines.map(|line| line.split_whitespace().take_while(is_word));
    words.filter_map(|mut words| Some((words.next()?, words.next()))).collect()
}

#[test]
fn every_cited_verb_is_one_of_the_command_line() {
    let text = "`flare-kube launch run --kit` `cargo xtask test` `flare-kube <verb>` flare-kube here";
    assert_eq!(cited_verbs(text), [("launch", Some("run")), ("test", None)]);
    let command = flare_kube::command();
    let mut seen = 0;
    for path in citing_files() {
        let text = std::fs::read_to_string(&path).expect("text");
        for (verb, next) in cited_verbs(&text) {
            seen += 1;
            let found = command.find_subcommand(verb);
            assert!(found.is_some(), "{} names the verb `{verb}`, which does not exist", path.display());
            // The word after a verb without verbs of its own is an argument.
            if let (Some(found), Some(next)) = (found.filter(|found| found.has_subcommands()), next) {
                assert!(found.find_subcommand(next).is_some(), "{}: `{verb}` has no `{next}`", path.display());
            }
        }
    }
    assert!(seen > 50, "only {seen} citations of verbs were found");
}

/// Texts in backticks that are paths from the root of the repository: with a `/`, without placeholders and blanks.
fn paths_in_backticks(text: &str) -> Vec<&str> {
    let outside_of_blocks = text.split("```").step_by(2);
    let quoted = outside_of_blocks.flat_map(|part| part.split('`').skip(1).step_by(2));
    let placeholders = ["VERB", "RELEASE", "{", "*", " ", "…", "::"];
    let directories_of_a_kit = ["startup/", "local/", "transfer/"];
    quoted
        .filter(|path| path.contains('/') && !placeholders.iter().any(|one| path.contains(one)))
        .filter(|path| !directories_of_a_kit.contains(path))
        .collect()
}

#[test]
fn every_path_in_the_guides_is_there() {
    assert_eq!(paths_in_backticks("`a/b.rs` x `y` `a/VERB.rs` `local/`\n```text\n`c/d`\n```\n`e/`"), ["a/b.rs", "e/"]);
    for page in ["ARCHITECTURE.md", "CONTRIBUTING.md"] {
        let text = std::fs::read_to_string(root().join(page)).expect("text");
        let paths = paths_in_backticks(&text);
        assert!(paths.len() > 10, "{page}: only {paths:?} were found");
        for path in paths {
            assert!(root().join(path).exists(), "{page} names `{path}`, which is not there");
        }
    }
}

#[test]
fn every_cited_page_is_there() {
    for path in citing_files() {
        let text = std::fs::read_to_string(&path).expect("text");
        for (start, _) in text.match_indices("docs/") {
            // A part of a longer path or URL is not a citation.
            if text[..start].ends_with(|before: char| before.is_alphanumeric() || "/-_.".contains(before))
                && !text[..start].ends_with("../")
            {
                continue;
            }
            let end = text[start..]
                .find(|c: char| !(c.is_ascii_alphanumeric() || "/-_.".contains(c)))
                .map_or(text.len(), |length| start + length);
            let cited = text[start..end].trim_end_matches(['.', '/']);
            assert!(root().join(cited).exists(), "{} cites `{cited}`, which is not there", path.display());
        }
    }
}

#[test]
fn nothing_is_cited_that_only_its_authors_can_open() {
    // Directories outside the repository, and numbered checks of a verb that does not exist.
    let outside = [
        "spec/behaviour",
        "spec/defects",
        "spec/launch-request",
        "spec/situations",
        "spec/running-flare",
        "reading/",
        "Doctor check",
        "doctor check",
    ];
    for path in citing_files() {
        let text = std::fs::read_to_string(&path).expect("text");
        let cited: Vec<_> = outside.into_iter().filter(|word| text.contains(word)).collect();
        assert!(cited.is_empty(), "{} cites {cited:?}", path.display());
    }
}

//! What `prepare --dry-run` shows: how the prepared copy differs from the kit.

use std::{collections::BTreeSet, fmt::Write as _};

use flare_diagnostic::printable;
use flare_file_tree::{Entry, FileTree, RelativePath};
use serde_json::{Value, json};

/// A file that the prepared copy has not, has besides, or has with another content.
#[derive(Debug)]
pub(crate) struct Change {
    path: String,
    kind: &'static str,
    /// The changed lines, for text files that were changed.
    lines: String,
}

impl Change {
    /// For machines: path and kind.
    pub(crate) fn data(&self) -> Value {
        json!({ "path": self.path, "change": self.kind })
    }

    /// For people: one line, and the changed lines below it.
    pub(crate) fn text(&self) -> String {
        let sign = match self.kind {
            "added" => '+',
            "removed" => '-',
            _ => '~',
        };
        format!("{sign} {}\n{}", printable(&self.path), self.lines)
    }
}

/// Compares a kit with its prepared copy, file by file, in the order of paths.
pub(crate) fn between(kit: &FileTree, prepared: &FileTree) -> Vec<Change> {
    let files = |tree: &FileTree| -> BTreeSet<RelativePath> {
        tree.iter().filter(|(_, entry)| matches!(entry, Entry::File { .. })).map(|(path, _)| path.clone()).collect()
    };
    let (before, after) = (files(kit), files(prepared));
    before.union(&after).filter_map(|path| change(path, kit, prepared, before.contains(path), after.contains(path))).collect()
}

fn change(path: &RelativePath, kit: &FileTree, prepared: &FileTree, before: bool, after: bool) -> Option<Change> {
    let name = path.to_string();
    let kind = match (before, after) {
        (true, false) => "removed",
        (false, true) => "added",
        _ if kit.get(&name) == prepared.get(&name) => return None,
        _ => "changed",
    };
    let lines = match (kind, kit.bytes(&name), prepared.bytes(&name)) {
        ("changed", Some(old), Some(new)) => changed_lines(old, new),
        _ => String::new(),
    };
    Some(Change { path: name, kind, lines })
}

/// Unified lines with a little context, of JSON in one layout for both sides. A line whose key sounds like a secret shows no
/// value.
fn changed_lines(old: &[u8], new: &[u8]) -> String {
    let (Some(old), Some(new)) = (readable(old), readable(new)) else { return String::new() };
    let difference = similar::TextDiff::from_lines(&old, &new);
    let mut text = String::new();
    for hunk in difference.unified_diff().context_radius(2).iter_hunks() {
        for line in hunk.iter_changes() {
            let _ = writeln!(text, "    {}{}", line.tag(), printable(&without_secret(line.value().trim_end())));
        }
    }
    text
}

/// JSON laid out as `prepare` lays it out, so that a difference in white space is none; other text as it is.
fn readable(bytes: &[u8]) -> Option<String> {
    match serde_json::from_slice::<Value>(bytes) {
        Ok(document) => serde_json::to_string_pretty(&document).ok(),
        Err(_) => String::from_utf8(bytes.to_vec()).ok(),
    }
}

fn without_secret(line: &str) -> String {
    const WORDS: [&str; 5] = ["password", "passwd", "token", "secret", "private"];
    match line.find(':') {
        Some(at) if WORDS.iter().any(|word| line[..at].to_lowercase().contains(word)) => format!("{}: (not shown)", &line[..at]),
        _ => line.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layout_is_no_difference_and_secrets_are_not_shown() {
        let old = br#"{"a":  1, "token": "T-1", "b": [1,2]}"#;
        let new = b"{\n \"a\": 1,\n \"token\": \"T-2\",\n \"b\": [1, 2]\n}";
        let lines = changed_lines(old, new);
        assert!(lines.contains("\"token\": (not shown)"), "{lines}");
        assert!(!lines.contains("T-1") && !lines.contains("T-2"), "{lines}");
        assert!(!lines.contains("-  \"a\""), "{lines}");
    }
}

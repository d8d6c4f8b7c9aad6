//! The difference between kit and prepared copy, for `prepare --dry-run`.

use std::{collections::BTreeSet, fmt::Write as _};

use flare_diagnostic::{is_secret_name, printable, without_secrets};
use flare_file_tree::{Entry, FileTree, RelativePath};
use serde_json::{Value, json};

/// A file that the prepared copy lacks, adds or changes.
#[derive(Debug)]
pub(crate) struct FileDifference {
    path: String,
    kind: &'static str,
    /// The changed lines, for text files that were changed.
    lines: String,
}

impl FileDifference {
    /// Path and kind as JSON.
    pub(crate) fn data(&self) -> Value {
        json!({ "path": self.path, "change": self.kind })
    }

    /// The change as text: one line, and the changed lines below it.
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
pub(crate) fn between(kit: &FileTree, prepared: &FileTree) -> Vec<FileDifference> {
    let files = |tree: &FileTree| -> BTreeSet<RelativePath> {
        tree.iter().filter(|(_, entry)| matches!(entry, Entry::File { .. })).map(|(path, _)| path.clone()).collect()
    };
    let (before, after) = (files(kit), files(prepared));
    before.union(&after).filter_map(|path| change(path, kit, prepared, before.contains(path), after.contains(path))).collect()
}

fn change(path: &RelativePath, kit: &FileTree, prepared: &FileTree, before: bool, after: bool) -> Option<FileDifference> {
    let name = path.to_string();
    let kind = match (before, after) {
        (true, false) => "removed",
        (false, true) => "added",
        _ if are_equal(kit.get(&name), prepared.get(&name)) => return None,
        _ => "changed",
    };
    let lines = match (kind, kit.bytes(&name), prepared.bytes(&name)) {
        ("changed", old, new) if old == new => mode_lines(kit.get(&name), prepared.get(&name)),
        ("changed", Some(old), Some(new)) => changed_lines(old, new),
        _ => String::new(),
    };
    Some(FileDifference { path: name, kind, lines })
}

/// Whether two files are equal, of which either may have stayed on disk.
fn are_equal(old: Option<&Entry>, new: Option<&Entry>) -> bool {
    let (Some(Entry::File { content: old, mode: before }), Some(Entry::File { content: new, mode: after })) = (old, new) else {
        return old == new;
    };
    let have_one_digest = || matches!((old.digest(), new.digest()), (Ok(old), Ok(new)) if old == new);
    before == after && old.len() == new.len() && (old == new || have_one_digest())
}

/// How the permissions of a file with unchanged content differ.
fn mode_lines(old: Option<&Entry>, new: Option<&Entry>) -> String {
    let mode = |entry: Option<&Entry>| entry.map_or(0, Entry::mode);
    format!("    mode {:04o} becomes {:04o}\n", mode(old), mode(new))
}

/// The lines that were removed and added. Of JSON only what differs is shown, with the same layout for both sides, and without the
/// values of equal parts and of keys that sound like a secret.
fn changed_lines(old: &[u8], new: &[u8]) -> String {
    // Values of JSON are hidden by their keys, other text line by line.
    let (old, new, shown): (_, _, fn(&str) -> String) = match (without_equal_parts(old, new), as_text(old), as_text(new)) {
        (Some((old, new)), ..) => (old, new, |line| without_secrets(line).into_owned()),
        (None, Some(old), Some(new)) => (old, new, without_secret),
        _ => return String::new(),
    };
    let difference = similar::TextDiff::from_lines(&old, &new);
    let mut text = String::new();
    for hunk in difference.unified_diff().context_radius(0).iter_hunks() {
        for line in hunk.iter_changes() {
            let _ = writeln!(text, "    {}{}", line.tag(), printable(&shown(line.value().trim_end())));
        }
    }
    text
}

/// Two JSON documents without their equal parts, in the same layout, so that white space does not count as a difference.
fn without_equal_parts(old: &[u8], new: &[u8]) -> Option<(String, String)> {
    let (mut old, mut new) = (serde_json::from_slice(old).ok()?, serde_json::from_slice(new).ok()?);
    hide_secrets(&mut old, &mut new);
    hide_equal(&mut old, &mut new);
    Some((serde_json::to_string_pretty(&old).ok()?, serde_json::to_string_pretty(&new).ok()?))
}

fn as_text(bytes: &[u8]) -> Option<String> {
    String::from_utf8(bytes.to_vec()).ok()
}

/// Replaces a part that is equal in both documents.
const EQUAL: &str = "(unchanged)";
/// Replaces the value of a key that sounds like a secret.
const SECRET: &str = "(hidden)";

/// Replaces what is equal in both documents, except the ids that identify components.
fn hide_equal(old: &mut Value, new: &mut Value) {
    match (old, new) {
        (Value::Object(old), Value::Object(new)) => {
            for (key, old) in old.iter_mut().filter(|(key, _)| *key != "id") {
                match new.get_mut(key) {
                    Some(new) if *new == *old => (*old, *new) = (json!(EQUAL), json!(EQUAL)),
                    Some(new) => hide_equal(old, new),
                    None => {}
                }
            }
        }
        (Value::Array(old), Value::Array(new)) => {
            for old in old.iter_mut() {
                if let Some(new) = new.iter_mut().find(|new| *new == old) {
                    let shown = json!(id(old).map_or_else(|| EQUAL.to_owned(), |id| format!("{id} {EQUAL}")));
                    (*old, *new) = (shown.clone(), shown);
                } else if let Some(new) = new.iter_mut().find(|new| id(old).is_some() && id(new) == id(old)) {
                    hide_equal(old, new);
                }
            }
        }
        _ => {}
    }
}

/// The id of a component.
fn id(component: &Value) -> Option<&str> {
    component.get("id")?.as_str()
}

/// Replaces all values of keys that sound like a secret; if both sides have one, shows whether they differ.
fn hide_secrets(old: &mut Value, new: &mut Value) {
    let before = old.clone();
    hide_in(old, None);
    hide_in(new, Some(&before));
}

fn hide_in(value: &mut Value, before: Option<&Value>) {
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                let before = before.and_then(|before| before.get(key));
                if is_secret_name(key) {
                    let differs = before.is_some_and(|before| before != value);
                    *value = json!(if differs { "(hidden, another than before)" } else { SECRET });
                } else {
                    hide_in(value, before);
                }
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter_mut().enumerate() {
                let same_id = |before: &&Value| id(item).is_some() && id(before) == id(item);
                let list = before.and_then(Value::as_array);
                let before = list.and_then(|list| list.iter().find(same_id).or_else(|| list.get(index)));
                hide_in(item, before);
            }
        }
        _ => {}
    }
}

/// A line without what looks like a key or a credential, and without a value after a name that sounds like one.
fn without_secret(line: &str) -> String {
    match line.find([':', '=']) {
        Some(at) if is_secret_name(&line[..at]) => format!("{} {SECRET}", &line[..=at]),
        _ => without_secrets(line).into_owned(),
    }
}

#[cfg(test)]
mod tests {
    use flare_file_tree::Content;

    use super::*;

    #[test]
    fn a_file_that_stayed_on_disk_differs_by_its_content() {
        let directory = tempfile::TempDir::new().unwrap();
        let source = directory.path().join("model");
        flare_file_tree::write_file(&source, b"12", 0o600, false).unwrap();
        let on_disk = |length| Entry::File { content: Content::OnDisk { source: source.clone(), length }, mode: 0o644 };
        let in_memory = |bytes: &[u8], mode| Entry::File { content: Content::Bytes(bytes.to_vec()), mode };
        let same = |old: Entry, new: Entry| are_equal(Some(&old), Some(&new));
        assert!(same(on_disk(2), in_memory(b"12", 0o644)));
        assert!(!same(on_disk(2), in_memory(b"13", 0o644)) && !same(on_disk(2), in_memory(b"12", 0o755)));
        assert!(!same(on_disk(3), in_memory(b"123", 0o644)), "it was changed meanwhile");
    }

    #[test]
    fn layout_is_no_difference_and_secrets_are_not_shown() {
        let old = br#"{"a":  1, "token": "T-1", "b": [1,2], "private": {"x": ["T-1"]}}"#;
        let new = b"{\n \"a\": 1,\n \"token\": \"T-2\",\n \"b\": [1, 2],\n \"private\": {\"x\": [\"T-1\"]}\n}";
        assert_eq!(
            changed_lines(old, new),
            "    -  \"token\": \"(hidden)\",\n    +  \"token\": \"(hidden, another than before)\",\n"
        );
        let keys = changed_lines(br#"{"api_key": "T-1"}"#, br#"{"api_key": "T-2"}"#);
        assert_eq!(keys, "    -  \"api_key\": \"(hidden)\"\n    +  \"api_key\": \"(hidden, another than before)\"\n");
        for text in ["export TOKEN=T-1", "password: T-1", "API-Key: T-1", "url = https://jane:T-1@example.org/"] {
            let lines = changed_lines(b"", format!("{text}\n").as_bytes());
            assert!(lines.starts_with("    +") && !lines.contains("T-1"), "{lines}");
        }
    }

    #[test]
    fn no_value_of_an_unchanged_component_is_shown() {
        let component = |id: &str, value: &str| format!(r#"{{"id": "{id}", "path": "x", "args": {{"value": "{value}"}}}}"#);
        let (first, kept, last) = (component("first", "FIRST"), component("kept", "KEPT"), component("last", "LAST"));
        let added = component("added", "ADDED");
        let old = format!(r#"{{"note": "NOTE", "components": [{first}, {kept}, {last}]}}"#);
        let new = format!(r#"{{"note": "NOTE", "components": [{added}, {kept}, {}]}}"#, component("last", "OTHER"));
        let lines = changed_lines(old.as_bytes(), new.as_bytes());
        for shown in ["FIRST", "ADDED", "LAST", "OTHER"] {
            assert!(lines.contains(shown), "{shown} is missing:\n{lines}");
        }
        for hidden in ["KEPT", "NOTE"] {
            assert!(!lines.contains(hidden), "{hidden} is shown:\n{lines}");
        }
    }
}

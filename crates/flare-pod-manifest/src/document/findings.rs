//! The faults of one file, collected in any order and returned in file order.

use flare_diagnostic::{Code, Diagnostic, Place, Position, shown};

use super::{KeyValue, Kind, Node};

/// A file's name and text; places are computed only for faults.
struct SourceText<'text> {
    file: &'text str,
    text: &'text str,
}

/// All faults of one file.
pub(crate) struct Findings<'text> {
    source: SourceText<'text>,
    /// The sort key (an offset), whether it is also the fault's place, and the fault.
    found: Vec<(usize, bool, Diagnostic)>,
}

const QUOTE: &str = "put the value in quotes";

impl<'text> Findings<'text> {
    pub(crate) fn new(file: &'text str, text: &'text str) -> Self {
        Self { source: SourceText { file, text }, found: Vec::new() }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// Adds a fault at a byte offset.
    pub(crate) fn at(&mut self, offset: usize, message: impl Into<String>, hint: Option<&str>) {
        self.push(offset, true, message, hint);
    }

    /// Adds the fault of a file that cannot be parsed: names the file.
    pub(crate) fn unreadable(&mut self, offset: usize, what: &str, hint: &str) {
        let message = format!("the file `{}` {what}", self.source.file);
        self.at(offset, message, Some(hint));
    }

    /// Adds the fault of a duplicate key.
    pub(crate) fn doubled(&mut self, offset: usize, key: &str) {
        self.at(offset, format!("the key `{}` is written twice", shown(key)), Some("keep one of the two"));
    }

    /// Adds the fault of a key that is missing in `object`: named, without a position.
    pub(crate) fn missing(&mut self, object: &Node, path: &str) {
        self.push(object.offset, false, format!("`{path}` is missing"), None);
    }

    /// Adds the fault of a value of the wrong kind or content: names the key, never the value.
    pub(crate) fn wrong(&mut self, node: &Node, path: &str, rule: &str) {
        let (message, hint) = match node.kind {
            Kind::Ambiguous => (format!("`{path}` is an unquoted word that YAML 1.1 and YAML 1.2 read differently"), Some(QUOTE)),
            Kind::Bool(_) | Kind::Number(_) if rule.contains("string") => (format!("`{path}` must be {rule}"), Some(QUOTE)),
            _ => (format!("`{path}` must be {rule}"), None),
        };
        self.at(node.offset, message, hint);
    }

    /// Adds the fault of an unknown key.
    pub(crate) fn unknown(&mut self, entry: &KeyValue, path: &str, known: &[&str]) {
        let hint = flare_diagnostic::did_you_mean(&entry.key, known.iter().copied());
        let label = join(path, &entry.key);
        self.at(entry.key_offset, format!("`{label}` is not a known key"), Some(&hint));
    }

    /// Checks that an object has only known keys.
    pub(crate) fn only(&mut self, object: &Node, path: &str, known: &[&str]) {
        for entry in object.entries() {
            if !known.contains(&entry.key.as_str()) {
                self.unknown(entry, path, known);
            }
        }
    }

    /// The faults in file order.
    pub(crate) fn into_sorted(mut self) -> impl Iterator<Item = Diagnostic> {
        self.found.sort_by_key(|(offset, ..)| *offset);
        let mut walk = Walk::new(self.source.text);
        let file = self.source.file;
        let mut place = move |offset, own| {
            if own { Place::position(file, walk.to(offset)) } else { Place::file(file) }
        };
        self.found.into_iter().map(move |(offset, own, fault)| fault.at(place(offset, own)))
    }

    fn push(&mut self, offset: usize, own: bool, message: impl Into<String>, hint: Option<&str>) {
        let fault = Diagnostic::error(Code::InvalidLaunchRequest, message);
        self.found.push((offset, own, if let Some(hint) = hint { fault.hint(hint) } else { fault }));
    }
}

/// Computes positions of ascending offsets in one pass: a file on one line may have as many faults as keys.
struct Walk<'text> {
    rest: &'text str,
    offset: usize,
    position: Position,
}

impl<'text> Walk<'text> {
    fn new(text: &'text str) -> Self {
        Self { rest: text, offset: 0, position: Position { line: 1, column: 1 } }
    }

    /// The position of an offset, which must not be below the previous one.
    fn to(&mut self, offset: usize) -> Position {
        let mut characters = self.rest.char_indices();
        let mut passed = 0;
        for (at, character) in characters.by_ref() {
            passed = at;
            if self.offset + at >= offset {
                break;
            }
            passed = at + character.len_utf8();
            if character == '\n' {
                self.position = Position { line: self.position.line.saturating_add(1), column: 1 };
            } else {
                self.position.column = self.position.column.saturating_add(1);
            }
        }
        self.rest = &self.rest[passed..];
        self.offset += passed;
        self.position
    }
}

/// The path of a key below another one, as messages show it.
pub(crate) fn join(path: &str, key: &str) -> String {
    flare_yaml::key_path(path, &shown(key))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_strangers_are_shortened_in_paths() {
        assert_eq!(join("studies", "a\"b\n"), "studies.a\"b\\n");
        assert_eq!(join("studies", &"k".repeat(1000)), format!("studies.{}…", "k".repeat(80)));
        assert_eq!(join("", "job_meta"), "job_meta");
    }

    #[test]
    fn a_walk_finds_the_positions_of_the_line_index() {
        let text = "ä: b\n\nsecond €\nx";
        let index = flare_diagnostic::LineIndex::new(text);
        let mut walk = Walk::new(text);
        for (offset, _) in text.char_indices().chain([(text.len(), ' '), (text.len() + 9, ' ')]) {
            assert_eq!(walk.to(offset), index.position(offset), "{offset}");
            assert_eq!(walk.to(offset), index.position(offset), "{offset} again");
        }
    }
}

//! Files of the kit as text, and faults that point into them.

use flare_diagnostic::{Code, Diagnostic, LineIndex, Place, Position};
use flare_file_tree::{Entry, FileTree};
use serde_json::value::RawValue;

/// A file of the kit that holds JSON without a syntax error.
pub(crate) struct Source<'kit> {
    /// Its path below the kit.
    pub(crate) file: &'static str,
    /// The text.
    pub(crate) text: &'kit str,
}

impl<'kit> Source<'kit> {
    /// Reads a file and checks that all of it is JSON. `None` where there is none.
    pub(crate) fn read(kit: &'kit FileTree, file: &'static str) -> Result<Option<Self>, Vec<Diagnostic>> {
        if !is_present(kit, file)? {
            return Ok(None);
        }
        let Some(bytes) = kit.bytes(file) else {
            return Err(vec![
                fault(file, format!("`{file}` is too large to be read")).hint("check that it is the file you meant"),
            ]);
        };
        let text = std::str::from_utf8(bytes).map_err(|error| vec![not_utf8(file, bytes, error.valid_up_to())])?;
        match serde_json::from_str::<&RawValue>(text) {
            Ok(_) => Ok(Some(Self { file, text })),
            Err(error) => Err(vec![not_json(file, text, &error)]),
        }
    }

    /// A fault at a part of this file's text.
    pub(crate) fn fault(&self, part: &str, message: String) -> Diagnostic {
        Diagnostic::error(Code::InvalidKit, message).at(self.place(part))
    }

    /// Where a part of this file's text stands; the whole file where the part is not a piece of it.
    pub(crate) fn place(&self, part: &str) -> Place {
        let offset = (part.as_ptr() as usize).wrapping_sub(self.text.as_ptr() as usize);
        if offset <= self.text.len() {
            Place::position(self.file, LineIndex::new(self.text).position(offset))
        } else {
            Place::file(self.file)
        }
    }
}

/// Whether there is a file of that path. A folder where a file belongs is a fault.
pub(crate) fn is_present(kit: &FileTree, file: &'static str) -> Result<bool, Vec<Diagnostic>> {
    match kit.get(file) {
        None => Ok(false),
        Some(Entry::File { .. }) => Ok(true),
        Some(Entry::Folder { .. }) => Err(vec![
            fault(file, format!("`{file}` is a folder, and a file belongs there")).hint("move the folder out of the kit"),
        ]),
    }
}

/// The permission bits of a file that is there.
pub(crate) fn mode(tree: &FileTree, file: &str) -> Option<u32> {
    match tree.get(file) {
        Some(Entry::File { mode, .. }) => Some(*mode),
        _ => None,
    }
}

/// A fault of a whole file.
pub(crate) fn fault(file: &'static str, message: String) -> Diagnostic {
    Diagnostic::error(Code::InvalidKit, message).at(Place::file(file))
}

fn not_utf8(file: &'static str, bytes: &[u8], valid: usize) -> Diagnostic {
    let readable = String::from_utf8_lossy(&bytes[..valid]);
    let position = LineIndex::new(&readable).position(readable.len());
    Diagnostic::error(Code::InvalidKit, format!("`{file}` is not UTF-8"))
        .hint("save the file as UTF-8")
        .at(Place::position(file, position))
}

/// The parser's own words hold what it expected, never the text that it found.
fn not_json(file: &'static str, text: &str, error: &serde_json::Error) -> Diagnostic {
    let words = error.to_string();
    let reason = words.split(" at line ").next().unwrap_or("syntax error").to_owned();
    Diagnostic::error(Code::InvalidKit, format!("`{file}` is not JSON: {reason}"))
        .hint(if text.starts_with('\u{feff}') {
            "save the file without a byte order mark"
        } else {
            "correct the file, or take it from the kit as it was provisioned"
        })
        .at(Place::position(file, position_of(text, error)))
}

/// The parser says how many bytes of the line it took, 0 where that was the line break before it.
fn position_of(text: &str, error: &serde_json::Error) -> Position {
    let line_start = match error.line() {
        0 | 1 => 0,
        line => text.match_indices('\n').nth(line - 2).map_or(text.len(), |(at, _)| at + 1),
    };
    LineIndex::new(text).position((line_start + error.column()).saturating_sub(1))
}

#[cfg(test)]
mod tests {
    use flare_file_tree::RelativePath;

    use super::*;

    const FILE: &str = "local/comm_config.json";

    fn position(bytes: &[u8]) -> (u32, u32) {
        let mut kit = FileTree::new();
        kit.insert_file(RelativePath::literal(FILE), bytes, 0o644);
        let faults = Source::read(&kit, FILE).err().expect("a fault");
        let position = faults[0].place.as_ref().and_then(|place| place.position).expect("a position");
        (position.line, position.column)
    }

    #[test]
    fn syntax_faults_have_line_and_column_in_characters() {
        assert_eq!(position(b"{\n \"a\": 1,\n \"b\": tru\n}"), (3, 10));
        assert_eq!(position("{\n \"ä\": ?}".as_bytes()), (2, 7));
        assert_eq!(position(b""), (1, 1));
        assert_eq!(position(b"{} x"), (1, 4));
        assert_eq!(position(b"{\"a\": NaN}"), (1, 7));
        assert_eq!(position(b"{\"a\":\n \"\xff\"}"), (2, 3));
        assert_eq!(position("\u{feff}{}".as_bytes()), (1, 1));
    }

    #[test]
    fn numbers_and_escapes_that_rust_cannot_hold_are_json() {
        let mut kit = FileTree::new();
        let text = r#"{"a": 1e400, "b": "\ud800", "c": 123456789012345678901234567890}"#;
        kit.insert_file(RelativePath::literal(FILE), text, 0o644);
        assert_eq!(Source::read(&kit, FILE).unwrap().unwrap().text, text);
    }
}

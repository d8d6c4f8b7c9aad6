//! Files of the kit as text, and faults that point into them.

use flare_diagnostic::{Code, Diagnostic, LineIndex, Place};
use flare_file_tree::{Entry, FileTree};
use flare_yaml::json;

/// A file of the kit that is valid JSON.
pub(crate) struct JsonFile<'kit> {
    /// Its path below the kit.
    pub(crate) file: &'static str,
    /// The text.
    pub(crate) text: &'kit str,
}

impl<'kit> JsonFile<'kit> {
    /// Reads a file and checks that it is valid JSON. `None` if there is no such file.
    pub(crate) fn read(kit: &'kit FileTree, file: &'static str) -> Result<Option<Self>, Diagnostic> {
        if !is_present(kit, file)? {
            return Ok(None);
        }
        let Some(bytes) = kit.bytes(file) else {
            let fault = fault(file, format!("`{file}` is too large to be read"));
            return Err(fault.hint("check that it is the file you meant"));
        };
        let text = json::decode(bytes).and_then(|text| json::check(text).map(|_| text));
        text.map(|text| Some(Self { file, text })).map_err(|fault| fault.diagnostic(file, Code::InvalidKit))
    }

    /// A fault at a part of this file's text.
    pub(crate) fn fault(&self, part: &str, message: String) -> Diagnostic {
        Diagnostic::error(Code::InvalidKit, message).at(self.place(part))
    }

    /// The place of a part of this file's text; the whole file if the part is not a slice of it.
    pub(crate) fn place(&self, part: &str) -> Place {
        let offset = (part.as_ptr() as usize).wrapping_sub(self.text.as_ptr() as usize);
        if offset <= self.text.len() {
            Place::position(self.file, LineIndex::new(self.text).position(offset))
        } else {
            Place::file(self.file)
        }
    }
}

/// Whether there is a file of that path. A directory where a file belongs is a fault.
pub(crate) fn is_present(kit: &FileTree, file: &'static str) -> Result<bool, Diagnostic> {
    match kit.get(file) {
        None => Ok(false),
        Some(Entry::File { .. }) => Ok(true),
        Some(Entry::Directory { .. }) => {
            Err(fault(file, format!("`{file}` is a directory, and a file belongs there"))
                .hint("move the directory out of the kit"))
        }
    }
}

/// The permission bits of a file, if it exists.
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

#[cfg(test)]
mod tests {
    use flare_file_tree::RelativePath;

    use super::*;

    const FILE: &str = "local/comm_config.json";

    fn position(bytes: &[u8]) -> (u32, u32) {
        let mut kit = FileTree::new();
        kit.insert_file(RelativePath::literal(FILE), bytes, 0o644);
        let fault = JsonFile::read(&kit, FILE).err().expect("a fault");
        let position = fault.place.as_ref().and_then(|place| place.position).expect("a position");
        (position.line, position.column)
    }

    #[test]
    fn syntax_faults_have_line_and_column_in_characters() {
        assert_eq!(position(b"{\n \"a\": 1,\n \"b\": tru\n}"), (3, 7));
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
        assert_eq!(JsonFile::read(&kit, FILE).unwrap().unwrap().text, text);
    }
}

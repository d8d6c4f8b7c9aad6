//! Places in files. Lines and columns count from 1, columns in characters, as editors do.

use std::fmt;

use serde::{Serialize, Serializer, ser::SerializeMap};

/// A line and a column, both from 1; the column counts characters (Unicode scalar values), not bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// The line, from 1.
    pub line: u32,
    /// The column in characters, from 1.
    pub column: u32,
}

/// A file and, if known, the position in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The file as the user named it, or its path below the kit.
    pub file: String,
    /// The position; `None` where the whole file is meant, or a key that is missing.
    pub position: Option<Position>,
}

impl Place {
    /// A whole file.
    pub fn file(file: impl Into<String>) -> Self {
        Self { file: file.into(), position: None }
    }

    /// A position in a file.
    pub fn position(file: impl Into<String>, position: Position) -> Self {
        Self { file: file.into(), position: Some(position) }
    }
}

impl From<&std::path::Path> for Place {
    fn from(path: &std::path::Path) -> Self {
        Self::file(path.display().to_string())
    }
}

/// Shows `file:line:column`, or the file alone; its name is escaped like a message.
impl fmt::Display for Place {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let file = crate::shown(&self.file);
        match self.position {
            Some(Position { line, column }) => write!(formatter, "{file}:{line}:{column}"),
            None => formatter.write_str(&file),
        }
    }
}

/// Serializes as `{"file", "line", "column"}`; line and column are left out if they are not known. The file keeps its name, except
/// for a credential that somebody gave in place of a path.
impl Serialize for Place {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("file", &crate::without_secrets(&self.file))?;
        if let Some(position) = self.position {
            map.serialize_entry("line", &position.line)?;
            map.serialize_entry("column", &position.column)?;
        }
        map.end()
    }
}

/// Finds the position of a byte offset in a text; built once per text.
#[derive(Debug)]
pub struct LineIndex<'text> {
    text: &'text str,
    /// Byte offset at which each line starts.
    starts: Vec<usize>,
}

impl<'text> LineIndex<'text> {
    /// Reads the line starts of a text.
    pub fn new(text: &'text str) -> Self {
        let starts = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        Self { text, starts }
    }

    /// The position of a byte offset. An offset past the end or inside a character is moved back to the nearest
    /// character, so that no offset from a parser can make this fail.
    pub fn position(&self, offset: usize) -> Position {
        let mut offset = offset.min(self.text.len());
        while !self.text.is_char_boundary(offset) {
            offset -= 1;
        }
        let line = self.starts.partition_point(|&start| start <= offset).max(1) - 1;
        let column = self.text[self.starts[line]..offset].chars().count();
        let from_one = |zero_based: usize| u32::try_from(zero_based + 1).unwrap_or(u32::MAX);
        Position { line: from_one(line), column: from_one(column) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_count_characters_and_no_offset_is_out_of_reach() {
        let text = "ä: b\nsecond\n";
        let index = LineIndex::new(text);
        let at = |offset| {
            let Position { line, column } = index.position(offset);
            (line, column)
        };
        assert_eq!(at(0), (1, 1));
        assert_eq!(at(1), (1, 1), "inside a character: its start");
        assert_eq!(at(4), (1, 4));
        assert_eq!(at(6), (2, 1));
        assert_eq!(at(text.len()), (3, 1));
        assert_eq!(at(usize::MAX), (3, 1));
        assert_eq!(LineIndex::new("").position(7), Position { line: 1, column: 1 });
    }
}

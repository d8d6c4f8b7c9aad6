//! JSON files of a kit, read as FLARE's Python reads them: the last of two equal keys wins, a byte order mark is refused.
//! Never quotes the text of a file in a message.

use flare_diagnostic::{Code, Diagnostic, LineIndex, Place};
use flare_file_tree::FileTree;
use serde_json::{Map, Value};

const FIX_FILE: &str = "correct the file, or provision the project again";

/// An error about a whole file of the kit.
pub(crate) fn invalid(file: &str, message: impl Into<String>) -> Diagnostic {
    Diagnostic::error(Code::InvalidKit, message).at(Place::file(file))
}

/// The object in a JSON file of the kit.
pub(crate) fn object(tree: &FileTree, file: &str) -> Result<Map<String, Value>, Diagnostic> {
    let Some(bytes) = tree.bytes(file) else {
        return Err(missing_or_large(tree, file));
    };
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let valid = std::str::from_utf8(&bytes[..error.valid_up_to()]).unwrap_or_default();
        positioned(file, valid, valid.len(), format!("`{file}` is not UTF-8 text"))
    })?;
    if text.starts_with('\u{feff}') {
        return Err(positioned(file, text, 0, format!("`{file}` starts with a byte order mark"))
            .hint("save the file as UTF-8 without a byte order mark"));
    }
    match serde_json::from_str(text) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(other) => Err(invalid(file, format!("`{file}` holds {}, not a JSON object", kind(&other))).hint(FIX_FILE)),
        Err(error) => Err(positioned(file, text, offset(text, &error), format!("`{file}` is not JSON: {}", reason(&error)))),
    }
}

fn missing_or_large(tree: &FileTree, file: &str) -> Diagnostic {
    if tree.is_file(file) {
        invalid(file, format!("`{file}` is too large for a file of this kind")).hint(FIX_FILE)
    } else {
        invalid(file, format!("the kit has no `{file}`")).hint("name the folder of a complete startup kit, as provision made it")
    }
}

fn positioned(file: &str, text: &str, offset: usize, message: String) -> Diagnostic {
    Diagnostic::error(Code::InvalidKit, message).at(Place::position(file, LineIndex::new(text).position(offset))).hint(FIX_FILE)
}

/// `serde_json` counts bytes from 1 within a line; our places count characters.
fn offset(text: &str, error: &serde_json::Error) -> usize {
    let start: usize = text.split_inclusive('\n').take(error.line().saturating_sub(1)).map(str::len).sum();
    start + error.column().saturating_sub(1)
}

/// The parser's words without its own place, which counts bytes.
fn reason(error: &serde_json::Error) -> String {
    let words = error.to_string();
    words.rfind(" at line ").map_or(words.clone(), |at| words[..at].to_owned())
}

/// What Python's `or` passes over: FLARE counts all of these as missing.
pub(crate) fn is_missing(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::Bool(true) => false,
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(object) => object.is_empty(),
    }
}

/// The value of a key where it counts as there.
pub(crate) fn present<'value>(object: &'value Map<String, Value>, key: &str) -> Option<&'value Value> {
    object.get(key).filter(|value| !is_missing(value))
}

/// A value's kind, for messages.
pub(crate) const fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

//! JSON files of a kit, read as FLARE's Python reads them: the last of two equal keys wins, a byte order mark is refused.
//! Messages never quote the text of a file.

use flare_diagnostic::{Code, Diagnostic, Place};
use flare_file_tree::FileTree;
use flare_yaml::json;
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
    match json::decode(bytes).and_then(json::from_text) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(other) => Err(invalid(file, format!("`{file}` holds {}, not a JSON object", kind(&other))).hint(FIX_FILE)),
        Err(fault) => Err(fault.diagnostic(file, Code::InvalidKit)),
    }
}

fn missing_or_large(tree: &FileTree, file: &str) -> Diagnostic {
    if tree.is_file(file) {
        invalid(file, format!("`{file}` is too large for a file of this kind")).hint(FIX_FILE)
    } else {
        invalid(file, format!("the kit has no `{file}`"))
            .hint("name the directory of a complete startup kit, as provision made it")
    }
}

/// The value of a key, if FLARE counts it as present: a value that is false in Python counts as missing.
pub(crate) fn present<'value>(object: &'value Map<String, Value>, key: &str) -> Option<&'value Value> {
    object.get(key).filter(|value| json::is_true(value))
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

//! A file of Helm values, with the place of each fault.

use std::path::Path;

use flare_diagnostic::{Code, Diagnostic, Faults, LineIndex, Place};
use flare_yaml::python::{Kind, Parsed, read_yaml};
use serde_json::{Map, Value};

/// The maximum size of a values file, in bytes.
const LARGEST: u64 = 8 << 20;

/// Reads a values file as Helm does, but for merge keys: Helm lets a `<<` win that stands after other keys, and `PyYAML`, as here, never.
///
/// # Errors
/// `INVALID_VALUES`, with the place.
pub(crate) fn values_of_file(file: &Path) -> Result<Map<String, Value>, Faults> {
    let bytes = flare_file_tree::read_file(file, LARGEST, Code::InvalidValues, Code::InvalidValues)?;
    let name = file.to_string_lossy();
    let wrong = |message: String, hint: &str| Diagnostic::error(Code::InvalidValues, message).hint(hint.to_owned());
    let Ok(text) = std::str::from_utf8(&bytes) else {
        return Err(wrong("the values file is not UTF-8".to_owned(), "save it as UTF-8").at(Place::file(name)).into());
    };
    match read_yaml(text) {
        Ok(Parsed { root, .. }) if matches!(root.kind, Kind::Null | Kind::Object(_)) => match root.to_json() {
            Value::Object(values) => Ok(values),
            _ => Ok(Map::new()),
        },
        Ok(_) => Err(wrong("the values file is not a mapping of keys to values".to_owned(), "write `key: value` lines")
            .at(Place::file(name))
            .into()),
        Err(unreadable) => {
            let place = Place::position(name, LineIndex::new(text).position(unreadable.offset));
            Err(wrong(format!("the values file {}", unreadable.what), unreadable.hint).at(place).into())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_helm_could_not_read_is_named_with_its_place() {
        let directory = tempfile::TempDir::new().unwrap();
        let file = directory.path().join("v.yaml");
        let fault = |text: &[u8]| {
            flare_file_tree::write_file(&file, text, 0o600, true).unwrap();
            values_of_file(&file).unwrap_err().first().clone()
        };
        for text in [&b"a: [1"[..], b"- a\n", b"text", b"\xff\xfe"] {
            let fault = fault(text);
            assert_eq!(fault.code, Code::InvalidValues);
            assert!(fault.place.is_some() && fault.hint.is_some(), "{fault:?}");
        }
        let missing = values_of_file(Path::new("/nowhere/v.yaml")).unwrap_err();
        assert_eq!(missing.first().code, Code::InvalidValues);
        for empty in ["", "# nothing\n", "{}\n"] {
            flare_file_tree::write_file(&file, empty.as_bytes(), 0o600, true).unwrap();
            assert!(values_of_file(&file).is_ok(), "{empty:?}");
        }
    }
}

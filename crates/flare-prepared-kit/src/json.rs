//! JSON looked up level by level, so that what nobody asks for may hold numbers and escapes that Rust has no type for
//! (`1e400`, lone surrogates): Python, for which the files are, reads them.

use std::{borrow::Borrow, collections::BTreeMap};

use serde::{Deserialize, Deserializer};
use serde_json::{Value, value::RawValue};

/// The value below a dotted path; of a key that is written twice the last one, as Python reads it.
pub(crate) fn lookup<'text>(raw: &'text str, path: &str) -> Option<&'text str> {
    path.split('.').try_fold(raw, |raw, key| {
        let members: BTreeMap<Key, &'text RawValue> = serde_json::from_str(raw).ok()?;
        members.get(key).map(|value| value.get())
    })
}

/// The elements of a list; none where the text is no list.
pub(crate) fn elements(raw: &str) -> Vec<&str> {
    let elements: Vec<&RawValue> = serde_json::from_str(raw).unwrap_or_default();
    elements.into_iter().map(RawValue::get).collect()
}

/// Whether a JSON text has a value.
pub(crate) fn equals(raw: Option<&str>, expected: &Value) -> bool {
    raw.and_then(|raw| serde_json::from_str::<Value>(raw).ok()).as_ref() == Some(expected)
}

/// A key; one that is no Unicode stays as it is written and equals none that we look for.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Key(String);

impl Borrow<str> for Key {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = <&RawValue>::deserialize(deserializer)?.get();
        Ok(Self(serde_json::from_str(raw).unwrap_or_else(|_| raw.to_owned())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_asks_for_may_hold_anything_that_python_reads() {
        let text = r#"{"\ud800": 1e400, "a": 1, "a": {"b": "\ud800", "c": [1e400, "x"]}}"#;
        assert_eq!(lookup(text, "a.b"), Some(r#""\ud800""#));
        assert_eq!(elements(lookup(text, "a.c").unwrap()), ["1e400", "\"x\""]);
        assert_eq!(lookup(text, "a.d"), None);
        assert_eq!(lookup(text, "a.b.c"), None);
        assert!(equals(Some("\"x\""), &"x".into()) && !equals(Some("1e400"), &1.into()) && !equals(None, &Value::Null));
    }
}

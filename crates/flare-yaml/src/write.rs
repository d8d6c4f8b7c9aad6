//! Writes block YAML as people do, such that every reader takes it for what was meant.

use std::{borrow::Cow, collections::BTreeMap, fmt::Write as _};

use serde_json::{Map, Value};

use crate::{key, quote, scalar};

/// Which strings are quoted. Keys are quoted only where they must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Strings {
    /// All of them, for files that people edit and Helm reads: whoever changes a value sees that it is a string.
    Quoted,
    /// Those that a reader of YAML 1.1 or 1.2 would take for something else.
    Plain,
}

/// The comment lines above each key, by the key's dotted path from the root (`image.tag`). Lists have no paths.
pub type Comments = BTreeMap<String, Vec<String>>;

/// Writes a value as block YAML with a line end. Empty lists and objects stand as `[]` and `{}`, null as `null`.
///
/// ```
/// use flare_yaml::{Strings, block};
///
/// let pod = serde_json::json!({"kind": "Pod", "metadata": {"labels": {"app.kubernetes.io/name": "site-1", "on": "off"}}});
/// assert_eq!(
///     block(&pod, Strings::Plain),
///     "kind: Pod\nmetadata:\n  labels:\n    app.kubernetes.io/name: site-1\n    \"on\": \"off\"\n"
/// );
/// ```
pub fn block(value: &Value, strings: Strings) -> String {
    let mut writer = Writer { text: String::new(), strings, comments: &Comments::new() };
    writer.nested(value, Some(""), 0);
    writer.text
}

/// Several values as one stream of documents, as `kubectl apply -f -` takes it; strings are quoted only where they must be.
pub fn documents<'values>(values: impl IntoIterator<Item = &'values Value>) -> String {
    values.into_iter().map(|value| format!("---\n{}", block(value, Strings::Plain))).collect()
}

/// Writes an object with comments; each commented key of the root has an empty line above it.
pub fn commented_block(map: &Map<String, Value>, strings: Strings, comments: &Comments) -> String {
    let mut writer = Writer { text: String::with_capacity(12 * 1024), strings, comments };
    writer.map(map, Some(""), 0);
    writer.text
}

struct Writer<'comments> {
    text: String,
    strings: Strings,
    comments: &'comments Comments,
}

impl Writer<'_> {
    /// `path` is `None` in a list, where no key has comments.
    fn nested(&mut self, value: &Value, path: Option<&str>, indent: usize) {
        match value {
            Value::Object(map) if !map.is_empty() => self.map(map, path, indent),
            Value::Array(items) if !items.is_empty() => self.list(items, indent),
            scalar => {
                let scalar = self.scalar(scalar);
                let _ = writeln!(self.text, "{:indent$}{scalar}", "");
            }
        }
    }

    fn map(&mut self, map: &Map<String, Value>, path: Option<&str>, indent: usize) {
        for (name, value) in map {
            let path = path.map(|path| if path.is_empty() { name.clone() } else { format!("{path}.{name}") });
            if let Some(lines) = path.as_ref().and_then(|path| self.comments.get(path)) {
                if indent == 0 && !self.text.is_empty() {
                    self.text.push('\n');
                }
                for line in lines {
                    let _ = writeln!(self.text, "{:indent$}# {line}", "");
                }
            }
            let _ = write!(self.text, "{:indent$}{}:", "", key(name));
            if is_nested(value) {
                self.text.push('\n');
                self.nested(value, path.as_deref(), indent + 2);
            } else {
                let scalar = self.scalar(value);
                let _ = writeln!(self.text, " {scalar}");
            }
        }
    }

    fn list(&mut self, items: &[Value], indent: usize) {
        for item in items {
            let start = self.text.len();
            self.nested(item, None, indent + 2);
            // The dash takes the place of the indentation of the item's first line.
            self.text.replace_range(start + indent..start + indent + 2, "- ");
        }
    }

    fn scalar<'value>(&self, value: &'value Value) -> Cow<'value, str> {
        match value {
            Value::String(text) if self.strings == Strings::Plain => scalar(text),
            Value::String(text) => quote(text).into(),
            other => other.to_string().into(),
        }
    }
}

fn is_nested(value: &Value) -> bool {
    value.as_object().is_some_and(|map| !map.is_empty()) || value.as_array().is_some_and(|items| !items.is_empty())
}

#[cfg(test)]
mod tests {
    use flare_diagnostic::Code;
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn nested_values_stand_in_blocks() {
        let value = json!({"a": [{"b": 1, "c": []}, [1, [2]], {}], "d": {"e": null}});
        let text = "a:\n  - b: 1\n    c: []\n  - - 1\n    - - 2\n  - {}\nd:\n  e: null\n";
        assert_eq!(block(&value, Strings::Plain), text);
        let comments = Comments::from([("d".to_owned(), vec!["of d".to_owned()]), ("d.e".to_owned(), vec!["of e".to_owned()])]);
        let Value::Object(map) = &value else { unreachable!() };
        assert!(commented_block(map, Strings::Quoted, &comments).ends_with("\n\n# of d\nd:\n  # of e\n  e: null\n"));
    }

    fn strict(text: &str) -> Value {
        crate::parse(text.as_bytes(), "x", Code::Internal).unwrap().root.to_json(Code::Internal).unwrap()
    }

    fn values() -> impl Strategy<Value = Value> {
        let text = prop_oneof![any::<String>(), "[-a-z0-9_.:/ #yYnNoO+~xe]{0,8}"];
        let leaf = prop_oneof![
            text.clone().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<bool>().prop_map(Value::from),
            Just(Value::Null)
        ];
        leaf.prop_recursive(4, 24, 4, move |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                proptest::collection::btree_map(text.clone(), inner, 0..4)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back_in_both_dialects(value in values()) {
            for strings in [Strings::Plain, Strings::Quoted] {
                let text = block(&value, strings);
                prop_assert_eq!(strict(&text), value.clone(), "{}", text);
                let python = crate::python::read_yaml(&text).ok().map(|parsed| parsed.root.to_json());
                prop_assert_eq!(python, Some(value.clone()), "{}", text);
            }
        }
    }
}

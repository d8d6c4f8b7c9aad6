//! `values.yaml` with a comment on every value. Every string is quoted: Helm reads YAML 1.1, in which `no`, `1e3` and `0x1F` are
//! no strings (defect 9).

use std::{collections::BTreeMap, fmt::Write as _};

use flare_yaml::quote;
use serde::Deserialize;
use serde_json::{Map, Value};

/// The comment lines of each value by its path, `image.tag` for example.
pub(crate) type Comments = BTreeMap<String, Vec<String>>;

/// What a comment needs of a schema; the rest is skipped, since this is read at each start.
#[derive(Deserialize)]
struct Described {
    #[serde(default)]
    description: String,
    #[serde(default)]
    properties: BTreeMap<String, Described>,
}

/// The comments of an embedded schema: the description of each property, wrapped.
pub(crate) fn comments(schema: &str) -> Comments {
    let schema = serde_json::from_str(schema).expect("an embedded schema, which the tests read");
    let mut comments = Comments::new();
    collect(&schema, "", &mut comments);
    comments
}

fn collect(schema: &Described, path: &str, comments: &mut Comments) {
    for (name, property) in &schema.properties {
        let path = join(path, name);
        let depth = path.matches('.').count();
        comments.insert(path.clone(), wrap(&property.description, 110 - 2 * depth));
        collect(property, &path, comments);
    }
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    for word in text.split_whitespace() {
        if !line.is_empty() && line.chars().count() + 1 + word.chars().count() > width {
            lines.push(std::mem::take(&mut line));
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    lines.push(line);
    lines
}

/// Writes values as block YAML; `comments` has those of our own keys, what is passed through has none.
pub(crate) fn document(values: &Map<String, Value>, comments: &Comments) -> String {
    let mut text = String::with_capacity(12 * 1024);
    write_map(&mut text, values, "", 0, comments);
    text
}

fn write_map(text: &mut String, map: &Map<String, Value>, path: &str, depth: usize, comments: &Comments) {
    for (name, value) in map {
        let path = join(path, name);
        let own = comments.get(&path);
        if let Some(lines) = own {
            if depth == 0 && !text.is_empty() {
                text.push('\n');
            }
            for line in lines {
                let _ = writeln!(text, "{:indent$}# {line}", "", indent = 2 * depth);
            }
        }
        let _ = write!(text, "{:indent$}{}:", "", if own.is_some() { name.clone() } else { key(name) }, indent = 2 * depth);
        write_value(text, value, &path, depth, comments);
    }
}

/// Writes what stands behind `key:`, with its line end.
fn write_value(text: &mut String, value: &Value, path: &str, depth: usize, comments: &Comments) {
    match value {
        Value::Object(map) if !map.is_empty() => {
            text.push('\n');
            write_map(text, map, path, depth + 1, comments);
        }
        Value::Array(items) if !items.is_empty() => {
            text.push('\n');
            write_items(text, items, depth + 1);
        }
        other => {
            let _ = writeln!(text, " {}", scalar(other));
        }
    }
}

/// Items that are no scalars are written in one line, as JSON, which YAML contains.
fn write_items(text: &mut String, items: &[Value], depth: usize) {
    for item in items {
        let _ = writeln!(text, "{:indent$}- {}", "", scalar(item), indent = 2 * depth);
    }
}

/// One line: a scalar, or a nested value in flow style.
fn scalar(value: &Value) -> String {
    match value {
        Value::String(text) => quote(text),
        Value::Array(items) => format!("[{}]", items.iter().map(scalar).collect::<Vec<_>>().join(", ")),
        Value::Object(map) => {
            let entries: Vec<_> = map.iter().map(|(name, value)| format!("{}: {}", quote(name), scalar(value))).collect();
            format!("{{{}}}", entries.join(", "))
        }
        other => other.to_string(),
    }
}

/// A passed-through key as it is where nothing can misread it, else quoted.
fn key(name: &str) -> String {
    let plain = name.len() > 3
        && name.bytes().all(|byte| byte.is_ascii_alphabetic())
        && !matches!(name.to_ascii_lowercase().as_str(), "true" | "false" | "null")
        || matches!(name, "cpu" | "add");
    if plain { name.to_owned() } else { quote(name) }
}

#[cfg(test)]
mod tests {
    use proptest::{prelude::any, proptest};
    use serde_json::json;

    use super::*;

    fn read(text: &str) -> Value {
        let code = flare_diagnostic::Code::InvalidConfig;
        flare_yaml::parse(text.as_bytes(), "values.yaml", code).unwrap().root.to_json(code).unwrap()
    }

    proptest! {
        /// A quoted string is the same string to a JSON reader and to a YAML reader, and stands in one line.
        #[test]
        fn a_quoted_string_is_read_as_it_was(text in any::<String>()) {
            let quoted = quote(&text);
            assert!(quoted.chars().all(|character| !character.is_control()));
            assert_eq!(serde_json::from_str::<String>(&quoted).unwrap(), text);
            assert_eq!(read(&quoted), text);
        }

        /// What is passed through is read as it was, whatever its keys are.
        #[test]
        fn a_nested_value_is_read_as_it_was(key in any::<String>(), text in any::<String>(), number in any::<i64>()) {
            let value = json!({"outer": {key.clone(): [text, {key: number}, [], {}], "none": null, "no": false}});
            let Value::Object(map) = &value else { unreachable!() };
            let document = document(map, &Comments::new());
            assert_eq!(read(&document), value, "{document}");
        }
    }

    #[test]
    fn comments_are_wrapped_at_words() {
        assert_eq!(wrap("one two three", 7), ["one two", "three"]);
        assert_eq!(wrap("unbreakable", 3), ["unbreakable"]);
    }
}

//! The comments of `values.yaml`: the description of each value in the schema.

use std::collections::BTreeMap;

use flare_yaml::{Comments, key_path};
use serde::Deserialize;

/// The parts of a schema that comments need; the rest is skipped, since it is parsed in every run.
#[derive(Deserialize)]
struct Described {
    #[serde(default)]
    description: String,
    #[serde(default)]
    properties: BTreeMap<String, Described>,
}

/// The comments of an embedded schema: the description of each property, wrapped.
pub(crate) fn of_schema(schema: &str) -> Comments {
    let schema = serde_json::from_str(schema).expect("an embedded schema, which the tests read");
    let mut comments = Comments::new();
    collect(&schema, "", &mut comments);
    comments
}

fn collect(schema: &Described, path: &str, comments: &mut Comments) {
    for (name, property) in &schema.properties {
        let path = key_path(path, name);
        let depth = path.matches('.').count();
        comments.insert(path.clone(), wrap(&property.description, 110 - 2 * depth));
        collect(property, &path, comments);
    }
}

fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let (mut line, mut length) = (String::new(), 0);
    for word in text.split_whitespace() {
        let added = word.chars().count();
        if !line.is_empty() && length + 1 + added > width {
            lines.push(std::mem::take(&mut line));
            length = 0;
        }
        if !line.is_empty() {
            line.push(' ');
            length += 1;
        }
        line.push_str(word);
        length += added;
    }
    lines.push(line);
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_are_wrapped_at_words() {
        assert_eq!(wrap("one two three", 7), ["one two", "three"]);
        assert_eq!(wrap("unbreakable", 3), ["unbreakable"]);
    }
}

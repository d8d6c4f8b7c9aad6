//! Labels: as the selector of nodes, and in an affinity.

use std::collections::BTreeMap;

use flare_names::{LABEL_DOMAIN_PATTERN, LABEL_PATTERN, Target, is_label_value, is_qualified_name};
use flare_yaml::{Node, NodeContent, Scalar, Style, key_path, shown};
use schemars::{Schema, json_schema};

use super::{ConfigReader, Shape, text::in_quotes};

/// The key of a label or a taint, as a regular expression.
pub(super) fn key_pattern() -> String {
    format!("^({LABEL_DOMAIN_PATTERN}/)?{LABEL_PATTERN}$")
}

/// The value of one.
pub(super) fn value_pattern() -> String {
    format!("^({LABEL_PATTERN})?$")
}

/// `job_launcher.node_selector`: labels with their values.
pub(crate) struct NodeSelector;

impl Shape for NodeSelector {
    type Output = BTreeMap<String, String>;

    fn read(node: &Node, path: &str, reader: &mut ConfigReader) -> Option<Self::Output> {
        let NodeContent::Mapping(entries) = &node.content else {
            let message = format!("`{path}` must be a mapping, not {}", node.describe());
            return reader.refuse(node, message, "write a line `label: value` for each label");
        };
        let mut labels = Some(BTreeMap::new());
        for entry in entries {
            let key = entry.key.text.as_str();
            let below = key_path(path, key);
            let is_key = is_qualified_name(key);
            if !is_key {
                reader.fault(&entry.key.file, entry.key.position, not_a_key(path, key), KEY_FORM);
            }
            let value = reader.label_value(&entry.value, &shown(&below));
            match (&mut labels, value) {
                (Some(labels), Some(value)) if is_key => drop(labels.insert(key.to_owned(), value)),
                _ => labels = None,
            }
        }
        labels
    }

    fn schema(_: &[Target]) -> Schema {
        json_schema!({
            "type": "object", "propertyNames": {"pattern": key_pattern()}, "additionalProperties": {"type": "string", "pattern": value_pattern()}
        })
    }
}

/// What keys of labels and taints look like.
pub(super) const KEY_FORM: &str = "use at most 63 letters, digits, `-`, `_` and `.`, with a letter or digit at both ends; before it may stand a lower-case domain and `/`";

/// What values of labels and taints look like.
pub(super) const VALUE_FORM: &str = "use at most 63 letters, digits, `-`, `_` and `.`, with a letter or digit at both ends";

/// The hint for a scalar that is not a string: quotes, if the text fits with them, otherwise the form that it should have.
fn quoted_or(scalar: &Scalar, fits: fn(&str) -> bool, form: &str) -> String {
    if fits(&scalar.text) { in_quotes(&scalar.text) } else { form.to_owned() }
}

/// The message about a text that is not a key of a label or a taint.
pub(super) fn not_a_key(path: &str, key: &str) -> String {
    format!("`{path}`: `{}` is not a key of a label", shown(key))
}

impl ConfigReader {
    /// A text that may be empty, if it is written in quotes. Quotes are proposed for a scalar that `fits` with them.
    pub(super) fn text_or_empty<'node>(
        &mut self,
        node: &'node Node,
        path: &str,
        fits: fn(&str) -> bool,
        form: &str,
    ) -> Option<&'node str> {
        match &node.content {
            NodeContent::Scalar(scalar) if scalar.text.is_empty() && scalar.style == Style::Quoted => Some(""),
            _ => self.text(node, path, |scalar: &Scalar| quoted_or(scalar, fits, form)),
        }
    }

    /// The value of a label or a taint.
    pub(super) fn label_value(&mut self, node: &Node, path: &str) -> Option<String> {
        let text = self.text_or_empty(node, path, is_label_value, VALUE_FORM)?;
        if is_label_value(text) {
            return Some(text.to_owned());
        }
        self.refuse(node, format!("`{path}`: `{}` is not a value of a label", shown(text)), VALUE_FORM)
    }

    /// The key of a label or a taint.
    pub(super) fn label_key<'node>(&mut self, node: &'node Node, path: &str) -> Option<&'node str> {
        let text = self.text(node, path, |scalar: &Scalar| quoted_or(scalar, is_qualified_name, KEY_FORM))?;
        if is_qualified_name(text) { Some(text) } else { self.refuse(node, not_a_key(path, text), KEY_FORM) }
    }
}

//! `job_launcher.tolerations`, by the rules that the API server applies to them.

use flare_diagnostic::did_you_mean;
use flare_names::{Target, is_label_value, is_qualified_name};
use flare_yaml::{Node, NodeContent, Style, key_path, shown};
use schemars::{Schema, json_schema};
use serde_json::{Map, Value, json};

use super::{
    ConfigReader, Shape,
    node_selector::{KEY_FORM, VALUE_FORM, key_pattern, not_a_key, value_pattern},
};

const KEYS: [&str; 5] = ["key", "operator", "value", "effect", "tolerationSeconds"];
const OPERATORS: [&str; 2] = ["Equal", "Exists"];
const EFFECTS: [&str; 3] = ["NoSchedule", "PreferNoSchedule", "NoExecute"];

/// A list of tolerations, as a pod's manifest has them.
pub(crate) struct Tolerations;

impl Shape for Tolerations {
    type Output = Vec<Map<String, Value>>;

    fn read(node: &Node, path: &str, reader: &mut ConfigReader) -> Option<Self::Output> {
        let NodeContent::Sequence(items) = &node.content else {
            let message = format!("`{path}` must be a list, not {}", node.describe());
            return reader.refuse(node, message, "write a line `- {key: KEY, operator: Exists}` for each taint");
        };
        let read: Vec<_> =
            items.iter().enumerate().map(|(index, item)| read(item, &format!("{path}[{index}]"), reader)).collect();
        read.into_iter().collect()
    }

    fn schema(_: &[Target]) -> Schema {
        let optional = |words: &[&str]| json!({"type": ["string", "null"], "enum": words.iter().map(|word| json!(word)).chain([Value::Null, json!("")]).collect::<Vec<_>>()});
        let mut operator = optional(&OPERATORS);
        operator["description"] = json!("Equal compares the value; Exists takes any, and without a key every taint.");
        json_schema!({
            "type": "array",
            "items": {
                "type": "object", "additionalProperties": false,
                "properties": {
                    "key": {"type": ["string", "null"], "anyOf": [{"pattern": key_pattern()}, {"const": ""}, {"type": "null"}]},
                    "operator": operator,
                    "value": {"type": ["string", "null"], "pattern": value_pattern()},
                    "effect": optional(&EFFECTS),
                    "tolerationSeconds": {"type": ["integer", "null"], "description": "Only with the effect NoExecute."}
                }
            }
        })
    }
}

/// The parts of a toleration that were written, each with its node.
#[derive(Default)]
struct Written<'node> {
    key: Option<(&'node Node, &'node str)>,
    operator: Option<&'node str>,
    value: Option<(&'node Node, &'node str)>,
    effect: Option<&'node str>,
    seconds: Option<(&'node Node, i64)>,
}

fn read(node: &Node, path: &str, reader: &mut ConfigReader) -> Option<Map<String, Value>> {
    let NodeContent::Mapping(entries) = &node.content else {
        let message = format!("`{path}` must be a mapping, not {}", node.describe());
        return reader.refuse(node, message, "write `{key: KEY, operator: Exists, effect: NoSchedule}`");
    };
    let mut written = Written::default();
    let mut sound = true;
    for entry in entries {
        let (key, value) = (entry.key.text.as_str(), &entry.value);
        let below = key_path(path, key);
        if !KEYS.contains(&key) {
            let message = format!("unknown key `{}`", shown(&below));
            reader.fault(&entry.key.file, entry.key.position, message, did_you_mean(key, KEYS));
            sound = false;
        } else if !value.is_null() {
            sound = written.take(key, value, &below, reader).is_some() && sound;
        }
    }
    (sound && written.check(node, path, reader)).then(|| written.into_map())
}

impl<'node> Written<'node> {
    /// Takes one part; `None` if it breaks a rule of its own.
    fn take(&mut self, key: &str, node: &'node Node, path: &str, reader: &mut ConfigReader) -> Option<()> {
        match key {
            "key" => {
                self.key = Some((node, reader.text_or_empty(node, path, is_qualified_name, KEY_FORM)?))
                    .filter(|(_, text)| !text.is_empty());
            }
            "operator" => self.operator = Some(reader.word_or_empty(node, path, &OPERATORS)?).filter(|word| !word.is_empty()),
            "value" => {
                self.value = Some((node, reader.text_or_empty(node, path, is_label_value, VALUE_FORM)?))
                    .filter(|(_, text)| !text.is_empty());
            }
            "effect" => self.effect = Some(reader.word_or_empty(node, path, &EFFECTS)?).filter(|word| !word.is_empty()),
            _ => {
                let seconds = reader.integer(node, path)?;
                let Ok(seconds) = i64::try_from(seconds) else {
                    let message = format!("`{path}` is {seconds}, which is too large");
                    return reader.refuse(node, message, "use a number of seconds below 2^63");
                };
                self.seconds = Some((node, seconds));
            }
        }
        Some(())
    }

    /// The rules between the parts.
    fn check(&self, node: &Node, path: &str, reader: &mut ConfigReader) -> bool {
        let exists = self.operator == Some("Exists");
        let mut faults: Vec<(&Node, String, &str)> = Vec::new();
        match self.key {
            None if !exists => {
                let message = format!("`{path}` has no key, and without one the operator must be `Exists`");
                faults.push((node, message, "name the taint's `key`, or write `operator: Exists` to tolerate every taint"));
            }
            Some((at, key)) if !is_qualified_name(key) => {
                faults.push((at, not_a_key(&key_path(path, "key"), key), KEY_FORM));
            }
            _ => {}
        }
        match self.value {
            Some((at, _)) if exists => {
                let message = format!("`{path}.value` must be left out with the operator `Exists`");
                faults.push((at, message, "remove the value, or write `operator: Equal`"));
            }
            Some((at, value)) if !is_label_value(value) => {
                let message = format!("`{path}.value`: `{}` is not a value of a taint", shown(value));
                faults.push((at, message, VALUE_FORM));
            }
            _ => {}
        }
        if let Some((at, _)) = self.seconds.filter(|_| self.effect != Some("NoExecute")) {
            let message = format!("`{path}.tolerationSeconds` needs the effect `NoExecute`");
            faults.push((at, message, "write `effect: NoExecute`, or remove the seconds"));
        }
        let sound = faults.is_empty();
        for (at, message, hint) in faults {
            reader.fault(&at.file, at.position, message, hint);
        }
        sound
    }

    fn into_map(self) -> Map<String, Value> {
        let parts = [
            ("key", self.key.map(|(_, text)| json!(text))),
            ("operator", self.operator.map(|text| json!(text))),
            ("value", self.value.map(|(_, text)| json!(text))),
            ("effect", self.effect.map(|text| json!(text))),
            ("tolerationSeconds", self.seconds.map(|(_, seconds)| json!(seconds))),
        ];
        parts.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?))).collect()
    }
}

impl ConfigReader {
    /// One of a few words, or the empty string, which Kubernetes takes as absent.
    fn word_or_empty<'node>(&mut self, node: &'node Node, path: &str, words: &[&'static str]) -> Option<&'node str> {
        match &node.content {
            NodeContent::Scalar(scalar) if scalar.text.is_empty() && scalar.style == Style::Quoted => Some(""),
            _ => self.one_of(node, path, words),
        }
    }
}

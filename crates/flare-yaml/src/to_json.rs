//! A tree as JSON, for what is passed through to Kubernetes or Helm.

use flare_diagnostic::{Code, Collector, Diagnostic, Faults};
use serde_json::{Map, Number, Value};

use crate::{Meaning, Node, NodeContent, Reading, Scalar, shown};

impl Node {
    /// The tree as JSON. An integer stays an integer, null stays null.
    ///
    /// Fails if a plain scalar means one thing in YAML 1.1, which FLARE and Helm read, and another in 1.2, and if a
    /// number has no JSON form; one fault for each such scalar, with `code`. A duplicate key keeps its first
    /// value: its fault is already in [`crate::Document::faults`].
    pub fn to_json(&self, code: Code) -> Result<Value, Faults> {
        let mut found = Collector::new();
        let value = convert(self, code, &mut found);
        found.finish(|| value).map(|checked| checked.value)
    }
}

fn convert(node: &Node, code: Code, found: &mut Collector) -> Value {
    match &node.content {
        NodeContent::Sequence(items) => items.iter().map(|item| convert(item, code, found)).collect(),
        NodeContent::Mapping(entries) => {
            let mut map = Map::new();
            for entry in entries {
                let value = convert(&entry.value, code, found);
                map.entry(entry.key.text.as_str()).or_insert(value);
            }
            Value::Object(map)
        }
        NodeContent::Scalar(scalar) => scalar.to_json(code).unwrap_or_else(|fault| {
            found.push(fault.at(node.place()));
            Value::Null
        }),
    }
}

impl Scalar {
    /// One scalar as JSON; the fault is without a place.
    pub fn to_json(&self, code: Code) -> Result<Value, Diagnostic> {
        let text = shown(&self.text);
        let meaning = match self.reading() {
            Reading::Same(meaning) => meaning,
            Reading::Differs { yaml_1_1, yaml_1_2 } => {
                let message = format!(
                    "the unquoted `{text}` is {} in YAML 1.1, which FLARE reads, and {} in YAML 1.2",
                    yaml_1_1.describe(),
                    yaml_1_2.describe()
                );
                return Err(Diagnostic::error(code, message)
                    .hint("put it in quotes if a string is meant, else write a plain decimal number, `true` or `false`"));
            }
        };
        let number = match meaning {
            Meaning::Null => return Ok(Value::Null),
            Meaning::Boolean(value) => return Ok(Value::Bool(value)),
            Meaning::Date | Meaning::String => return Ok(Value::String(self.text.clone())),
            Meaning::Integer(value) => Number::from_i128(value),
            Meaning::Float(value) => Number::from_f64(value),
        };
        number.map(Value::Number).ok_or_else(|| {
            Diagnostic::error(code, format!("the number `{text}` has no form in JSON"))
                .hint("put it in quotes if a string is meant, else write a number of at most 64 bits")
        })
    }
}

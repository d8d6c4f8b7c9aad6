//! A JSON or YAML file as a tree of nodes that know where they stand. Both formats end in one shape, so that every rule
//! is written once and each fault has its line and column.
//!
//! Nothing here is printed: a request holds tokens, so no type of this module has a `Debug` form.

mod findings;
mod json;
mod scalar;
mod yaml;

pub(crate) use findings::{Findings, join};
use serde_json::{Map, Value};

/// A value and the byte offset at which it starts in its file.
#[derive(Clone)]
pub(crate) struct Node {
    pub(crate) offset: usize,
    pub(crate) kind: Kind,
}

/// What a node is.
#[derive(Clone)]
pub(crate) enum Kind {
    Null,
    Bool(bool),
    Number(Number),
    Text(String),
    List(Vec<Node>),
    Object(Vec<Entry>),
    /// An unquoted YAML scalar that YAML 1.1 and YAML 1.2 read differently.
    Ambiguous,
}

/// A number as it is printed: in JSON as it stands there, in YAML as Python prints the value.
#[derive(Clone)]
pub(crate) struct Number {
    pub(crate) text: String,
    pub(crate) integer: bool,
}

/// A key and its value.
#[derive(Clone)]
pub(crate) struct Entry {
    pub(crate) key: String,
    pub(crate) key_offset: usize,
    /// False for a YAML key that is a number, a boolean or null.
    pub(crate) key_is_text: bool,
    pub(crate) value: Node,
}

impl Node {
    /// Reads JSON. `None` where it is no JSON; the fault is in `findings`.
    pub(crate) fn from_json(text: &str, findings: &mut Findings<'_>) -> Option<Self> {
        json::read(text, findings)
    }

    /// Reads one YAML document; an empty file is null. `None` where it is no YAML; the fault is in `findings`.
    pub(crate) fn from_yaml(text: &str, findings: &mut Findings<'_>) -> Option<Self> {
        yaml::read(text, findings)
    }

    pub(crate) fn is_null(&self) -> bool {
        matches!(self.kind, Kind::Null)
    }

    /// What Python calls false: null, `false`, zero, empty text, list or object.
    pub(crate) fn is_falsy(&self) -> bool {
        match &self.kind {
            Kind::Null => true,
            Kind::Bool(value) => !value,
            Kind::Number(number) => number.is_zero(),
            Kind::Text(text) => text.is_empty(),
            Kind::List(items) => items.is_empty(),
            Kind::Object(entries) => entries.is_empty(),
            Kind::Ambiguous => false,
        }
    }

    pub(crate) fn text(&self) -> Option<&str> {
        if let Kind::Text(text) = &self.kind { Some(text) } else { None }
    }

    /// The entries of an object; none for any other kind.
    pub(crate) fn entries(&self) -> &[Entry] {
        if let Kind::Object(entries) = &self.kind { entries } else { &[] }
    }

    /// The value of a key of an object. A doubled key is a fault already, its first value counts.
    pub(crate) fn get(&self, key: &str) -> Option<&Self> {
        self.entries().iter().find(|entry| entry.key == key).map(|entry| &entry.value)
    }

    /// As [`Self::get`], but null is as absent.
    pub(crate) fn get_non_null(&self, key: &str) -> Option<&Self> {
        self.get(key).filter(|node| !node.is_null())
    }

    /// The value as Kubernetes JSON, whole.
    pub(crate) fn to_json(&self) -> Value {
        match &self.kind {
            Kind::Null | Kind::Ambiguous => Value::Null,
            Kind::Bool(value) => Value::Bool(*value),
            Kind::Number(number) => number.to_json(),
            Kind::Text(text) => Value::String(text.clone()),
            Kind::List(items) => items.iter().map(Self::to_json).collect(),
            Kind::Object(entries) => {
                entries.iter().map(|entry| (entry.key.clone(), entry.value.to_json())).collect::<Map<_, _>>().into()
            }
        }
    }
}

impl Number {
    pub(crate) fn is_zero(&self) -> bool {
        self.text.parse::<f64>().is_ok_and(|value| value == 0.0)
    }

    pub(crate) fn is_negative(&self) -> bool {
        self.text.parse::<f64>().is_ok_and(|value| value < 0.0)
    }

    fn to_json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| Value::String(self.text.clone()))
    }

    /// A quantity. Kubernetes takes a number or a string; where a JSON number of this program would lose digits, the
    /// string keeps them.
    pub(crate) fn to_quantity(&self) -> Value {
        let digits = self.text.bytes().filter(u8::is_ascii_digit).count();
        if digits <= 15 { self.to_json() } else { Value::String(self.text.clone()) }
    }
}

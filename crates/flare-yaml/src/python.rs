//! JSON and YAML as FLARE's Python reads them, in one tree type, so that every rule about a file is written once.
//!
//! Files of study data, pod templates and launch requests may hold tokens, so no type of this module has a `Debug` form and
//! no fault quotes a value.

mod json;
mod scalar;
mod yaml;

pub use json::read_json;
use serde_json::{Map, Value};
pub use yaml::read_yaml;

/// A value and the byte offset at which it starts in its file.
#[derive(Clone)]
pub struct Node {
    /// Where it starts, in bytes from the start of the file.
    pub offset: usize,
    /// The value.
    pub kind: Kind,
}

/// What a node is.
#[derive(Clone)]
pub enum Kind {
    /// Nothing.
    Null,
    /// True or false.
    Bool(bool),
    /// A number.
    Number(Number),
    /// A string.
    Text(String),
    /// A list.
    List(Vec<Node>),
    /// Keys with values, in the order of the file.
    Object(Vec<KeyValue>),
    /// An unquoted YAML scalar that YAML 1.1 and YAML 1.2 read differently.
    Ambiguous,
}

/// A number as it is printed: from JSON as written, from YAML as Python prints the value.
#[derive(Clone)]
pub struct Number {
    /// The digits; `inf`, `-inf` and `nan` from YAML.
    pub text: String,
    /// Whether Python reads an `int`: not for `1.0`.
    pub integer: bool,
}

/// A key and its value.
#[derive(Clone)]
pub struct KeyValue {
    /// The key; for a YAML key that is a number, a boolean or null, its text.
    pub key: String,
    /// Where the key starts, in bytes from the start of the file.
    pub key_offset: usize,
    /// False for a YAML key that is a number, a boolean or null.
    pub key_is_text: bool,
    /// The value.
    pub value: Node,
}

/// A file that could be read.
pub struct Parsed {
    /// The whole document.
    pub root: Node,
    /// Duplicate keys and their offsets; their values are left out of the tree.
    pub doubled: Vec<(usize, String)>,
}

/// Why a file could not be read.
pub struct Unreadable {
    /// Where, in bytes from the start of the file.
    pub offset: usize,
    /// What is wrong: the end of a sentence about the file, such as `is not JSON: …`. Contains no value of it.
    pub what: String,
    /// What one can do about it.
    pub hint: &'static str,
}

impl Node {
    /// Whether it is null.
    pub fn is_null(&self) -> bool {
        matches!(self.kind, Kind::Null)
    }

    /// Whether Python counts it as false: null, `false`, zero, an empty text, list or object.
    pub fn is_falsy(&self) -> bool {
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

    /// The text of a string.
    pub fn text(&self) -> Option<&str> {
        if let Kind::Text(text) = &self.kind { Some(text) } else { None }
    }

    /// The entries of an object; none for any other kind.
    pub fn entries(&self) -> &[KeyValue] {
        if let Kind::Object(entries) = &self.kind { entries } else { &[] }
    }

    /// The value of a key of an object. A duplicate key is already a fault; its first value counts.
    pub fn get(&self, key: &str) -> Option<&Self> {
        self.entries().iter().find(|entry| entry.key == key).map(|entry| &entry.value)
    }

    /// Like [`Self::get`], but null counts as absent.
    pub fn get_non_null(&self, key: &str) -> Option<&Self> {
        self.get(key).filter(|node| !node.is_null())
    }

    /// The value as JSON. A number that JSON cannot express becomes its text, an ambiguous scalar null.
    pub fn to_json(&self) -> Value {
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
    /// Whether it is zero, of either sign.
    pub fn is_zero(&self) -> bool {
        self.text.parse::<f64>().is_ok_and(|value| value == 0.0)
    }

    /// Whether it is below zero.
    pub fn is_negative(&self) -> bool {
        self.text.parse::<f64>().is_ok_and(|value| value < 0.0)
    }

    /// The number as JSON, or its text if JSON has no such number.
    pub fn to_json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| Value::String(self.text.clone()))
    }
}

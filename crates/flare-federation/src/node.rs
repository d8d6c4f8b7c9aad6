//! Strict YAML as a tree in which every value and every key knows its place.
//!
//! This is the one module that knows the YAML reader. It stands in for `flare_site_config::yaml` until that module is there; nothing
//! else of this crate has to change then.

use std::fmt;

use flare_diagnostic::{Code, Diagnostic, Faults, Place, Position};
use serde::{Deserialize, Deserializer, de};
use serde_json::{Map, Number, Value};
use serde_yaml::{Location, Spanned};

/// A value with its place.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// The value.
    pub data: Data,
    /// Where it stands.
    pub place: Place,
}

/// What a node holds.
#[derive(Debug, Clone, PartialEq)]
pub enum Data {
    /// `null`, `~` or nothing.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// An integer or a finite fraction.
    Number(Number),
    /// A string.
    Text(String),
    /// A sequence.
    List(Vec<Node>),
    /// A mapping in the order of the file; no key twice.
    Mapping(Vec<Entry>),
}

/// One key of a mapping with its value.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// The key.
    pub key: String,
    /// Where the key stands.
    pub place: Place,
    /// The value.
    pub value: Node,
}

impl Node {
    /// Reads one document. `file` names it in places. The fault of a text that is no strict YAML has the code
    /// `INVALID_FEDERATION`.
    pub fn parse(bytes: &[u8], file: &str) -> Result<Self, Faults> {
        let text = text(bytes, file)?;
        let raw: Raw = serde_yaml::from_str_with_options(text, strict()).map_err(|error| syntax_fault(&error, file))?;
        Ok(raw.into_node(file))
    }

    /// This node with `over` laid over it: mappings are joined key by key, at every depth; anything else is replaced, by a
    /// `null` too. Each value keeps the place where it was written.
    #[must_use]
    pub fn overlay(self, over: Self) -> Self {
        let (mut entries, laid) = match (self.data, over.data) {
            (Data::Mapping(base), Data::Mapping(laid)) => (base, laid),
            (_, data) => return Self { data, place: over.place },
        };
        for entry in laid {
            match entries.iter().position(|known| known.key == entry.key) {
                Some(at) => {
                    let base = entries[at].value.clone();
                    entries[at] = Entry { value: base.overlay(entry.value), ..entry };
                }
                None => entries.push(entry),
            }
        }
        Self { data: Data::Mapping(entries), place: over.place }
    }

    /// The value of a key; `None` where this is no mapping or has no such key.
    pub fn get(&self, key: &str) -> Option<&Self> {
        match &self.data {
            Data::Mapping(entries) => entries.iter().find(|entry| entry.key == key).map(|entry| &entry.value),
            _ => None,
        }
    }

    /// What it is, with an article, for messages; never the value.
    pub const fn kind(&self) -> &'static str {
        match self.data {
            Data::Null => "nothing",
            Data::Bool(_) => "a boolean",
            Data::Number(_) => "a number",
            Data::Text(_) => "a string",
            Data::List(_) => "a list",
            Data::Mapping(_) => "a mapping",
        }
    }

    /// The value without places.
    pub fn to_json(&self) -> Value {
        match &self.data {
            Data::Null => Value::Null,
            Data::Bool(value) => Value::Bool(*value),
            Data::Number(value) => Value::Number(value.clone()),
            Data::Text(value) => Value::String(value.clone()),
            Data::List(items) => items.iter().map(Self::to_json).collect(),
            Data::Mapping(entries) => {
                Value::Object(entries.iter().map(|entry| (entry.key.clone(), entry.value.to_json())).collect::<Map<_, _>>())
            }
        }
    }
}

/// The largest file that is read.
const MAX_BYTES: usize = 1 << 20;

fn text<'bytes>(bytes: &'bytes [u8], file: &str) -> Result<&'bytes str, Faults> {
    let fault = |message: String| Diagnostic::error(Code::InvalidFederation, message).at(Place::file(file));
    if bytes.len() > MAX_BYTES {
        return Err(fault(format!("the file has {} bytes, and at most {MAX_BYTES} are read", bytes.len())).into());
    }
    std::str::from_utf8(bytes)
        .map_err(|error| fault(format!("byte {} is not UTF-8", error.valid_up_to() + 1)).hint("save the file as UTF-8").into())
}

fn strict() -> serde_yaml::Options {
    serde_yaml::options! {
        strict_booleans: true,
        leading_zero_numbers_as_strings: true,
        underscored_numbers_as_strings: true,
        merge_keys: serde_yaml::MergeKeyPolicy::Error,
        reject_unsupported_tags: true,
        budget: serde_yaml::budget! { max_nodes: 50_000, max_events: 200_000, max_aliases: 100, max_depth: 32 },
        with_snippet: false,
    }
}

/// The reader's own words may quote the file, so only their kind is kept: what follows the place is cut, and lines of the
/// source never come along (`with_snippet: false`).
fn syntax_fault(error: &serde_yaml::Error, file: &str) -> Faults {
    let reason = error.to_string();
    let reason = reason.lines().next().unwrap_or_default();
    let reason = reason.split(" at line ").next().unwrap_or_default().trim_end_matches('.');
    let place = error.location().map_or_else(|| Place::file(file), |location| place(location, file));
    Diagnostic::error(Code::InvalidFederation, format!("the file is not strict YAML: {reason}"))
        .hint("write one document, a mapping, each key once, without tags and merge keys")
        .at(place)
        .into()
}

fn place(location: Location, file: &str) -> Place {
    if location == Location::UNKNOWN {
        return Place::file(file);
    }
    let number = |from_one: u64| u32::try_from(from_one).unwrap_or(u32::MAX).max(1);
    Place::position(file, Position { line: number(location.line()), column: number(location.column()) })
}

/// What the reader gives: the same tree with its own places.
struct Raw(Spanned<RawData>);

enum RawData {
    Null,
    Bool(bool),
    Number(Number),
    Text(String),
    List(Vec<Raw>),
    Mapping(Vec<(Spanned<String>, Raw)>),
}

impl Raw {
    fn into_node(self, file: &str) -> Node {
        let at = place(self.0.referenced, file);
        let data = match self.0.value {
            RawData::Null => Data::Null,
            RawData::Bool(value) => Data::Bool(value),
            RawData::Number(value) => Data::Number(value),
            RawData::Text(value) => Data::Text(value),
            RawData::List(items) => Data::List(items.into_iter().map(|item| item.into_node(file)).collect()),
            RawData::Mapping(entries) => Data::Mapping(
                entries
                    .into_iter()
                    .map(|(key, value)| Entry {
                        place: place(key.referenced, file),
                        key: key.value,
                        value: value.into_node(file),
                    })
                    .collect(),
            ),
        };
        Node { data, place: at }
    }
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Spanned::deserialize(deserializer).map(Raw)
    }
}

impl<'de> Deserialize<'de> for RawData {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(DataVisitor)
    }
}

struct DataVisitor;

impl<'de> de::Visitor<'de> for DataVisitor {
    type Value = RawData;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<RawData, E> {
        Ok(RawData::Null)
    }

    fn visit_none<E>(self) -> Result<RawData, E> {
        Ok(RawData::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<RawData, D::Error> {
        RawData::deserialize(deserializer)
    }

    fn visit_bool<E>(self, value: bool) -> Result<RawData, E> {
        Ok(RawData::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<RawData, E> {
        Ok(RawData::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<RawData, E> {
        Ok(RawData::Number(value.into()))
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<RawData, E> {
        Number::from_f64(value).map(RawData::Number).ok_or_else(|| E::custom("a number must be finite"))
    }

    fn visit_str<E>(self, value: &str) -> Result<RawData, E> {
        Ok(RawData::Text(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<RawData, E> {
        Ok(RawData::Text(value))
    }

    fn visit_seq<A: de::SeqAccess<'de>>(self, mut items: A) -> Result<RawData, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(RawData::List(list))
    }

    fn visit_map<A: de::MapAccess<'de>>(self, mut entries: A) -> Result<RawData, A::Error> {
        let mut mapping = Vec::new();
        while let Some(entry) = entries.next_entry()? {
            mapping.push(entry);
        }
        Ok(RawData::Mapping(mapping))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_and_keys_know_their_places() {
        let node = Node::parse("a: 1\n\u{e4}: {b: [x, 2.9, true, null, 'yes']}\n".as_bytes(), "f").unwrap();
        assert_eq!(node.to_json(), serde_json::json!({"a": 1, "ä": {"b": ["x", 2.9, true, null, "yes"]}}));
        assert_eq!(node.get("a").unwrap().place.to_string(), "f:1:4");
        assert_eq!(node.get("ä").unwrap().get("b").unwrap().place.to_string(), "f:2:8");
        let Data::Mapping(entries) = &node.data else { panic!("a mapping") };
        assert_eq!(entries[1].place.to_string(), "f:2:1");
    }

    #[test]
    fn hostile_text_ends_in_a_fault() {
        let bomb =
            (0..30).fold("a0: &a0 [x, x]\n".to_owned(), |text, n| format!("{text}a{}: &a{} [*a{n}, *a{n}]\n", n + 1, n + 1));
        let nested = "[".repeat(20_000);
        let cases: [&[u8]; 9] = [
            bomb.as_bytes(),
            nested.as_bytes(),
            b"\xff",
            b"a: 1\na: 2\n",
            b"a: 1\n---\nb: 2\n",
            b"a: !!python/x 1",
            b"<<: {a: 1}",
            b"a: .nan",
            b"? [a]\n: 1",
        ];
        for case in cases {
            let fault = Node::parse(case, "f").unwrap_err();
            assert_eq!(fault.first().code, Code::InvalidFederation);
            assert!(!fault.first().message.contains('\n'));
        }
        assert!(Node::parse(&vec![b' '; 5 << 20], "f").is_err());
    }
}

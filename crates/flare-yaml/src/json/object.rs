//! JSON edited without loss: only the levels that are edited are taken apart, everything below keeps its text.
//!
//! A duplicate key counts as in Python: the last value, at the position of the first.

use std::{
    borrow::Cow,
    collections::{HashMap, hash_map::Entry},
    fmt,
};

use serde::{
    Deserialize, Deserializer, Serialize,
    de::{MapAccess, Visitor},
};
use serde_json::{Value, value::RawValue};

/// What a JSON text is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Keys with values.
    Object,
    /// A list.
    List,
    /// A string.
    Text,
    /// A number.
    Number,
    /// True or false.
    Boolean,
    /// Nothing.
    Null,
}

impl Kind {
    /// The kind of a JSON text without leading space.
    pub fn of(raw: &str) -> Self {
        match raw.as_bytes().first() {
            Some(b'{') => Self::Object,
            Some(b'[') => Self::List,
            Some(b'"') => Self::Text,
            Some(b't' | b'f') => Self::Boolean,
            Some(b'n') => Self::Null,
            _ => Self::Number,
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Object => "an object",
            Self::List => "a list",
            Self::Text => "a string",
            Self::Number => "a number",
            Self::Boolean => "a boolean",
            Self::Null => "null",
        })
    }
}

/// One level of a JSON object: keys and values as written.
#[derive(Debug, Default)]
pub struct Object<'text> {
    members: Vec<Member<'text>>,
}

#[derive(Debug)]
struct Member<'text> {
    /// The key as written, with its quotes.
    key: Cow<'text, str>,
    value: Cow<'text, str>,
}

impl Member<'_> {
    fn is(&self, key: &str) -> bool {
        is_key(&self.key, key)
    }
}

impl<'text> Object<'text> {
    /// Takes a JSON text apart; `None` where it is not an object.
    pub fn parse(raw: &'text str) -> Option<Self> {
        let members = members(raw)?;
        let mut places = HashMap::new();
        let mut object = Object::<'text>::default();
        for (key, value) in members {
            let decoded = serde_json::from_str::<String>(key).unwrap_or_else(|_| key.to_owned());
            let member = Member { key: key.into(), value: value.into() };
            match places.entry(decoded) {
                Entry::Occupied(place) => {
                    let first: &mut Member<'text> = &mut object.members[*place.get()];
                    first.value = member.value;
                }
                Entry::Vacant(place) => {
                    place.insert(object.members.len());
                    object.members.push(member);
                }
            }
        }
        Some(object)
    }

    /// The text of a value.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.members.iter().find(|member| member.is(key)).map(|member| &*member.value)
    }

    /// The keys, in their order; without those that are not Unicode.
    pub fn keys(&self) -> impl Iterator<Item = String> {
        self.members.iter().filter_map(|member| serde_json::from_str(&member.key).ok())
    }

    /// The string of a value; `None` if it is missing or not a string.
    pub fn text(&self, key: &str) -> Option<String> {
        serde_json::from_str(self.get(key)?).ok()
    }

    /// Sets a value, in its place or at the end.
    pub fn set(&mut self, key: &str, value: &impl Serialize) {
        self.set_raw(key, write(value));
    }

    /// Sets a value that is already JSON text.
    pub fn set_raw(&mut self, key: &str, value: String) {
        match self.members.iter_mut().find(|member| member.is(key)) {
            Some(member) => member.value = value.into(),
            None => self.members.push(Member { key: write(&key).into(), value: value.into() }),
        }
    }

    /// The object as JSON text, not yet in the layout of its file.
    pub fn write(&self) -> String {
        let members: Vec<_> = self.members.iter().map(|member| format!("{}:{}", member.key, member.value)).collect();
        format!("{{{}}}", members.join(","))
    }
}

/// The keys of a JSON object, each with its quotes, and their values, as they are written; `None` where the text is not an object.
pub fn members(raw: &str) -> Option<Vec<(&str, &str)>> {
    serde_json::from_str(raw).ok().map(|Members(members)| members)
}

/// The value at a dotted path; of a duplicate key the last one, as in Python. Nothing beside the path
/// is looked at.
pub fn lookup<'text>(raw: &'text str, path: &str) -> Option<&'text str> {
    path.split('.').try_fold(raw, |raw, key| {
        let found = members(raw)?.into_iter().rev().find(|(written, _)| is_key(written, key));
        found.map(|(_, value)| value)
    })
}

/// Whether a key as written is this one. A key that is not Unicode (a lone surrogate) equals no key.
fn is_key(written: &str, key: &str) -> bool {
    serde_json::from_str::<Cow<'_, str>>(written).is_ok_and(|decoded| decoded == key)
}

/// Whether a JSON text has this value.
pub fn equals(raw: &str, expected: &Value) -> bool {
    serde_json::from_str::<Value>(raw).is_ok_and(|value| value == *expected)
}

/// The elements of a JSON list; `None` where the text is not a list.
pub fn elements(raw: &str) -> Option<Vec<&str>> {
    let elements: Vec<&RawValue> = serde_json::from_str(raw).ok()?;
    Some(elements.into_iter().map(RawValue::get).collect())
}

/// Whether Python counts a value as true: not null, false, zero or empty.
pub fn is_truthy(raw: &str) -> bool {
    match Kind::of(raw) {
        Kind::Null => false,
        Kind::Boolean => raw == "true",
        Kind::Number => raw.parse::<f64>().is_ok_and(|number| number != 0.0),
        Kind::Text => raw != "\"\"",
        Kind::List => elements(raw).is_some_and(|elements| !elements.is_empty()),
        Kind::Object => Object::parse(raw).is_some_and(|object| !object.members.is_empty()),
    }
}

/// [`is_truthy`] for a value that has already been parsed.
pub fn is_true(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(value) => *value,
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::String(text) => !text.is_empty(),
        Value::Array(items) => !items.is_empty(),
        Value::Object(object) => !object.is_empty(),
    }
}

/// A value as JSON text.
///
/// # Panics
///
/// If a map has keys that are not strings.
pub fn write(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("values with string keys always serialize")
}

/// The members of one level, keys with their quotes.
struct Members<'text>(Vec<(&'text str, &'text str)>);

impl<'de: 'text, 'text> Deserialize<'de> for Members<'text> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Level;
        impl<'de> Visitor<'de> for Level {
            type Value = Vec<(&'de str, &'de str)>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some((key, value)) = map.next_entry::<&'de RawValue, &'de RawValue>()? {
                    members.push((key.get(), value.get()));
                }
                Ok(members)
            }
        }
        deserializer.deserialize_map(Level).map(Members)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_keeps_the_text_of_what_is_not_set() {
        let mut object = Object::parse(r#"{ "\u0061": 10.0, "b" : {"x":1e400}, "\ud800": "\ud800", "a": 2 }"#).unwrap();
        assert_eq!(object.get("a"), Some("2"), "the last of a doubled key counts");
        object.set("b", &true);
        object.set("c", &"ä");
        assert_eq!(object.write(), r#"{"\u0061":2,"b":true,"\ud800":"\ud800","c":"ä"}"#);
    }

    #[test]
    fn what_nobody_asks_for_may_hold_anything_that_python_reads() {
        let text = r#"{"\ud800": 1e400, "a": 1, "a": {"b": "\ud800", "c": [1e400, "x"]}}"#;
        assert_eq!(lookup(text, "a.b"), Some(r#""\ud800""#));
        assert_eq!(elements(lookup(text, "a.c").unwrap()).unwrap(), ["1e400", "\"x\""]);
        assert_eq!(lookup(text, "a.d"), None);
        assert_eq!(lookup(text, "a.b.c"), None);
        assert!(equals("\"x\"", &"x".into()) && !equals("1e400", &1.into()));
    }

    #[test]
    fn truth_is_pythons() {
        for raw in ["null", "false", "0", "-0.0", "0e9", "\"\"", "[]", "[ ]", "{}", "{ }"] {
            assert!(!is_truthy(raw) && !is_true(&serde_json::from_str(raw).unwrap()), "{raw}");
        }
        for raw in ["true", "1", "1e400", "-3", "\" \"", "[0]", "{\"a\":null}"] {
            assert!(is_truthy(raw), "{raw}");
            assert!(serde_json::from_str(raw).is_ok_and(|value| is_true(&value)) || raw == "1e400", "{raw}");
        }
    }
}

//! JSON with places: `serde_json` hands out the raw text of each value, and the address of that text inside the file is
//! its place. Numbers stay as they are written.

use std::fmt;

use serde::{Deserialize, Deserializer, de};
use serde_json::value::RawValue;

use super::{Entry, Findings, Kind, Node, Number};

/// A request is a handful of levels deep; the cost of reading is the size times the depth.
const MAX_DEPTH: usize = 64;

pub(super) fn read(text: &str, findings: &mut Findings<'_>) -> Option<Node> {
    let raw: &RawValue = match serde_json::from_str(text) {
        Ok(raw) => raw,
        Err(error) => {
            findings.unreadable(offset_of(text, &error), "is not valid JSON");
            return None;
        }
    };
    Reader { text, findings }.node(raw, 0)
}

/// `serde_json` counts lines from 1 and columns in bytes.
fn offset_of(text: &str, error: &serde_json::Error) -> usize {
    let before: usize = text.split_inclusive('\n').take(error.line().saturating_sub(1)).map(str::len).sum();
    before + error.column().saturating_sub(1)
}

struct Reader<'text, 'findings, 'source> {
    text: &'text str,
    findings: &'findings mut Findings<'source>,
}

impl Reader<'_, '_, '_> {
    fn node(&mut self, raw: &RawValue, depth: usize) -> Option<Node> {
        let text = raw.get();
        let offset = self.offset(raw);
        if depth > MAX_DEPTH {
            self.findings.unreadable(offset, "is nested too deeply here");
            return None;
        }
        let kind = match text.as_bytes().first() {
            Some(b'n') => Kind::Null,
            Some(b't') => Kind::Bool(true),
            Some(b'f') => Kind::Bool(false),
            Some(b'"') => Kind::Text(self.parse(text, offset)?),
            Some(b'[') => {
                let items: Vec<&RawValue> = self.parse(text, offset)?;
                Kind::List(items.into_iter().map(|item| self.node(item, depth + 1)).collect::<Option<_>>()?)
            }
            Some(b'{') => Kind::Object(self.entries(text, offset, depth)?),
            _ => Kind::Number(Number { text: text.to_owned(), integer: !text.contains(['.', 'e', 'E']) }),
        };
        Some(Node { offset, kind })
    }

    fn entries(&mut self, text: &str, offset: usize, depth: usize) -> Option<Vec<Entry>> {
        let RawObject(pairs) = self.parse(text, offset)?;
        let mut entries: Vec<Entry> = Vec::with_capacity(pairs.len());
        let mut seen = std::collections::HashSet::with_capacity(pairs.len());
        for (raw_key, raw_value) in pairs {
            let key_offset = self.offset(raw_key);
            let key: String = self.parse(raw_key.get(), key_offset)?;
            let value = self.node(raw_value, depth + 1)?;
            if !seen.insert(key.clone()) {
                self.findings.at(key_offset, format!("the key `{}` is written twice", key.escape_debug()), None);
                continue;
            }
            entries.push(Entry { key, key_offset, key_is_text: true, value });
        }
        Some(entries)
    }

    /// Half a surrogate pair is the one thing that is JSON by its grammar but no text.
    fn parse<'raw, T: Deserialize<'raw>>(&mut self, text: &'raw str, offset: usize) -> Option<T> {
        let parsed = serde_json::from_str(text);
        if parsed.is_err() {
            self.findings.unreadable(offset, "is not valid JSON: a string is not Unicode text");
        }
        parsed.ok()
    }

    /// Each raw value borrows from the file, so its address says where it stands.
    fn offset(&self, raw: &RawValue) -> usize {
        raw.get().as_ptr().addr().saturating_sub(self.text.as_ptr().addr())
    }
}

/// An object as raw keys and values, doubled keys included.
struct RawObject<'raw>(Vec<(&'raw RawValue, &'raw RawValue)>);

impl<'de> Deserialize<'de> for RawObject<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Pairs;
        impl<'de> de::Visitor<'de> for Pairs {
            type Value = RawObject<'de>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an object")
            }

            fn visit_map<A: de::MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut pairs = Vec::new();
                while let Some(pair) = map.next_entry()? {
                    pairs.push(pair);
                }
                Ok(RawObject(pairs))
            }
        }
        deserializer.deserialize_map(Pairs)
    }
}

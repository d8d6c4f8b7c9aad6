//! JSON with places: each value keeps its raw text, and the address of that text inside the file is
//! its place. Numbers stay as written.

use serde::Deserialize;

use super::{KeyValue, Kind, Node, Number, Parsed, Unreadable};
use crate::{
    MAX_DEPTH,
    json::{self, elements, members},
};

/// Reads JSON.
pub fn read_json(text: &str) -> Result<Parsed, Unreadable> {
    let raw = json::check(text).map_err(|fault| Unreadable {
        offset: fault.offset,
        what: format!("is not valid JSON: {}", fault.reason),
        hint: fault.hint,
    })?;
    let mut reader = Reader { text, doubled: Vec::new() };
    // The cost of reading is the size times the depth; a request is a handful of levels deep.
    let root = reader.node(raw, 0)?;
    Ok(Parsed { root, doubled: reader.doubled })
}

struct Reader<'text> {
    text: &'text str,
    doubled: Vec<(usize, String)>,
}

impl Reader<'_> {
    fn node(&mut self, text: &str, depth: usize) -> Result<Node, Unreadable> {
        let offset = self.offset(text);
        if depth > MAX_DEPTH {
            let what = format!("is nested more than {MAX_DEPTH} levels deep here");
            return Err(Unreadable { offset, what, hint: "check that this is the file you meant" });
        }
        let kind = match text.as_bytes().first() {
            Some(b'n') => Kind::Null,
            Some(b't') => Kind::Bool(true),
            Some(b'f') => Kind::Bool(false),
            Some(b'"') => Kind::Text(parse(text, offset)?),
            Some(b'[') => {
                let items = elements(text).unwrap_or_default();
                Kind::List(items.into_iter().map(|item| self.node(item, depth + 1)).collect::<Result<_, _>>()?)
            }
            Some(b'{') => Kind::Object(self.entries(text, depth)?),
            _ => Kind::Number(Number { text: text.to_owned(), integer: !text.contains(['.', 'e', 'E']) }),
        };
        Ok(Node { offset, kind })
    }

    fn entries(&mut self, text: &str, depth: usize) -> Result<Vec<KeyValue>, Unreadable> {
        let pairs = members(text).unwrap_or_default();
        let mut entries: Vec<KeyValue> = Vec::with_capacity(pairs.len());
        let mut seen = std::collections::HashSet::with_capacity(pairs.len());
        for (raw_key, raw_value) in pairs {
            let key_offset = self.offset(raw_key);
            let key: String = parse(raw_key, key_offset)?;
            let value = self.node(raw_value, depth + 1)?;
            if seen.insert(key.clone()) {
                entries.push(KeyValue { key, key_offset, key_is_text: true, value });
            } else {
                self.doubled.push((key_offset, key));
            }
        }
        Ok(entries)
    }

    /// Each raw value borrows from the file, so its address gives its offset.
    fn offset(&self, raw: &str) -> usize {
        raw.as_ptr().addr().saturating_sub(self.text.as_ptr().addr())
    }
}

/// Fails only for half a surrogate pair, which JSON's grammar allows although it is not text.
fn parse<'raw, T: Deserialize<'raw>>(text: &'raw str, offset: usize) -> Result<T, Unreadable> {
    serde_json::from_str(text).map_err(|_| no_text(offset))
}

fn no_text(offset: usize) -> Unreadable {
    let hint = "write the character itself, or both halves of its surrogate pair";
    Unreadable { offset, what: "is not valid JSON: a string is not Unicode text".to_owned(), hint }
}

//! `PyYAML`'s dialect: its scalars, and any scalar as a key.

use granit_parser::Tag;

use super::{KeyValue, Kind, Node, Parsed, Unreadable, scalar};
use crate::{
    MAX_DEPTH, MAX_NODES, build,
    dialect::{Dialect, Mark, Parts, Refusal, Refused, Seen},
    strict::hint,
};

/// Reads one YAML document; an empty file is null. Limits and tags are those of [`crate::parse`].
pub fn read_yaml(text: &str) -> Result<Parsed, Unreadable> {
    let mut dialect = Python { doubled: Vec::new() };
    match build::read(text, &mut dialect) {
        Ok(root) => {
            let root = root.unwrap_or(Node { offset: 0, kind: Kind::Null });
            Ok(Parsed { root, doubled: dialect.doubled })
        }
        Err(refused) => Err(unreadable(&refused, text)),
    }
}

fn unreadable(refused: &Refused, text: &str) -> Unreadable {
    let reason = match &refused.why {
        // The parser's own message may contain a part of the line.
        Refusal::Syntax(_) => "the syntax is wrong here",
        Refusal::Control(_) => "a control character stands here",
        Refusal::SecondDocument => "it holds more than one document",
        Refusal::TooDeep => &format!("values are nested more than {MAX_DEPTH} levels deep"),
        Refusal::TooLarge => &format!("it holds more than {MAX_NODES} values, counting all that aliases repeat"),
        Refusal::AliasInItself => "an alias refers to what it stands in",
        Refusal::NoMerge => "the merge key `<<` takes a mapping or a list of mappings",
        Refusal::Tag(_) => "it uses a tag that is not supported",
        Refusal::Key(what) => what,
    };
    let what = format!("is not a YAML document that can be used: {reason}");
    Unreadable { offset: refused.at.offset, what, hint: hint(&refused.why, text, refused.at.position) }
}

struct Python {
    doubled: Vec<(usize, String)>,
}

/// A key and its offset.
struct Key {
    text: String,
    offset: usize,
    is_text: bool,
}

impl Dialect for Python {
    type Node = Node;
    type Key = Key;

    fn scalar(&mut self, text: String, plain: bool, tag: Option<&Tag>, at: Mark) -> Result<Node, Refusal> {
        let kind = match tag {
            Some(tag) => tagged(text, tag)?,
            None if plain => scalar::plain(text),
            None => Kind::Text(text),
        };
        Ok(Node { offset: at.offset, kind })
    }

    fn takes_tag(&self, tag: &Tag, kind: &str) -> bool {
        tag.core_suffix() == Some(kind) || tag.original() == "!"
    }

    fn sequence(&mut self, items: Vec<Node>, at: Mark) -> Node {
        Node { offset: at.offset, kind: Kind::List(items) }
    }

    fn key(&mut self, node: Node, seen: &mut Seen, at: Mark) -> Result<Option<Key>, Refusal> {
        let (text, is_text) = match node.kind {
            Kind::Text(text) => (text, true),
            Kind::Number(number) => (number.text, false),
            Kind::Bool(value) => (value.to_string(), false),
            Kind::Null => ("null".to_owned(), false),
            Kind::Ambiguous => {
                return Err(Refusal::Key("an unquoted key is a word that YAML 1.1 and YAML 1.2 read differently"));
            }
            Kind::List(_) | Kind::Object(_) => return Err(Refusal::Key("a key is a list or a mapping")),
        };
        if seen.contains_key(&text) {
            self.doubled.push((at.offset, text));
            return Ok(None);
        }
        seen.insert(text.clone(), at.position);
        Ok(Some(Key { text, offset: at.offset, is_text }))
    }

    fn mapping(&mut self, entries: Vec<(Key, Node)>, at: Mark) -> Node {
        let entry =
            |(key, value): (Key, Node)| KeyValue { key: key.text, key_offset: key.offset, key_is_text: key.is_text, value };
        Node { offset: at.offset, kind: Kind::Object(entries.into_iter().map(entry).collect()) }
    }

    fn repeat(&mut self, node: Node, at: Mark) -> Node {
        Node { offset: at.offset, ..node }
    }

    fn parts(&self, node: Node) -> Parts<Key, Node> {
        match node.kind {
            Kind::Object(entries) => Parts::Mapping(entries.into_iter().map(entry_parts).collect()),
            Kind::List(items) => Parts::Sequence(items),
            _ => Parts::Scalar,
        }
    }

    fn text(key: &Key) -> &str {
        &key.text
    }
}

fn entry_parts(KeyValue { key, key_offset, key_is_text, value }: KeyValue) -> (Key, Node) {
    (Key { text: key, offset: key_offset, is_text: key_is_text }, value)
}

fn tagged(text: String, tag: &Tag) -> Result<Kind, Refusal> {
    let name = if tag.original() == "!" { Some("str") } else { tag.core_suffix() };
    if name == Some("str") {
        return Ok(Kind::Text(text));
    }
    match (name, scalar::plain(text)) {
        (Some("null"), kind @ Kind::Null)
        | (Some("bool"), kind @ Kind::Bool(_))
        | (Some("int" | "float"), kind @ Kind::Number(_)) => Ok(kind),
        _ => Err(Refusal::Tag(tag.original())),
    }
}

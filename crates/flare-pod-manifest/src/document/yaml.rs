//! One YAML document with places, built from parser events. Aliases are copied within a budget, so that a short file
//! cannot grow without bound; merge keys, tags of an application and keys that are no scalars are refused.

use std::collections::{HashMap, HashSet};

use granit_parser::{Event, Options, Parser, ScalarStyle, Span, StrInput, Tag};

use super::{Entry, Findings, Kind, Node, scalar};

/// Weight of everything that aliases may copy: a value, and each 64 bytes of its text. Pod templates copy dozens.
const MAX_COPIES: usize = 100_000;
const MAX_DEPTH: usize = 64;

pub(super) fn read(text: &str, findings: &mut Findings<'_>) -> Option<Node> {
    let mut options = Options::default();
    options.flow_nesting_limit = MAX_DEPTH;
    options.block_nesting_limit = MAX_DEPTH;
    options.emit_comments = false;
    let parser = Parser::new_from_str_with_options(text, options);
    let mut builder = Builder { parser, anchors: HashMap::new(), weight: 0, copied: 0, doubled: Vec::new() };
    match builder.document() {
        Ok(node) => {
            for (offset, key) in builder.doubled {
                findings.at(offset, format!("the key `{}` is written twice", key.escape_debug()), None);
            }
            Some(node)
        }
        Err(Refused { offset, reason }) => {
            findings.unreadable(offset, &format!("is not a YAML document that can be used: {reason}"));
            None
        }
    }
}

struct Refused {
    offset: usize,
    reason: &'static str,
}

struct Builder<'text> {
    parser: Parser<'text, StrInput<'text>>,
    /// Finished nodes by anchor, with the weight of each.
    anchors: HashMap<usize, (Node, usize)>,
    /// The weight of all nodes so far.
    weight: usize,
    /// The weight of those that are copies.
    copied: usize,
    doubled: Vec<(usize, String)>,
}

type Built<T> = Result<T, Refused>;

impl<'text> Builder<'text> {
    fn document(&mut self) -> Built<Node> {
        let mut root = None;
        loop {
            let (event, offset) = self.next()?;
            match event {
                Event::StreamStart | Event::DocumentEnd => {}
                Event::DocumentStart(..) if root.is_some() => return refuse(offset, "it holds more than one document"),
                Event::DocumentStart(..) => {
                    let (event, offset) = self.next()?;
                    root = Some(self.node(event, offset)?);
                }
                Event::StreamEnd => return Ok(root.unwrap_or(Node { offset: 0, kind: Kind::Null })),
                _ => return refuse(offset, "the syntax is wrong"),
            }
        }
    }

    fn next(&mut self) -> Built<(Event<'text>, usize)> {
        match self.parser.next_event() {
            Some(Ok((event, span))) => Ok((event, start(span))),
            // The parser's own message may hold a part of the line.
            Some(Err(error)) => refuse(error.marker().byte_offset().unwrap_or(0), "the syntax is wrong here"),
            None => refuse(0, "it ends too early"),
        }
    }

    fn node(&mut self, event: Event<'text>, offset: usize) -> Built<Node> {
        let before = self.weight;
        self.weight += 1;
        let (kind, anchor) = match event {
            Event::Scalar(text, style, anchor, tag) => {
                self.weight += text.len() / 64;
                (scalar_kind(&text, style, tag.as_deref(), offset)?, anchor)
            }
            Event::SequenceStart(_, anchor, tag) => {
                collection_tag(tag.as_deref(), "seq", offset)?;
                (Kind::List(self.items()?), anchor)
            }
            Event::MappingStart(_, anchor, tag) => {
                collection_tag(tag.as_deref(), "map", offset)?;
                (Kind::Object(self.entries()?), anchor)
            }
            Event::Alias(anchor) => return self.alias(anchor, offset),
            _ => return refuse(offset, "the syntax is wrong"),
        };
        let node = Node { offset, kind };
        if anchor != 0 {
            self.anchors.insert(anchor, (node.clone(), self.weight - before));
        }
        Ok(node)
    }

    fn alias(&mut self, anchor: usize, offset: usize) -> Built<Node> {
        // An anchor is known when its node is finished: a node cannot hold itself.
        let Some((node, size)) = self.anchors.get(&anchor) else { return refuse(offset, "an alias refers to what it stands in") };
        let (node, size) = (node.clone(), *size);
        self.weight += size;
        self.copied += size;
        if self.copied > MAX_COPIES {
            return refuse(offset, "its aliases copy too much");
        }
        Ok(Node { offset, ..node })
    }

    fn items(&mut self) -> Built<Vec<Node>> {
        let mut items = Vec::new();
        loop {
            match self.next()? {
                (Event::SequenceEnd, _) => return Ok(items),
                (event, offset) => items.push(self.node(event, offset)?),
            }
        }
    }

    fn entries(&mut self) -> Built<Vec<Entry>> {
        let mut entries = Vec::new();
        let mut seen = HashSet::new();
        loop {
            let (event, key_offset) = self.next()?;
            if event == Event::MappingEnd {
                return Ok(entries);
            }
            let merge = matches!(&event, Event::Scalar(text, ScalarStyle::Plain, _, None) if text == "<<");
            if merge {
                return refuse(key_offset, "the merge key `<<` is read by YAML 1.1 alone");
            }
            let node = self.node(event, key_offset)?;
            let (event, offset) = self.next()?;
            let value = self.node(event, offset)?;
            if matches!(node.kind, Kind::Ambiguous) {
                return refuse(key_offset, "an unquoted key is a word that YAML 1.1 and YAML 1.2 read differently");
            }
            let Some((key, key_is_text)) = key_of(node.kind) else { return refuse(key_offset, "a key is a list or a mapping") };
            if seen.insert(key.clone()) {
                entries.push(Entry { key, key_offset, key_is_text, value });
            } else {
                self.doubled.push((key_offset, key));
            }
        }
    }
}

fn refuse<T>(offset: usize, reason: &'static str) -> Built<T> {
    Err(Refused { offset, reason })
}

fn start(span: Span) -> usize {
    span.start.byte_offset().unwrap_or(0)
}

fn key_of(kind: Kind) -> Option<(String, bool)> {
    match kind {
        Kind::Text(text) => Some((text, true)),
        Kind::Number(number) => Some((number.text, false)),
        Kind::Bool(value) => Some((value.to_string(), false)),
        Kind::Null => Some(("null".to_owned(), false)),
        Kind::List(_) | Kind::Object(_) | Kind::Ambiguous => None,
    }
}

fn scalar_kind(text: &str, style: ScalarStyle, tag: Option<&Tag>, offset: usize) -> Built<Kind> {
    let Some(tag) = tag else {
        return Ok(if style == ScalarStyle::Plain { scalar::plain(text) } else { Kind::Text(text.to_owned()) });
    };
    let name = if tag.original() == "!" { Some("str") } else { tag.core_suffix() };
    match (name, scalar::plain(text)) {
        (Some("str"), _) => Ok(Kind::Text(text.to_owned())),
        (Some("null"), kind @ Kind::Null)
        | (Some("bool"), kind @ Kind::Bool(_))
        | (Some("int" | "float"), kind @ Kind::Number(_)) => Ok(kind),
        _ => refuse(offset, "it uses a tag that is not supported"),
    }
}

fn collection_tag(tag: Option<&Tag>, expected: &str, offset: usize) -> Built<()> {
    match tag {
        Some(tag) if tag.core_suffix() != Some(expected) && tag.original() != "!" => {
            refuse(offset, "it uses a tag that is not supported")
        }
        _ => Ok(()),
    }
}

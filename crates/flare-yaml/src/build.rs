//! Builds nodes from the parser's events, for both dialects. Anchors, the limits, and the order of keys and values are
//! handled here; the dialect decides what a scalar or a key means.

use std::collections::HashMap;

use flare_diagnostic::Position;
use granit_parser::{ErrorKind, Event, Marker, Parser, ScalarStyle, ScanError, Tag};

/// The largest file that the strict reader takes: 1 `MiB`. A config is a few hundred bytes, a federation of a thousand sites
/// about 100 `KiB`.
pub const MAX_BYTES: usize = 1 << 20;
/// The maximum depth of nesting.
pub const MAX_DEPTH: usize = 64;
/// The maximum number of values. An alias counts with everything that it stands for, and each 64 bytes of a repeated text as
/// one more value, so that a short file cannot fill the memory.
pub const MAX_NODES: usize = 100_000;

/// Where an event begins.
#[derive(Clone, Copy)]
pub(crate) struct Mark {
    pub(crate) position: Position,
    /// In bytes, from the start of the text.
    pub(crate) offset: usize,
}

/// Why reading was given up.
pub(crate) enum Refusal {
    /// The parser's own message, which may contain a part of the line.
    Syntax(String),
    /// A character that YAML does not allow.
    Control(char),
    SecondDocument,
    TooDeep,
    TooLarge,
    AliasInItself,
    MergeKey,
    Tag(String),
    /// What is wrong with a key.
    Key(&'static str),
}

/// A refusal and where it is.
pub(crate) struct Refused {
    pub(crate) at: Mark,
    pub(crate) why: Refusal,
}

/// What a reader makes of the events.
pub(crate) trait Dialect {
    /// A value.
    type Node: Clone;
    /// A key.
    type Key;

    fn scalar(&mut self, text: String, plain: bool, tag: Option<&Tag>, at: Mark) -> Result<Self::Node, Refusal>;
    /// Whether a collection may have this tag; `kind` is `seq` or `map`.
    fn takes_tag(&self, tag: &Tag, kind: &str) -> bool;
    fn sequence(&mut self, items: Vec<Self::Node>, at: Mark) -> Self::Node;
    /// A node as the key of a mapping whose keys so far are `seen`. `None` for one that is refused: its value is read, so
    /// that faults below it are reported, and dropped.
    fn key(&mut self, node: Self::Node, seen: &mut Seen, at: Mark) -> Result<Option<Self::Key>, Refusal>;
    fn mapping(&mut self, entries: Vec<(Self::Key, Self::Node)>, at: Mark) -> Self::Node;
    /// A copy of an anchored node, as it stands at its alias.
    fn repeat(&mut self, node: Self::Node, at: Mark) -> Self::Node;
}

/// The keys of a mapping so far, and the first position of each.
pub(crate) type Seen = HashMap<String, Position>;

/// Reads one document; `None` for an empty text.
pub(crate) fn read<D: Dialect>(text: &str, dialect: &mut D) -> Result<Option<D::Node>, Refused> {
    let marked = text;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let base = marked.len() - text.len();
    check_characters(text, base)?;
    let mut builder = Builder { dialect, open: Vec::new(), anchors: HashMap::new(), root: None, values: 0 };
    for event in Parser::new_from_str_with_options(text, granit_parser::options! { emit_comments: false }) {
        match event {
            Ok((event, span)) => {
                let at = mark(span.start, base);
                builder.take(event, at).map_err(|why| Refused { at, why })?;
            }
            Err(error) => return Err(Refused { at: mark(*error.marker(), base), why: syntax(&error) }),
        }
    }
    Ok(builder.root)
}

fn mark(marker: Marker, base: usize) -> Mark {
    let bounded = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
    let position = Position { line: bounded(marker.line()), column: bounded(marker.col().saturating_add(1)) };
    Mark { position, offset: marker.byte_offset().unwrap_or(0) + base }
}

fn syntax(error: &ScanError) -> Refusal {
    match error.kind() {
        ErrorKind::RecursionLimitExceeded => Refusal::TooDeep,
        _ => Refusal::Syntax(error.info().clone()),
    }
}

/// Refuses characters outside YAML's printable set, as `PyYAML` does.
fn check_characters(text: &str, base: usize) -> Result<(), Refused> {
    let control = |c: char| matches!(c, '\0'..='\u{8}' | '\u{b}' | '\u{c}' | '\u{e}'..='\u{1f}' | '\u{7f}'..='\u{84}' | '\u{86}'..='\u{9f}' | '\u{fffe}' | '\u{ffff}');
    match text.char_indices().find(|(_, character)| control(*character)) {
        None => Ok(()),
        Some((offset, character)) => {
            let position = flare_diagnostic::LineIndex::new(text).position(offset);
            Err(Refused { at: Mark { position, offset: offset + base }, why: Refusal::Control(character) })
        }
    }
}

/// A finished node, its weight in values and the number of levels that it has.
#[derive(Clone)]
struct Finished<Node> {
    node: Node,
    weight: usize,
    depth: usize,
}

/// A collection that is not closed yet.
struct Open<D: Dialect> {
    content: OpenContent<D>,
    at: Mark,
    anchor: usize,
    weight: usize,
    /// The depth of its contents.
    depth: usize,
}

enum OpenContent<D: Dialect> {
    Sequence(Vec<D::Node>),
    Mapping { entries: Vec<(D::Key, D::Node)>, seen: Seen, next: Next<D::Key> },
}

/// What the next node of a mapping is.
enum Next<Key> {
    Key,
    ValueOf(Key),
    ValueOfRefused,
}

struct Builder<'dialect, D: Dialect> {
    dialect: &'dialect mut D,
    open: Vec<Open<D>>,
    anchors: HashMap<usize, Finished<D::Node>>,
    root: Option<D::Node>,
    values: usize,
}

impl<D: Dialect> Builder<'_, D> {
    fn take(&mut self, event: Event<'_>, at: Mark) -> Result<(), Refusal> {
        match event {
            Event::DocumentStart(..) if self.root.is_some() => Err(Refusal::SecondDocument),
            Event::Scalar(text, style, anchor, tag) => {
                let plain = style == ScalarStyle::Plain;
                if plain && tag.is_none() && text == "<<" && self.awaits_key() {
                    return Err(Refusal::MergeKey);
                }
                count(&mut self.values, 1)?;
                let weight = 1 + text.len() / 64;
                let node = self.dialect.scalar(text.into_owned(), plain, tag.as_deref(), at)?;
                self.close(Finished { node, weight, depth: 0 }, anchor, at)
            }
            Event::SequenceStart(_, anchor, tag) => {
                self.begin(OpenContent::Sequence(Vec::new()), tag.as_deref(), "seq", anchor, at)
            }
            Event::MappingStart(_, anchor, tag) => {
                let content = OpenContent::Mapping { entries: Vec::new(), seen: Seen::new(), next: Next::Key };
                self.begin(content, tag.as_deref(), "map", anchor, at)
            }
            Event::SequenceEnd | Event::MappingEnd => self.end(),
            Event::Alias(anchor) => self.alias(anchor, at),
            _ => Ok(()),
        }
    }

    fn awaits_key(&self) -> bool {
        matches!(self.open.last(), Some(Open { content: OpenContent::Mapping { next: Next::Key, .. }, .. }))
    }

    fn begin(&mut self, content: OpenContent<D>, tag: Option<&Tag>, kind: &str, anchor: usize, at: Mark) -> Result<(), Refusal> {
        if let Some(tag) = tag.filter(|tag| !self.dialect.takes_tag(tag, kind)) {
            return Err(Refusal::Tag(tag.original()));
        }
        count(&mut self.values, 1)?;
        if self.open.len() >= MAX_DEPTH {
            return Err(Refusal::TooDeep);
        }
        self.open.push(Open { content, at, anchor, weight: 1, depth: 0 });
        Ok(())
    }

    fn end(&mut self) -> Result<(), Refusal> {
        let Some(open) = self.open.pop() else { return Ok(()) };
        let node = match open.content {
            OpenContent::Sequence(items) => self.dialect.sequence(items, open.at),
            OpenContent::Mapping { entries, .. } => self.dialect.mapping(entries, open.at),
        };
        self.close(Finished { node, weight: open.weight, depth: open.depth + 1 }, open.anchor, open.at)
    }

    /// Adds a finished node to the collection that it belongs to.
    fn close(&mut self, finished: Finished<D::Node>, anchor: usize, at: Mark) -> Result<(), Refusal> {
        if anchor != 0 {
            // The copy that aliases repeat counts too; otherwise nested anchors would multiply.
            count(&mut self.values, finished.weight)?;
            self.anchors.insert(anchor, finished.clone());
        }
        self.place(finished, at)
    }

    fn alias(&mut self, anchor: usize, at: Mark) -> Result<(), Refusal> {
        // An anchor is registered when its node is finished: a node cannot contain itself.
        let Some(finished) = self.anchors.get(&anchor) else { return Err(Refusal::AliasInItself) };
        let (weight, depth) = (finished.weight, finished.depth);
        if self.open.len() + depth > MAX_DEPTH {
            return Err(Refusal::TooDeep);
        }
        // Counted before it is copied.
        count(&mut self.values, weight)?;
        let node = self.dialect.repeat(finished.node.clone(), at);
        self.place(Finished { node, weight, depth }, at)
    }

    fn place(&mut self, finished: Finished<D::Node>, at: Mark) -> Result<(), Refusal> {
        let Some(open) = self.open.last_mut() else {
            self.root = Some(finished.node);
            return Ok(());
        };
        open.weight = open.weight.saturating_add(finished.weight);
        open.depth = open.depth.max(finished.depth);
        match &mut open.content {
            OpenContent::Sequence(items) => items.push(finished.node),
            OpenContent::Mapping { entries, seen, next } => match std::mem::replace(next, Next::Key) {
                Next::Key => {
                    let key = self.dialect.key(finished.node, seen, at)?;
                    *next = key.map_or(Next::ValueOfRefused, Next::ValueOf);
                }
                Next::ValueOf(key) => entries.push((key, finished.node)),
                Next::ValueOfRefused => {}
            },
        }
        Ok(())
    }
}

fn count(values: &mut usize, more: usize) -> Result<(), Refusal> {
    *values = values.saturating_add(more);
    if *values > MAX_NODES { Err(Refusal::TooLarge) } else { Ok(()) }
}

//! Builds nodes from the parser's events, for both dialects. Anchors, merge keys, the limits, and the order of keys and values
//! are handled here; the dialect decides what a scalar or a key means.

use std::collections::HashMap;

use flare_diagnostic::Position;
use granit_parser::{ErrorKind, Event, Marker, Parser, ScalarStyle, ScanError, Tag};

use crate::{
    dialect::{Dialect, Mark, Refusal, Refused, Seen},
    merge::Merged,
};

/// The largest file that the strict reader takes: 1 `MiB`. A config is a few hundred bytes, a federation of a thousand sites
/// about 100 `KiB`.
pub const MAX_BYTES: usize = 1 << 20;
/// The maximum depth of nesting.
pub const MAX_DEPTH: usize = 64;
/// The maximum number of values. An alias counts with everything that it stands for, and each 64 bytes of a repeated text as
/// one more value, so that a short file cannot fill the memory.
pub const MAX_NODES: usize = 100_000;

/// Reads one document; `None` for an empty text.
pub(crate) fn read<D: Dialect>(text: &str, dialect: &mut D) -> Result<Option<D::Node>, Refused> {
    let marked = text;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let base = marked.len() - text.len();
    check_characters(text, base)?;
    let mut builder = Builder { dialect, open: Vec::new(), anchors: HashMap::new(), root: None, values: 0 };
    for event in Parser::new_from_str_with_options(text, granit_parser::options! { emit_comments: false }) {
        match event {
            Ok((event, span)) => builder.take(event, mark(span.start, base))?,
            Err(error) => {
                let at = indenting_tab(&error, text, base).unwrap_or_else(|| mark(*error.marker(), base));
                return Err(Refused { at, why: syntax(&error) });
            }
        }
    }
    Ok(builder.root)
}

fn mark(marker: Marker, base: usize) -> Mark {
    let bounded = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
    let position = Position { line: bounded(marker.line()), column: bounded(marker.col().saturating_add(1)) };
    Mark { position, offset: marker.byte_offset().unwrap_or(0) + base }
}

/// Where the tab stands that an indentation has and YAML does not allow. The parser points behind it, or to the value in the lines above.
fn indenting_tab(error: &ScanError, text: &str, base: usize) -> Option<Mark> {
    use ErrorKind::{TabInBlockIndentation, TabInIndentation, TabInPlainScalar};
    if !matches!(error.kind(), TabInBlockIndentation | TabInIndentation | TabInPlainScalar) {
        return None;
    }
    let (mut offset, from) = (base, error.marker().line());
    for (line, number) in text.split_inclusive('\n').zip(1..) {
        let indentation = line.len() - line.trim_start_matches([' ', '\t']).len();
        if let Some(at) = line[..indentation].find('\t').filter(|_| number >= from) {
            let bounded = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
            let position = Position { line: bounded(number), column: bounded(at + 1) };
            return Some(Mark { position, offset: offset + at });
        }
        offset += line.len();
    }
    None
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
    /// Whether it is a merge key, if it is a key.
    merges: bool,
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
    Mapping(OpenMapping<D>),
}

struct OpenMapping<D: Dialect> {
    entries: Vec<(D::Key, D::Node)>,
    /// What a merge key contributes.
    merged: Option<Merged<D>>,
    seen: Seen,
    next: Next<D::Key>,
}

/// What the next node of a mapping is.
enum Next<Key> {
    Key,
    ValueOf(Key),
    ValueOfRefused,
    /// The value of a merge key.
    Merged,
}

struct Builder<'dialect, D: Dialect> {
    dialect: &'dialect mut D,
    open: Vec<Open<D>>,
    anchors: HashMap<usize, Finished<D::Node>>,
    root: Option<D::Node>,
    values: usize,
}

impl<D: Dialect> Builder<'_, D> {
    fn take(&mut self, event: Event<'_>, at: Mark) -> Result<(), Refused> {
        let done = match event {
            Event::DocumentStart(..) if self.root.is_some() => Err(Refusal::SecondDocument),
            Event::Scalar(text, style, anchor, tag) => {
                let plain = style == ScalarStyle::Plain;
                self.scalar(text.into_owned(), plain, tag.as_deref(), anchor, at)
            }
            Event::SequenceStart(_, anchor, tag) => {
                self.begin(OpenContent::Sequence(Vec::new()), tag.as_deref(), "seq", anchor, at)
            }
            Event::MappingStart(_, anchor, tag) => {
                let (entries, seen) = (Vec::new(), Seen::new());
                let content = OpenContent::Mapping(OpenMapping { entries, merged: None, seen, next: Next::Key });
                self.begin(content, tag.as_deref(), "map", anchor, at)
            }
            Event::SequenceEnd | Event::MappingEnd => return self.end(),
            Event::Alias(anchor) => self.alias(anchor, at),
            _ => Ok(()),
        };
        done.map_err(|why| Refused { at, why })
    }

    fn scalar(&mut self, text: String, plain: bool, tag: Option<&Tag>, anchor: usize, at: Mark) -> Result<(), Refusal> {
        count(&mut self.values, 1)?;
        let (weight, merges) = (1 + text.len() / 64, plain && tag.is_none() && text == "<<");
        let node = self.dialect.scalar(text, plain, tag, at)?;
        self.close(Finished { node, weight, depth: 0, merges }, anchor, at)
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

    fn end(&mut self) -> Result<(), Refused> {
        let Some(open) = self.open.pop() else { return Ok(()) };
        let node = match open.content {
            OpenContent::Sequence(items) => self.dialect.sequence(items, open.at),
            OpenContent::Mapping(OpenMapping { entries, merged: None, .. }) => self.dialect.mapping(entries, open.at),
            OpenContent::Mapping(OpenMapping { entries, merged: Some(merged), .. }) => {
                self.dialect.mapping(merged.below(entries), open.at)
            }
        };
        let finished = Finished { node, weight: open.weight, depth: open.depth + 1, merges: false };
        self.close(finished, open.anchor, open.at).map_err(|why| Refused { at: open.at, why })
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
        let (weight, depth, merges) = (finished.weight, finished.depth, finished.merges);
        if self.open.len() + depth > MAX_DEPTH {
            return Err(Refusal::TooDeep);
        }
        // Counted before it is copied.
        count(&mut self.values, weight)?;
        let node = self.dialect.repeat(finished.node.clone(), at);
        self.place(Finished { node, weight, depth, merges }, at)
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
            OpenContent::Mapping(mapping) => match std::mem::replace(&mut mapping.next, Next::Key) {
                Next::Key => {
                    mapping.next = match self.dialect.key(finished.node, &mut mapping.seen, at)? {
                        None => Next::ValueOfRefused,
                        // A second one is a key that stands twice.
                        Some(_) if finished.merges && mapping.merged.is_some() => Next::ValueOfRefused,
                        Some(_) if finished.merges => Next::Merged,
                        Some(key) => Next::ValueOf(key),
                    };
                }
                Next::ValueOf(key) => mapping.entries.push((key, finished.node)),
                Next::Merged => mapping.merged = Some(Merged::of(self.dialect, finished.node)?),
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

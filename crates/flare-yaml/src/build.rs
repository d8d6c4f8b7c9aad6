//! From bytes to the tree, by the events of the parser.

use std::{collections::HashMap, sync::Arc};

use flare_diagnostic::{Code, Diagnostic, Faults, LineIndex, Place, Position};
use granit_parser::{ErrorKind, Event, Marker, Parser, ScalarStyle, ScanError, Tag};

use crate::{Content, Document, Entry, Key, Meaning, Node, Reading, Scalar, Style, shown};

/// The largest file that is read: 1 `MiB`. A config is a few hundred bytes; a federation of a thousand sites some 100 `KiB`.
pub const MAX_BYTES: usize = 1 << 20;
/// The deepest nesting that is read.
pub const MAX_DEPTH: usize = 64;
/// The most values that are read, aliases counted with all that they stand for.
pub const MAX_NODES: usize = 100_000;

/// Reads one YAML document. `file` is the name that places carry, `code` that of the faults.
///
/// Fails only where there is no tree: see the module. Faults that leave one are in [`Document::faults`].
pub fn parse(bytes: &[u8], file: &str, code: Code) -> Result<Document, Faults> {
    let text = decode(bytes, file, code)?;
    let options = granit_parser::options! { emit_comments: false };
    let mut builder = Builder { file: file.into(), code, ..Builder::default() };
    for event in Parser::new_from_str_with_options(text, options) {
        let result = match event {
            Ok((event, span)) => builder.take(event, position(span.start)),
            Err(error) => Err(builder.syntax(&error, text)),
        };
        if let Err(fatal) = result {
            return Err(builder.give_up(fatal));
        }
    }
    builder.finish()
}

fn position(marker: Marker) -> Position {
    let bounded = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
    Position { line: bounded(marker.line()), column: bounded(marker.col().saturating_add(1)) }
}

/// The bytes as text: of bounded size, UTF-8, without control characters; a byte order mark at the start is skipped.
fn decode<'bytes>(bytes: &'bytes [u8], file: &str, code: Code) -> Result<&'bytes str, Diagnostic> {
    if bytes.len() > MAX_BYTES {
        let message = format!("the file has {} bytes; at most {MAX_BYTES} (1 MiB) are read", bytes.len());
        return Err(Diagnostic::error(code, message).hint("check that this is the file you meant").at(Place::file(file)));
    }
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let valid = std::str::from_utf8(&bytes[..error.valid_up_to()]).unwrap_or_default();
        let place = Place::position(file, LineIndex::new(valid).position(valid.len()));
        Diagnostic::error(code, "the file is not UTF-8").hint("save the file as UTF-8").at(place)
    })?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    // The set of YAML's printable characters, which PyYAML enforces too.
    let control = |c: char| matches!(c, '\0'..='\u{8}' | '\u{b}' | '\u{c}' | '\u{e}'..='\u{1f}' | '\u{7f}'..='\u{84}' | '\u{86}'..='\u{9f}' | '\u{fffe}' | '\u{ffff}');
    if let Some((offset, character)) = text.char_indices().find(|(_, c)| control(*c)) {
        let place = Place::position(file, LineIndex::new(text).position(offset));
        let message = format!("the character U+{:04X} may not stand in a YAML file", u32::from(character));
        return Err(Diagnostic::error(code, message).hint("remove it, or write it as an escape in double quotes").at(place));
    }
    Ok(text)
}

/// A collection that is not closed yet.
struct Open {
    content: OpenContent,
    position: Position,
    anchor: usize,
}

enum OpenContent {
    Sequence(Vec<Node>),
    Mapping { entries: Vec<Entry>, seen: HashMap<String, Position>, key: PendingKey },
}

/// What the next node of a mapping is.
enum PendingKey {
    /// A key.
    Awaited,
    /// The value of this key.
    Read(Key),
    /// The value of a key that is refused: read, so that faults below it come out, and dropped.
    Refused,
}

struct Builder {
    file: Arc<str>,
    code: Code,
    open: Vec<Open>,
    anchors: HashMap<usize, (Node, usize)>,
    root: Option<Node>,
    nodes: usize,
    faults: Vec<(Position, Diagnostic)>,
}

impl Default for Builder {
    fn default() -> Self {
        Self {
            file: "".into(),
            code: Code::InvalidConfig,
            open: Vec::new(),
            anchors: HashMap::new(),
            root: None,
            nodes: 0,
            faults: Vec::new(),
        }
    }
}

impl Builder {
    fn take(&mut self, event: Event<'_>, at: Position) -> Result<(), Diagnostic> {
        match event {
            Event::DocumentStart(..) if self.root.is_some() => Err(self
                .fault(at, "a second YAML document begins here")
                .hint("keep one document in the file; remove the `---` and what follows")),
            Event::Scalar(text, style, anchor, tag) => {
                let mut style = if style == ScalarStyle::Plain { Style::Plain } else { Style::Quoted };
                self.check_tag(tag.as_deref(), &["str"], at)?;
                if tag.is_some() {
                    style = Style::Quoted;
                }
                let content = Content::Scalar(Scalar { text: text.into_owned(), style });
                self.count(1, at)?;
                self.close(content, at, anchor, 1)
            }
            Event::SequenceStart(_, anchor, tag) => {
                self.check_tag(tag.as_deref(), &["seq"], at)?;
                self.begin(OpenContent::Sequence(Vec::new()), at, anchor)
            }
            Event::MappingStart(_, anchor, tag) => {
                self.check_tag(tag.as_deref(), &["map"], at)?;
                let content = OpenContent::Mapping { entries: Vec::new(), seen: HashMap::new(), key: PendingKey::Awaited };
                self.begin(content, at, anchor)
            }
            Event::SequenceEnd | Event::MappingEnd => self.end(),
            Event::Alias(anchor) => self.alias(anchor, at),
            _ => Ok(()),
        }
    }

    fn begin(&mut self, content: OpenContent, position: Position, anchor: usize) -> Result<(), Diagnostic> {
        self.count(1, position)?;
        if self.open.len() >= MAX_DEPTH {
            return Err(self.too_deep(position));
        }
        self.open.push(Open { content, position, anchor });
        Ok(())
    }

    fn end(&mut self) -> Result<(), Diagnostic> {
        let Some(open) = self.open.pop() else { return Ok(()) };
        let content = match open.content {
            OpenContent::Sequence(items) => Content::Sequence(items),
            OpenContent::Mapping { entries, .. } => Content::Mapping(entries),
        };
        // Only what an alias may repeat needs its size.
        let size = if open.anchor == 0 { 1 } else { size(&content) };
        self.close(content, open.position, open.anchor, size)
    }

    /// Puts a finished node where it belongs.
    fn close(&mut self, content: Content, position: Position, anchor: usize, size: usize) -> Result<(), Diagnostic> {
        let node = Node { content, position, file: self.file.clone() };
        if anchor != 0 {
            // The copy that aliases repeat counts as well, or anchors nested in each other would cost their product.
            self.count(size, position)?;
            self.anchors.insert(anchor, (node.clone(), size));
        }
        self.place(node)
    }

    fn alias(&mut self, anchor: usize, at: Position) -> Result<(), Diagnostic> {
        let Some((node, size)) = self.anchors.get(&anchor) else {
            return Err(self.fault(at, "an alias stands inside the value that it repeats").hint("write the value out"));
        };
        let (mut node, size) = (node.clone(), *size);
        node.position = at;
        if self.open.len() + depth(&node) > MAX_DEPTH {
            return Err(self.too_deep(at));
        }
        self.count(size, at)?;
        self.place(node)
    }

    fn place(&mut self, node: Node) -> Result<(), Diagnostic> {
        let Some(open) = self.open.last_mut() else {
            self.root = Some(node);
            return Ok(());
        };
        match &mut open.content {
            OpenContent::Sequence(items) => items.push(node),
            OpenContent::Mapping { entries, key, .. } => match std::mem::replace(key, PendingKey::Awaited) {
                PendingKey::Awaited => return self.key(&node),
                PendingKey::Read(key) => entries.push(Entry { key, value: node }),
                PendingKey::Refused => {}
            },
        }
        Ok(())
    }

    /// Takes a node as the key of the innermost mapping.
    fn key(&mut self, node: &Node) -> Result<(), Diagnostic> {
        let at = node.position;
        let text = match &node.content {
            Content::Scalar(scalar) if scalar.style == Style::Plain && scalar.text == "<<" => {
                return Err(self.fault(at, "merge keys (`<<`) are not read").hint("write the keys out where they are needed"));
            }
            Content::Scalar(scalar) if matches!(scalar.reading(), Reading::Same(Meaning::String)) => Some(scalar.text.clone()),
            // What only 1.2 takes for a number FLARE reads as a string, and a key can be nothing else.
            Content::Scalar(scalar) if scalar.legacy_meaning() == Meaning::String => Some(scalar.text.clone()),
            _ => None,
        };
        let Some(text) = text else {
            let fault = self.fault(at, format!("a key must be a string, not {}", key_description(node)));
            let hint = match &node.content {
                Content::Scalar(scalar) => format!("put it in quotes: `\"{}\"`", shown(&scalar.text)),
                _ => "use a string as the key".to_owned(),
            };
            self.faults.push((at, fault.hint(hint)));
            self.pending(PendingKey::Refused);
            return Ok(());
        };
        let first = match self.open.last_mut() {
            Some(Open { content: OpenContent::Mapping { seen, .. }, .. }) => {
                let first = seen.get(&text).copied();
                seen.entry(text.clone()).or_insert(at);
                first
            }
            _ => None,
        };
        if let Some(first) = first {
            let message =
                format!("the key `{}` is written twice; it first stands at {}:{}", shown(&text), first.line, first.column);
            let fault = self.fault(at, message).hint("keep one of the two");
            self.faults.push((at, fault));
        }
        self.pending(PendingKey::Read(Key { text, position: at, file: self.file.clone() }));
        Ok(())
    }

    fn pending(&mut self, next: PendingKey) {
        if let Some(Open { content: OpenContent::Mapping { key, .. }, .. }) = self.open.last_mut() {
            *key = next;
        }
    }

    fn count(&mut self, more: usize, at: Position) -> Result<(), Diagnostic> {
        self.nodes = self.nodes.saturating_add(more);
        if self.nodes <= MAX_NODES {
            return Ok(());
        }
        let message = format!("the file holds more than {MAX_NODES} values, counting all that aliases repeat");
        Err(self.fault(at, message).hint("check that this is the file you meant; write out what aliases repeat"))
    }

    fn check_tag(&self, tag: Option<&Tag>, allowed: &[&str], at: Position) -> Result<(), Diagnostic> {
        match tag {
            Some(tag) if !allowed.iter().any(|suffix| tag.is_yaml_core_schema_tag(suffix)) => Err(self
                .fault(at, format!("the tag `{}` is not read", shown(&tag.original())))
                .hint("remove the tag; put the value in quotes if a string is meant")),
            _ => Ok(()),
        }
    }

    fn fault(&self, at: Position, message: impl Into<String>) -> Diagnostic {
        Diagnostic::error(self.code, message).at(Place::position(&*self.file, at))
    }

    fn too_deep(&self, at: Position) -> Diagnostic {
        self.fault(at, format!("values are nested more than {MAX_DEPTH} levels deep"))
            .hint("check that this is the file you meant")
    }

    fn syntax(&self, error: &ScanError, text: &str) -> Diagnostic {
        let at = position(*error.marker());
        if matches!(error.kind(), ErrorKind::RecursionLimitExceeded) {
            return self.too_deep(at);
        }
        let line = text.lines().nth(at.line.saturating_sub(1) as usize).unwrap_or_default();
        let tabbed = line.chars().take_while(|c| c.is_whitespace()).any(|c| c == '\t');
        let hint = if tabbed {
            "indent with spaces: YAML takes no tabs there"
        } else {
            "check indentation, colons and quotes here and in the lines above"
        };
        self.fault(at, format!("not valid YAML: {}", error.info())).hint(hint)
    }

    /// Ends with a fault behind which nothing can be read, and those found until then.
    fn give_up(mut self, fatal: Diagnostic) -> Faults {
        // The parser may point back, to a bracket that is never closed.
        let at = fatal.place.as_ref().and_then(|place| place.position).unwrap_or(Position { line: 1, column: 1 });
        self.faults.push((at, fatal.clone()));
        let faults = self.sorted_faults().into_iter().map(Faults::from);
        faults.reduce(Faults::and).unwrap_or_else(|| fatal.into())
    }

    fn sorted_faults(&self) -> Vec<Diagnostic> {
        let mut faults = self.faults.clone();
        faults.sort_by_key(|(position, _)| *position);
        faults.into_iter().map(|(_, fault)| fault).collect()
    }

    fn finish(mut self) -> Result<Document, Faults> {
        let faults = self.sorted_faults();
        match self.root.take() {
            Some(root) => Ok(Document { root, faults }),
            None => Err(Diagnostic::error(self.code, "the file is empty")
                .hint("write the keys that are needed; see the example file")
                .at(Place::file(&*self.file))
                .into()),
        }
    }
}

fn key_description(node: &Node) -> String {
    match &node.content {
        Content::Scalar(scalar) => match scalar.reading() {
            Reading::Same(_) => scalar.describe(),
            Reading::Differs { yaml_1_1, .. } => {
                format!("`{}`, which YAML 1.1 reads as {}", shown(&scalar.text), yaml_1_1.describe())
            }
        },
        _ => node.describe(),
    }
}

/// The number of nodes, this one included.
fn size(content: &Content) -> usize {
    1 + match content {
        Content::Scalar(_) => 0,
        Content::Sequence(items) => items.iter().map(|item| size(&item.content)).sum::<usize>(),
        Content::Mapping(entries) => entries.iter().map(|entry| 1 + size(&entry.value.content)).sum(),
    }
}

/// The number of levels below this node.
fn depth(node: &Node) -> usize {
    match &node.content {
        Content::Scalar(_) => 0,
        Content::Sequence(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
        Content::Mapping(entries) => 1 + entries.iter().map(|entry| depth(&entry.value)).max().unwrap_or(0),
    }
}

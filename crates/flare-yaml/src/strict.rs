//! The strict dialect: keys are strings, no value is ambiguous, every fault has a hint.

use std::sync::Arc;

use flare_diagnostic::{Code, Diagnostic, Faults, LineIndex, Place, Position};
use granit_parser::Tag;

use crate::{
    Document, Key, KeyValue, MAX_BYTES, MAX_DEPTH, MAX_NODES, Meaning, Node, NodeContent, Scalar, Style, build,
    dialect::{Dialect, Mark, Parts, Refusal, Refused, Seen},
    shown,
};

/// Reads one YAML document. `file` is the name that places carry, `code` that of the faults.
///
/// Fails only if no tree can be built: see the crate's documentation. Other faults are in [`Document::faults`].
pub fn parse(bytes: &[u8], file: &str, code: Code) -> Result<Document, Faults> {
    parse_if_any(bytes, file, code)?.ok_or_else(|| {
        Diagnostic::error(code, "the file is empty")
            .hint("write the keys that are needed; see the example file")
            .at(Place::file(file))
            .into()
    })
}

/// As [`parse`]; `None` if the file has no document, only space and comments.
pub fn parse_if_any(bytes: &[u8], file: &str, code: Code) -> Result<Option<Document>, Faults> {
    let text = decode(bytes, file, code)?;
    let mut strict = Strict { file: file.into(), code, faults: Vec::new() };
    match build::read(text, &mut strict) {
        Err(refused) => Err(strict.give_up(&refused, text)),
        Ok(root) => Ok(root.map(|root| Document { root, faults: strict.sorted_faults().collect() })),
    }
}

/// The bytes as text: of bounded size and UTF-8.
fn decode<'bytes>(bytes: &'bytes [u8], file: &str, code: Code) -> Result<&'bytes str, Diagnostic> {
    if bytes.len() > MAX_BYTES {
        let message = format!("the file has {} bytes; at most {MAX_BYTES} (1 MiB) are read", bytes.len());
        return Err(Diagnostic::error(code, message).hint("check that this is the file you meant").at(Place::file(file)));
    }
    std::str::from_utf8(bytes).map_err(|error| {
        let valid = std::str::from_utf8(&bytes[..error.valid_up_to()]).unwrap_or_default();
        let place = Place::position(file, LineIndex::new(valid).position(valid.len()));
        Diagnostic::error(code, "the file is not UTF-8").hint("save the file as UTF-8").at(place)
    })
}

struct Strict {
    file: Arc<str>,
    code: Code,
    faults: Vec<(Position, Diagnostic)>,
}

impl Dialect for Strict {
    type Node = Node;
    type Key = Key;

    fn scalar(&mut self, text: String, plain: bool, tag: Option<&Tag>, at: Mark) -> Result<Node, Refusal> {
        if let Some(tag) = tag.filter(|tag| !self.takes_tag(tag, "str")) {
            return Err(Refusal::Tag(tag.original()));
        }
        let style = if plain && tag.is_none() { Style::Plain } else { Style::Quoted };
        Ok(self.node(NodeContent::Scalar(Scalar { text, style }), at))
    }

    fn takes_tag(&self, tag: &Tag, kind: &str) -> bool {
        tag.is_yaml_core_schema_tag(kind)
    }

    fn sequence(&mut self, items: Vec<Node>, at: Mark) -> Node {
        self.node(NodeContent::Sequence(items), at)
    }

    fn key(&mut self, node: Node, seen: &mut Seen, at: Mark) -> Result<Option<Key>, Refusal> {
        let at = at.position;
        let Some(text) = key_text(&node) else {
            self.no_string(&node, at);
            return Ok(None);
        };
        match seen.get(&text) {
            Some(first) => {
                let message =
                    format!("the key `{}` is written twice; it first stands at {}:{}", shown(&text), first.line, first.column);
                let fault = self.fault(at, message).hint("keep one of the two");
                self.faults.push((at, fault));
            }
            None => drop(seen.insert(text.clone(), at)),
        }
        Ok(Some(Key { text, position: at, file: self.file.clone() }))
    }

    fn mapping(&mut self, entries: Vec<(Key, Node)>, at: Mark) -> Node {
        let entries = entries.into_iter().map(|(key, value)| KeyValue { key, value }).collect();
        self.node(NodeContent::Mapping(entries), at)
    }

    fn repeat(&mut self, node: Node, at: Mark) -> Node {
        Node { position: at.position, ..node }
    }

    fn parts(&self, node: Node) -> Parts<Key, Node> {
        match node.content {
            NodeContent::Mapping(entries) => Parts::Mapping(entries.into_iter().map(|entry| (entry.key, entry.value)).collect()),
            NodeContent::Sequence(items) => Parts::Sequence(items),
            NodeContent::Scalar(_) => Parts::Scalar,
        }
    }

    fn text(key: &Key) -> &str {
        &key.text
    }
}

impl Strict {
    fn node(&self, content: NodeContent, at: Mark) -> Node {
        Node { content, position: at.position, file: self.file.clone() }
    }

    /// Reports a key that is not a string.
    fn no_string(&mut self, node: &Node, at: Position) {
        let fault = self.fault(at, format!("a key must be a string, not {}", key_description(node)));
        let hint = match &node.content {
            NodeContent::Scalar(scalar) => format!("put it in quotes: `\"{}\"`", shown(&scalar.text)),
            _ => "use a string as the key".to_owned(),
        };
        self.faults.push((at, fault.hint(hint)));
    }

    fn fault(&self, at: Position, message: impl Into<String>) -> Diagnostic {
        Diagnostic::error(self.code, message).at(Place::position(&*self.file, at))
    }

    /// Ends with a fault after which nothing can be read, and the faults found before it.
    fn give_up(mut self, refused: &Refused, text: &str) -> Faults {
        // The parser may point back to a bracket that is never closed.
        let at = refused.at.position;
        let fatal = self.fault(at, message(&refused.why)).hint(hint(&refused.why, text, at));
        self.faults.push((at, fatal.clone()));
        Faults::from_list(self.sorted_faults().collect()).unwrap_or_else(|| fatal.into())
    }

    fn sorted_faults(&mut self) -> impl Iterator<Item = Diagnostic> {
        let mut faults = std::mem::take(&mut self.faults);
        faults.sort_by_key(|(position, _)| *position);
        faults.into_iter().map(|(_, fault)| fault)
    }
}

fn message(why: &Refusal) -> String {
    match why {
        Refusal::Syntax(words) => format!("not valid YAML: {words}"),
        Refusal::Control(character) => {
            format!("the character U+{:04X} may not stand in a YAML file", u32::from(*character))
        }
        Refusal::SecondDocument => "a second YAML document begins here".to_owned(),
        Refusal::TooDeep => format!("values are nested more than {MAX_DEPTH} levels deep"),
        Refusal::TooLarge => format!("the file holds more than {MAX_NODES} values, counting all that aliases repeat"),
        Refusal::AliasInItself => "an alias stands inside the value that it repeats".to_owned(),
        Refusal::NoMerge => "the merge key `<<` takes a mapping or a list of mappings".to_owned(),
        Refusal::Tag(tag) => format!("the tag `{}` is not read", shown(tag)),
        Refusal::Key(what) => (*what).to_owned(),
    }
}

/// The hint for a refusal at a position of the text, for both dialects.
pub(crate) fn hint(why: &Refusal, text: &str, at: Position) -> &'static str {
    match why {
        Refusal::Syntax(_) => {
            let line = text.lines().nth(at.line.saturating_sub(1) as usize).unwrap_or_default();
            let tabbed = line.chars().take_while(|c| c.is_whitespace()).any(|c| c == '\t');
            if tabbed {
                "indent with spaces: YAML takes no tabs there"
            } else {
                "check indentation, colons and quotes here and in the lines above"
            }
        }
        Refusal::Control(_) => "remove it, or write it as an escape in double quotes",
        Refusal::SecondDocument => "keep one document in the file; remove the `---` and what follows",
        Refusal::TooDeep => "check that this is the file you meant",
        Refusal::TooLarge => "check that this is the file you meant; write out what aliases repeat",
        Refusal::AliasInItself => "write the value out",
        Refusal::NoMerge => "name a mapping with an anchor, such as `<<: *name`, or write the keys out where they are needed",
        Refusal::Tag(_) => "remove the tag; put the value in quotes if a string is meant",
        Refusal::Key(_) => "use a string in quotes as the key",
    }
}

/// The text of a key that every reader takes for a string. A number only in YAML 1.2 passes: FLARE reads it as a string, and
/// a key cannot be anything else.
fn key_text(node: &Node) -> Option<String> {
    match &node.content {
        NodeContent::Scalar(scalar) if scalar.legacy_meaning() == Meaning::String => Some(scalar.text.clone()),
        _ => None,
    }
}

fn key_description(node: &Node) -> String {
    match &node.content {
        NodeContent::Scalar(scalar) => scalar.describe_as_read_by_flare(),
        _ => node.describe(),
    }
}

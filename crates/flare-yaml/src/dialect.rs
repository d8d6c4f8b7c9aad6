//! What a dialect of YAML decides: the meaning of scalars and keys.

use std::collections::HashMap;

use flare_diagnostic::Position;
use granit_parser::Tag;

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
    /// The value of a merge key is neither a mapping nor a list of mappings.
    NoMerge,
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
    /// A node taken apart.
    fn parts(&self, node: Self::Node) -> Parts<Self::Key, Self::Node>;
    /// The text of a key; keys of the same text are the same.
    fn text(key: &Self::Key) -> &str;
}

/// The keys of a mapping so far, and the first position of each.
pub(crate) type Seen = HashMap<String, Position>;

/// The parts of a node.
pub(crate) enum Parts<Key, Node> {
    Mapping(Vec<(Key, Node)>),
    Sequence(Vec<Node>),
    Scalar,
}

//! The tree: every node and key with its place.

use std::sync::Arc;

use flare_diagnostic::{Collector, Place, Position};

/// A YAML document that could be read.
#[derive(Debug, Clone, PartialEq)]
pub struct Document {
    /// The whole document.
    pub root: Node,
    /// What is wrong with it although it could be read, in file order; a reader adds its own faults and ends with
    /// [`Collector::finish`].
    pub faults: Collector,
}

/// A value and where it stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// The value.
    pub content: NodeContent,
    /// Where it begins; for an alias, where the alias stands.
    pub position: Position,
    /// The file, as the user named it.
    pub file: Arc<str>,
}

/// What a node holds.
#[derive(Debug, Clone, PartialEq)]
pub enum NodeContent {
    /// A single value.
    Scalar(Scalar),
    /// A list.
    Sequence(Vec<Node>),
    /// Keys with values in the order of the file. A duplicate key is listed twice; its fault is in
    /// [`Document::faults`].
    Mapping(Vec<KeyValue>),
}

/// A single value, as it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scalar {
    /// The text after escapes and folding.
    pub text: String,
    /// Whether it can be anything but a string.
    pub style: Style,
}

/// How a scalar is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// Without quotes: what it means depends on its text.
    Plain,
    /// In quotes, as a block, or with the tag `!!str`: always a string.
    Quoted,
}

/// A key with its value.
#[derive(Debug, Clone, PartialEq)]
pub struct KeyValue {
    /// The key.
    pub key: Key,
    /// Its value.
    pub value: Node,
}

/// A key of a mapping, always a string.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// The text.
    pub text: String,
    /// Where it begins.
    pub position: Position,
    /// The file, as the user named it.
    pub file: Arc<str>,
}

impl Key {
    /// Where the key stands.
    pub fn place(&self) -> Place {
        Place::position(&*self.file, self.position)
    }
}

impl Node {
    /// Where the value stands.
    pub fn place(&self) -> Place {
        Place::position(&*self.file, self.position)
    }

    /// The value of a key; `None` where this is not a mapping or has no such key.
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.entries().iter().find(|entry| entry.key.text == key).map(|entry| &entry.value)
    }

    /// The entries of a mapping; none where this is another kind of value.
    pub fn entries(&self) -> &[KeyValue] {
        match &self.content {
            NodeContent::Mapping(entries) => entries,
            _ => &[],
        }
    }

    /// What this is, for messages: `a list`, `the number`, ….
    pub fn describe(&self) -> String {
        match &self.content {
            NodeContent::Sequence(_) => "a list".to_owned(),
            NodeContent::Mapping(_) => "a mapping".to_owned(),
            NodeContent::Scalar(scalar) => scalar.describe(),
        }
    }
}

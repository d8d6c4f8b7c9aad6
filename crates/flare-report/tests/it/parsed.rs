//! A page as a tree, if it has no parse error.

use std::collections::BTreeSet;

use html5ever::{ParseOpts, parse_document, tendril::TendrilSink as _, tokenizer::TokenizerOpts};
use markup5ever_rcdom::{Handle, NodeData, RcDom};

/// An element with its attributes; `depth` is the number of elements around it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Element {
    pub(crate) name: String,
    pub(crate) attributes: Vec<(String, String)>,
    pub(crate) depth: usize,
}

impl Element {
    pub(crate) fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

/// A parsed page.
pub(crate) struct Parsed {
    /// All elements, in the order of the page.
    pub(crate) elements: Vec<Element>,
    /// All text but the style sheet, without marks between its parts.
    pub(crate) text: String,
    comments: usize,
}

/// Parses a page. Panics if a browser would have to repair it.
pub(crate) fn parse(page: &str) -> Parsed {
    let tokenizer = TokenizerOpts { exact_errors: true, ..TokenizerOpts::default() };
    let dom = parse_document(RcDom::default(), ParseOpts { tokenizer, ..ParseOpts::default() }).one(page);
    assert!(dom.errors.borrow().is_empty(), "{:?}\n{page}", dom.errors.borrow());
    let mut parsed = Parsed { elements: Vec::new(), text: String::new(), comments: 0 };
    walk(&dom.document, 0, &mut parsed);
    assert_eq!(parsed.comments, 0, "{page}");
    parsed
}

fn walk(node: &Handle, depth: usize, parsed: &mut Parsed) {
    let mut below = depth;
    match &node.data {
        NodeData::Element { name, attrs, .. } => {
            let attributes = attrs.borrow().iter().map(|one| (one.name.local.to_string(), one.value.to_string())).collect();
            parsed.elements.push(Element { name: name.local.to_string(), attributes, depth });
            if &*name.local == "style" {
                return;
            }
            below += 1;
        }
        NodeData::Text { contents } => parsed.text.push_str(&contents.borrow()),
        NodeData::Comment { .. } | NodeData::ProcessingInstruction { .. } => parsed.comments += 1,
        NodeData::Document | NodeData::Doctype { .. } => {}
    }
    node.children.borrow().iter().for_each(|child| walk(child, below, parsed));
}

impl Parsed {
    pub(crate) fn named(&self, name: &str) -> impl Iterator<Item = &Element> {
        self.elements.iter().filter(move |element| element.name == name)
    }

    /// The ids of the page. Panics if one is there twice.
    pub(crate) fn ids(&self) -> BTreeSet<&str> {
        let mut ids = BTreeSet::new();
        for id in self.elements.iter().filter_map(|element| element.attribute("id")) {
            assert!(ids.insert(id), "two elements have the id {id}");
        }
        ids
    }
}

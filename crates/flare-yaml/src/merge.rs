//! The merge key `<<`: a mapping takes the entries of others.
//!
//! Source: <https://yaml.org/type/merge.html>, and `flatten_mapping` of `PyYAML`, whose order of entries this is.

use std::collections::HashMap;

use crate::dialect::{Dialect, Parts, Refusal};

/// What a merge key contributes to its mapping.
pub(crate) struct Merged<D: Dialect> {
    entries: Vec<(D::Key, D::Node)>,
    /// Where each key stands in the list.
    index: HashMap<String, usize>,
}

impl<D: Dialect> Merged<D> {
    /// The entries of a mapping, or of each mapping of a list, of which an earlier one takes precedence.
    pub(crate) fn of(dialect: &D, value: D::Node) -> Result<Self, Refusal> {
        let mut merged = Self { entries: Vec::new(), index: HashMap::new() };
        match dialect.parts(value) {
            Parts::Mapping(entries) => merged.add(entries),
            Parts::Sequence(items) => {
                for item in items.into_iter().rev() {
                    let Parts::Mapping(entries) = dialect.parts(item) else { return Err(Refusal::NoMerge) };
                    merged.add(entries);
                }
            }
            Parts::Scalar => return Err(Refusal::NoMerge),
        }
        Ok(merged)
    }

    fn add(&mut self, entries: Vec<(D::Key, D::Node)>) {
        for (key, node) in entries {
            if let Some(at) = self.index.get(D::text(&key)) {
                self.entries[*at] = (key, node);
            } else {
                self.index.insert(D::text(&key).to_owned(), self.entries.len());
                self.entries.push((key, node));
            }
        }
    }

    /// All entries of the mapping, whose own take the place of these. An own key that stands twice stays there twice, which is a fault.
    pub(crate) fn below(mut self, own: Vec<(D::Key, D::Node)>) -> Vec<(D::Key, D::Node)> {
        for (key, node) in own {
            match self.index.remove(D::text(&key)) {
                Some(at) => self.entries[at] = (key, node),
                None => self.entries.push((key, node)),
            }
        }
        self.entries
    }
}

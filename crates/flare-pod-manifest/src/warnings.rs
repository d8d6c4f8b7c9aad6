//! The warnings of one file, collected in any order and returned in file order.

use flare_diagnostic::{Code, Diagnostic, LineIndex, Place};

use crate::acceptable::Doubt;

/// Warnings of one file. FLARE's launcher passes such values on, so they are not errors here either.
pub(crate) struct Warnings<'text> {
    file: &'text str,
    text: &'text str,
    found: Vec<(usize, Diagnostic)>,
}

impl<'text> Warnings<'text> {
    pub(crate) fn new(file: &'text str, text: &'text str) -> Self {
        Self { file, text, found: Vec::new() }
    }

    /// Adds a warning at a byte offset.
    pub(crate) fn at(&mut self, offset: usize, message: impl Into<String>, hint: &str) {
        let warning = Diagnostic::warning(Code::Notice, message);
        self.found.push((offset, if hint.is_empty() { warning } else { warning.hint(hint) }));
    }

    /// Adds a warning about a value that Kubernetes refuses or misunderstands: names the key, never the value.
    pub(crate) fn doubt(&mut self, offset: usize, path: &str, doubt: Option<Doubt>) {
        if let Some(doubt) = doubt {
            self.at(offset, format!("`{path}` {}", doubt.what), &doubt.hint);
        }
    }

    /// The warnings in file order, each with line and column.
    pub(crate) fn into_sorted(mut self) -> impl Iterator<Item = Diagnostic> {
        self.found.sort_by_key(|(offset, _)| *offset);
        let index = LineIndex::new(self.text);
        let place = move |offset| Place::position(self.file, index.position(offset));
        self.found.into_iter().map(move |(offset, warning)| warning.at(place(offset)))
    }
}

//! Collects the diagnostics of several participants, each once.

use std::collections::HashSet;

use flare_diagnostic::{Checked, Collector, Diagnostic, Faults, Severity};

/// A [`Collector`] without duplicates: a later diagnostic with the same message and place is dropped, since a fault in a
/// shared file is found once for each participant.
#[derive(Debug, Default)]
pub(crate) struct UniqueCollector {
    found: Collector,
    known: HashSet<(Severity, String, Option<String>)>,
}

impl UniqueCollector {
    pub(crate) fn push(&mut self, diagnostic: Diagnostic) {
        let place = diagnostic.place.as_ref().map(ToString::to_string);
        if self.known.insert((diagnostic.severity, diagnostic.message.clone(), place)) {
            self.found.push(diagnostic);
        }
    }

    pub(crate) fn has_errors(&self) -> bool {
        self.found.has_errors()
    }

    /// Like [`Collector::keep_checked`].
    pub(crate) fn keep_checked<T>(&mut self, part: Result<Checked<T>, Faults>) -> Option<T> {
        match part {
            Ok(checked) => Some(checked.collect(self)),
            Err(faults) => {
                self.extend(faults);
                None
            }
        }
    }

    /// Like [`Collector::finish`].
    pub(crate) fn finish<T>(self, value: impl FnOnce() -> T) -> Result<Checked<T>, Faults> {
        self.found.finish(value)
    }
}

impl Extend<Diagnostic> for UniqueCollector {
    fn extend<T: IntoIterator<Item = Diagnostic>>(&mut self, diagnostics: T) {
        diagnostics.into_iter().for_each(|diagnostic| self.push(diagnostic));
    }
}

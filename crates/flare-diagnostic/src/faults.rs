//! The error type of every crate that reads input: all errors of one input at once, with the warnings found before.

use std::fmt;

use crate::Diagnostic;

/// All errors of one input, at least one, and the warnings that were found before them.
///
/// The warnings often name the cause of an error, so they travel with it: whoever passes a `Faults` on cannot lose them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Faults {
    /// Never empty.
    errors: Vec<Diagnostic>,
    warnings: Vec<Diagnostic>,
}

impl Faults {
    /// The faults of a list; `None` where it is empty.
    pub fn from_list(errors: Vec<Diagnostic>) -> Option<Self> {
        (!errors.is_empty()).then(|| Self { errors, warnings: Vec::new() })
    }

    /// A first fault and those after it.
    pub fn new(first: Diagnostic, others: impl IntoIterator<Item = Diagnostic>) -> Self {
        Self { errors: std::iter::once(first).chain(others).collect(), warnings: Vec::new() }
    }

    /// Finishes a check that has no warnings: `Ok` with the value if nothing was found, otherwise all faults. A check that
    /// has both uses a [`Collector`](crate::Collector).
    ///
    /// The value is made only if there is no fault, so it may rely on what was checked.
    pub fn check<T>(faults: Vec<Diagnostic>, value: impl FnOnce() -> T) -> Result<T, Self> {
        Self::from_list(faults).map_or_else(|| Ok(value()), Err)
    }

    /// The errors, in the order of the input.
    pub fn all(&self) -> &[Diagnostic] {
        &self.errors
    }

    /// The first error, which is the one shown when a report has room for only one.
    pub fn first(&self) -> &Diagnostic {
        &self.errors[0]
    }

    /// The warnings that were found before the errors, in their order.
    pub fn warnings(&self) -> &[Diagnostic] {
        &self.warnings
    }

    /// Puts warnings that were found earlier before those that are there.
    #[must_use]
    pub fn after(mut self, warnings: impl IntoIterator<Item = Diagnostic>) -> Self {
        self.warnings.splice(0..0, warnings);
        self
    }

    /// The errors and the warnings.
    pub fn into_parts(self) -> (Vec<Diagnostic>, Vec<Diagnostic>) {
        (self.errors, self.warnings)
    }

    /// Changes every error, to say more about it than the place that found it could.
    #[must_use]
    pub fn map(self, change: impl FnMut(Diagnostic) -> Diagnostic) -> Self {
        Self { errors: self.errors.into_iter().map(change).collect(), warnings: self.warnings }
    }

    /// Changes every error and every warning, such as where it stands.
    #[must_use]
    pub fn map_all(self, mut change: impl FnMut(Diagnostic) -> Diagnostic) -> Self {
        let warnings = self.warnings.into_iter().map(&mut change).collect();
        Self { errors: self.errors.into_iter().map(change).collect(), warnings }
    }

    /// Puts the errors in the order in which a report shows them; equal keys keep their order.
    #[must_use]
    pub fn sort_by_key<K: Ord>(mut self, key: impl FnMut(&Diagnostic) -> K) -> Self {
        self.errors.sort_by_key(key);
        self
    }

    /// Adds the errors and warnings of another input of the same run.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.errors.extend(other.errors);
        self.warnings.extend(other.warnings);
        self
    }
}

/// The errors, then the warnings.
impl IntoIterator for Faults {
    type Item = Diagnostic;
    type IntoIter = std::iter::Chain<std::vec::IntoIter<Diagnostic>, std::vec::IntoIter<Diagnostic>>;

    fn into_iter(self) -> Self::IntoIter {
        self.errors.into_iter().chain(self.warnings)
    }
}

impl From<Diagnostic> for Faults {
    fn from(fault: Diagnostic) -> Self {
        Self::new(fault, [])
    }
}

/// Shows the errors, one a line; the warnings are for whoever renders a report.
impl fmt::Display for Faults {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, fault) in self.errors.iter().enumerate() {
            if index > 0 {
                formatter.write_str("\n")?;
            }
            write!(formatter, "{fault}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Faults {}

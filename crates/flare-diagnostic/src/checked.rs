//! Results with warnings, and the collector of the errors and warnings that a reader finds.

use crate::{Code, Diagnostic, Faults, Severity};

/// A result, with the warnings that arose while it was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked<T> {
    /// The result.
    pub value: T,
    /// Warnings, in the order in which they arose; they never change an exit code.
    pub warnings: Vec<Diagnostic>,
}

impl<T> Checked<T> {
    /// A result without warnings.
    pub fn clean(value: T) -> Self {
        Self { value, warnings: Vec::new() }
    }

    /// Takes the value out and moves the warnings to `sink`.
    pub fn collect(self, sink: &mut impl Extend<Diagnostic>) -> T {
        sink.extend(self.warnings);
        self.value
    }

    /// Changes the value.
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Checked<U> {
        Checked { value: change(self.value), warnings: self.warnings }
    }

    /// Runs the next step. These warnings come before those of the step, even if it fails.
    pub fn and_then<U>(self, step: impl FnOnce(T) -> Result<Checked<U>, Faults>) -> Result<Checked<U>, Faults> {
        let mut collector = Collector::new();
        collector.extend(self.warnings);
        let value = collector.require_checked(step(self.value))?;
        collector.finish(|| value)
    }
}

/// The errors and warnings that a reader has found so far, each list in the order in which they were found.
///
/// ```
/// use flare_diagnostic::{Checked, Code, Collector, Diagnostic, Faults};
///
/// fn read(number: &str, unit: &str) -> Result<Checked<u64>, Faults> {
///     let mut collector = Collector::new();
///     if unit.is_empty() {
///         collector.push(Diagnostic::warning(Code::Notice, "no unit is given; seconds are meant"));
///     }
///     let fault = |_| Diagnostic::error(Code::InvalidConfig, "this is not a number").hint("write digits");
///     let number = collector.keep(number.parse().map_err(fault));
///     collector.finish_some(number)
/// }
/// let faults = read("ten", "").unwrap_err();
/// assert_eq!(faults.warnings().len(), 1, "the warning comes with the error");
/// assert_eq!(read("10", "").unwrap().value, 10);
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Collector {
    errors: Vec<Diagnostic>,
    warnings: Vec<Diagnostic>,
}

impl Collector {
    /// A collector that has found nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an error or a warning.
    pub fn push(&mut self, diagnostic: Diagnostic) {
        match diagnostic.severity {
            Severity::Error => self.errors.push(diagnostic),
            Severity::Warning => self.warnings.push(diagnostic),
        }
    }

    /// Turns the errors into warnings, for a flag by which the user accepts them.
    pub fn accept(&mut self) {
        self.warnings.extend(self.errors.drain(..).map(Diagnostic::into_warning));
    }

    /// Whether an error was found, in which case there will be no value.
    pub fn has_errors(&self) -> bool {
        !self.errors.is_empty()
    }

    /// The value of a part; `None`, with its faults added, if it has none. For parts that are read even if another part is faulty.
    pub fn keep<T>(&mut self, part: Result<T, impl Into<Faults>>) -> Option<T> {
        part.map_err(|faults| self.add(faults.into())).ok()
    }

    /// As [`Collector::keep`], for a part with warnings.
    pub fn keep_checked<T>(&mut self, part: Result<Checked<T>, Faults>) -> Option<T> {
        self.keep(part).map(|checked| checked.collect(self))
    }

    /// The value of a step that every later step needs.
    ///
    /// # Errors
    ///
    /// The faults of the step, after all that was found before.
    pub fn require<T>(&mut self, step: Result<T, impl Into<Faults>>) -> Result<T, Faults> {
        step.map_err(|faults| {
            let (errors, warnings) = faults.into().into_parts();
            let mut found = std::mem::take(self);
            found.warnings.extend(warnings);
            found.errors.extend(errors);
            found.into_faults()
        })
    }

    /// As [`Collector::require`], for a step with warnings.
    ///
    /// # Errors
    ///
    /// The faults of the step, after all that was found before.
    pub fn require_checked<T>(&mut self, step: Result<Checked<T>, Faults>) -> Result<T, Faults> {
        self.require(step).map(|checked| checked.collect(self))
    }

    /// Finishes reading. The value is made only if no error was found, so it may rely on what was checked.
    ///
    /// # Errors
    ///
    /// All errors that were found, with all warnings.
    pub fn finish<T>(self, value: impl FnOnce() -> T) -> Result<Checked<T>, Faults> {
        if self.has_errors() { Err(self.into_faults()) } else { Ok(Checked { value: value(), warnings: self.warnings }) }
    }

    /// Finishes reading, for a value that is present unless an error was found.
    ///
    /// # Errors
    ///
    /// All errors that were found, with all warnings; an internal error if there is neither a value nor an error.
    pub fn finish_some<T>(self, value: Option<T>) -> Result<Checked<T>, Faults> {
        match value {
            Some(value) => self.finish(|| value),
            None => Err(self.into_faults()),
        }
    }

    fn add(&mut self, faults: Faults) {
        let (errors, warnings) = faults.into_parts();
        self.errors.extend(errors);
        self.warnings.extend(warnings);
    }

    fn into_faults(self) -> Faults {
        let none = || Diagnostic::error(Code::Internal, "a check gave neither a value nor an error").into();
        Faults::from_list(self.errors).unwrap_or_else(none).after(self.warnings)
    }
}

/// The errors, then the warnings.
impl IntoIterator for Collector {
    type Item = Diagnostic;
    type IntoIter = std::iter::Chain<std::vec::IntoIter<Diagnostic>, std::vec::IntoIter<Diagnostic>>;

    fn into_iter(self) -> Self::IntoIter {
        self.errors.into_iter().chain(self.warnings)
    }
}

impl FromIterator<Diagnostic> for Collector {
    fn from_iter<I: IntoIterator<Item = Diagnostic>>(diagnostics: I) -> Self {
        let mut collector = Self::new();
        collector.extend(diagnostics);
        collector
    }
}

impl Extend<Diagnostic> for Collector {
    fn extend<I: IntoIterator<Item = Diagnostic>>(&mut self, diagnostics: I) {
        diagnostics.into_iter().for_each(|diagnostic| self.push(diagnostic));
    }
}

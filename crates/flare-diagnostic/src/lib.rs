#![doc = include_str!("../README.md")]

mod code;
mod place;
mod printable;
mod suggestion;

use std::fmt;

pub use code::Code;
pub use place::{LineIndex, Place, Position};
pub use printable::printable;
use serde::{Serialize, Serializer, ser::SerializeMap};
pub use suggestion::{closest, did_you_mean};

/// How much a diagnostic weighs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// The run goes on; the user should know.
    Warning,
    /// The run ends without a result.
    Error,
}

/// One thing that is wrong (an error) or may be wrong (a warning).
///
/// The message is a lower-case fragment without a full stop, values stand in backticks. It never
/// holds a key, a token or a line of a file that may hold one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// What programs match on.
    pub code: Code,
    /// Error or warning.
    pub severity: Severity,
    /// What is wrong, for people.
    pub message: String,
    /// What one can do about it, in the imperative.
    pub hint: Option<String>,
    /// Where it is wrong.
    pub place: Option<Place>,
}

impl Diagnostic {
    /// Makes an error. Control characters in the message, which can only come from values, are escaped, so that a value
    /// can neither steer a terminal nor forge a second line.
    pub fn error(code: Code, message: impl Into<String>) -> Self {
        let message = printable(&message.into()).into_owned();
        Self { code, severity: Severity::Error, message, hint: None, place: None }
    }

    /// Makes a warning.
    pub fn warning(code: Code, message: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(code, message) }
    }

    /// Adds what one can do about it. Control characters are escaped as in the message.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(printable(&hint.into()).into_owned());
        self
    }

    /// Adds the place.
    #[must_use]
    pub fn at(mut self, place: impl Into<Place>) -> Self {
        self.place = Some(place.into());
        self
    }

    /// Turns an error into a warning, for a flag by which the user accepts it.
    #[must_use]
    pub fn into_warning(mut self) -> Self {
        self.severity = Severity::Warning;
        self
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(place) = &self.place {
            write!(formatter, "{place}: ")?;
        }
        formatter.write_str(&self.message)
    }
}

/// Serializes with the keys of the machine-readable envelope: `error_code` (`code` for a warning), `message`, `hint`,
/// `location`. Absent parts are left out.
impl Serialize for Diagnostic {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        let key = match self.severity {
            Severity::Error => "error_code",
            Severity::Warning => "code",
        };
        map.serialize_entry(key, &self.code)?;
        map.serialize_entry("message", &self.message)?;
        if let Some(hint) = &self.hint {
            map.serialize_entry("hint", hint)?;
        }
        if let Some(place) = &self.place {
            map.serialize_entry("location", place)?;
        }
        map.end()
    }
}

/// All faults of one input, at least one: the error type of every crate that reads input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Faults(Vec<Diagnostic>);

impl Faults {
    /// Ends a check: `Ok` with the value where nothing was found, else all faults.
    ///
    /// The value is made only where there is no fault, so that it may rely on what was checked.
    pub fn check<T>(faults: Vec<Diagnostic>, value: impl FnOnce() -> T) -> Result<T, Self> {
        if faults.is_empty() { Ok(value()) } else { Err(Self(faults)) }
    }

    /// The faults, in the order in which they stand in the input.
    pub fn all(&self) -> &[Diagnostic] {
        &self.0
    }

    /// The first fault: the one that a report of a single fault shows.
    pub fn first(&self) -> &Diagnostic {
        &self.0[0]
    }

    /// Takes the faults out.
    pub fn into_vec(self) -> Vec<Diagnostic> {
        self.0
    }

    /// Changes every fault, to say more about it than the place that found it could.
    #[must_use]
    pub fn map(self, change: impl FnMut(Diagnostic) -> Diagnostic) -> Self {
        Self(self.0.into_iter().map(change).collect())
    }

    /// Adds the faults of another input of the same run.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.0.extend(other.0);
        self
    }
}

impl From<Diagnostic> for Faults {
    fn from(fault: Diagnostic) -> Self {
        Self(vec![fault])
    }
}

impl fmt::Display for Faults {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, fault) in self.0.iter().enumerate() {
            if index > 0 {
                formatter.write_str("\n")?;
            }
            write!(formatter, "{fault}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Faults {}

/// A result together with the warnings that arose on the way to it.
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
    pub fn collect(self, sink: &mut Vec<Diagnostic>) -> T {
        sink.extend(self.warnings);
        self.value
    }
}

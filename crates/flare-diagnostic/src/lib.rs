#![doc = include_str!("../README.md")]

mod checked;
mod code;
mod faults;
mod listed;
mod place;
mod printable;
mod secrets;
mod suggestion;

use std::fmt;

pub use checked::{Checked, Collector};
pub use code::Code;
pub use faults::Faults;
pub use listed::listed;
pub use place::{LineIndex, Place, Position};
pub use printable::{for_display, printable, shown};
pub use secrets::{is_secret_name, without_secrets};
use serde::{Serialize, Serializer, ser::SerializeMap};
pub use suggestion::{closest, did_you_mean};

/// How severe a diagnostic is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// The run goes on; the user should know.
    Warning,
    /// The run ends without a result.
    Error,
}

/// One thing that is wrong (an error) or may be wrong (a warning).
///
/// The message is a lower-case fragment without a full stop, with values in backticks. It never
/// contains a key, a token or a line of a file that may contain one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// What programs match on.
    pub code: Code,
    /// Error or warning.
    pub severity: Severity,
    /// What is wrong, for people.
    pub message: String,
    /// What one can do about it, in the imperative. Every error has one.
    pub hint: Option<String>,
    /// Where it is wrong.
    pub place: Option<Place>,
}

impl Diagnostic {
    /// Makes an error, with the general hint of its code; [`Diagnostic::hint`] gives a better one.
    ///
    /// Values in the message cannot control a terminal, forge a second line or reveal a secret: control characters are
    /// escaped, and what looks like a key or a credential is removed.
    pub fn error(code: Code, message: impl Into<String>) -> Self {
        let hint = Some(code.hint().to_owned());
        Self { code, severity: Severity::Error, message: for_display(&message.into()), hint, place: None }
    }

    /// Makes a warning, without a hint.
    pub fn warning(code: Code, message: impl Into<String>) -> Self {
        Self { code, severity: Severity::Warning, message: for_display(&message.into()), hint: None, place: None }
    }

    /// Sets the hint: what one can do about it. Values are treated as in the message.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(for_display(&hint.into()));
        self
    }

    /// Sets the place where it is wrong.
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

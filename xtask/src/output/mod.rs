//! The result of a verb and how it is printed: the result on stdout, everything else on stderr, one envelope for JSON.

mod exit;
mod render;
mod table;

pub(crate) use exit::exit_status;
pub(crate) use exit::{EXIT_USAGE, manual_of_exit_statuses};
pub(crate) use flare_diagnostic::printable;
use flare_diagnostic::{Diagnostic, Faults};
pub(crate) use flare_yaml::documents;
pub(crate) use render::{Reporter, document, write_to_stderr, write_to_stdout};
use serde_json::Value;
pub(crate) use table::table;

/// How results are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub(crate) enum Format {
    /// For people.
    #[default]
    Text,
    /// One JSON document on stdout.
    Json,
    /// YAML documents, for verbs whose result is Kubernetes objects.
    Yaml,
}

/// The result of a verb, as JSON and as text with the same facts.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    /// `data` of the envelope.
    pub(crate) data: Value,
    /// The text on stdout.
    pub(crate) text: String,
    /// Warnings, which do not change the exit status.
    pub(crate) warnings: Vec<Diagnostic>,
}

/// What a verb returns: its outcome, or the faults that prevented it (with the earlier warnings).
pub(crate) type VerbResult = Result<Outcome, Failure>;

/// The faults that ended a verb.
#[derive(Debug)]
pub(crate) struct Failure {
    /// The errors, and the warnings that arose before them.
    pub(crate) faults: Faults,
    /// What a check shows besides its faults, printed like a result.
    pub(crate) shown: Option<Box<Outcome>>,
}

impl From<Faults> for Failure {
    fn from(faults: Faults) -> Self {
        Self { faults, shown: None }
    }
}

impl From<Diagnostic> for Failure {
    fn from(fault: Diagnostic) -> Self {
        Faults::from(fault).into()
    }
}

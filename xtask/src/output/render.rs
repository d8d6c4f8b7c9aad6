//! Rendering of outcomes and failures.

use std::{
    fmt::Write as _,
    io::{BufWriter, Write as _},
};

use flare_diagnostic::{Diagnostic, Severity, printable};
use serde::Serialize;
use serde_json::{Value, json};

use super::{Ended, Failure, Format, Outcome, exit_status};

/// Prints what verbs have to say, in the format that was asked for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reporter {
    /// Text or JSON.
    pub(crate) format: Format,
    /// No talk on stderr but errors.
    pub(crate) quiet: bool,
    /// Colour on stderr.
    pub(crate) colour: bool,
}

impl Reporter {
    /// Prints the end of a verb and gives the exit number.
    pub(crate) fn report(&self, ended: Ended) -> u8 {
        match ended {
            Ok(outcome) => self.report_outcome(&outcome),
            Err(failure) => self.report_failure(&failure),
        }
    }

    fn report_outcome(&self, outcome: &Outcome) -> u8 {
        self.print_warnings(&outcome.warnings);
        match self.format {
            Format::Text | Format::Yaml => print(&outcome.text),
            Format::Json => print_document(&Envelope {
                schema_version: "1",
                status: "ok",
                exit_code: 0,
                data: &outcome.data,
                warnings: &outcome.warnings,
            }),
        }
        0
    }

    fn report_failure(&self, failure: &Failure) -> u8 {
        let first = failure.faults.first();
        let status = exit_status(first.code);
        match self.format {
            Format::Text | Format::Yaml => {
                self.print_warnings(failure.faults.warnings());
                print(failure.shown.as_ref().map_or("", |shown| &shown.text));
                let mut text = String::new();
                for fault in failure.faults.all() {
                    text.push_str(&self.person_reads(fault));
                }
                let _ = writeln!(text, "Code: {} (exit {status})", first.code);
                talk(&text);
            }
            Format::Json => {
                self.print_warnings(failure.faults.warnings());
                print_document(&error_envelope(failure, status));
            }
        }
        status
    }

    fn print_warnings(&self, warnings: &[Diagnostic]) {
        if self.quiet {
            return;
        }
        for warning in warnings {
            talk(&self.person_reads(warning));
        }
    }

    /// A diagnostic as a person reads it; understandable without colour.
    fn person_reads(&self, diagnostic: &Diagnostic) -> String {
        let (word, colour) = match diagnostic.severity {
            Severity::Error => ("Error", "\u{1b}[1;31m"),
            Severity::Warning => ("Warning", "\u{1b}[1;33m"),
        };
        let (before, after) = if self.colour { (colour, "\u{1b}[0m") } else { ("", "") };
        let mut text = format!("{before}{word}{after}: {}\n", printable(&diagnostic.to_string()));
        if let Some(hint) = &diagnostic.hint {
            let _ = writeln!(text, "Hint: {}", printable(hint));
        }
        text
    }
}

/// The reference's envelope of a result, and the warnings.
#[derive(Debug, Serialize)]
struct Envelope<'run> {
    schema_version: &'static str,
    status: &'static str,
    exit_code: u8,
    data: &'run Value,
    warnings: &'run [Diagnostic],
}

/// The reference's envelope of an error and more: outer keys are the first fault's, `errors` holds every one.
fn error_envelope(failure: &Failure, status: u8) -> Value {
    let first = failure.faults.first();
    let mut envelope = json!({
        "schema_version": "1",
        "status": "error",
        "exit_code": status,
        "error_code": first.code,
        "message": first.message,
        "hint": first.hint.as_deref().unwrap_or_default(),
    });
    if let Some(place) = &first.place {
        envelope["location"] = json!(place);
    }
    if let Some(shown) = &failure.shown {
        envelope["data"] = shown.data.clone();
    }
    envelope["errors"] = json!(failure.faults.all());
    envelope["warnings"] = json!(failure.faults.warnings());
    envelope
}

/// Prints one JSON document and a line end.
pub(crate) fn print_document(document: &impl Serialize) {
    let mut stdout = BufWriter::new(std::io::stdout().lock());
    // A reader that has gone away is no fault of ours, as below.
    let _ = serde_json::to_writer(&mut stdout, document).map_err(Into::into).and_then(|()| {
        stdout.write_all(b"\n")?;
        stdout.flush()
    });
}

/// Writes to stdout. A reader that has gone away (`| head`) is no fault of ours.
fn print(text: &str) {
    let mut stdout = std::io::stdout().lock();
    let _ = stdout.write_all(text.as_bytes());
    let _ = stdout.flush();
}

/// Writes to stderr.
pub(crate) fn talk(text: &str) {
    let _ = std::io::stderr().lock().write_all(text.as_bytes());
}

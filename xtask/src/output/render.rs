//! Rendering of outcomes and failures.

use std::{
    fmt::Write as _,
    io::{BufWriter, ErrorKind, Write},
    ops::ControlFlow,
};

use flare_diagnostic::{Code, Diagnostic, Faults, Severity, printable};
use serde::Serialize;
use serde_json::{Value, json};

use super::{EXIT_USAGE, Failure, Format, Outcome, VerbResult, exit_status};

/// Prints the results of verbs in the requested format.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reporter {
    /// Text or JSON.
    pub(crate) format: Format,
    /// Nothing on stderr but errors.
    pub(crate) quiet: bool,
    /// Colour on stderr.
    pub(crate) colour: bool,
}

impl Reporter {
    /// Prints the result of a verb and returns the exit status. `take_back` is called if a good result cannot be printed, or has no reader.
    pub(crate) fn report(&self, result: VerbResult, take_back: impl FnOnce() -> Result<(), Faults>) -> u8 {
        match result {
            Ok(outcome) => self.report_outcome(&outcome, take_back),
            Err(failure) => self.report_failure(&failure),
        }
    }

    /// Prints the JSON document of a usage error, whose text was already printed.
    pub(crate) fn report_usage(&self, fault: Diagnostic) -> u8 {
        self.status_after_writing(EXIT_USAGE, print_document(&error_envelope(&fault.into(), EXIT_USAGE)))
    }

    fn report_outcome(&self, outcome: &Outcome, take_back: impl FnOnce() -> Result<(), Faults>) -> u8 {
        self.print_warnings(&outcome.warnings);
        let written = match self.format {
            Format::Text | Format::Yaml => print(&outcome.text),
            Format::Json => print_document(&Envelope::of(outcome)),
        };
        if written.is_err()
            && let Err(faults) = take_back()
        {
            self.print_errors(faults.all());
        }
        self.status_after_writing(0, written)
    }

    fn report_failure(&self, failure: &Failure) -> u8 {
        let status = exit_status(failure.faults.first().code);
        self.print_warnings(failure.faults.warnings());
        let written = match self.format {
            Format::Text | Format::Yaml => {
                let written = print(failure.shown.as_ref().map_or("", |shown| &shown.text));
                self.print_errors(failure.faults.all());
                written
            }
            Format::Json => print_document(&error_envelope(failure, status)),
        };
        let written = forgive_closed_pipe(written);
        if written.is_err() && self.format == Format::Json {
            self.print_errors(failure.faults.all());
        }
        self.status_after_writing(status, written)
    }

    /// The exit status after writing the result; a failed write is an error, so that a script never takes half a document for a whole one.
    /// A closed pipe (`| head`) is none.
    pub(crate) fn status_after_writing(&self, status: u8, written: std::io::Result<()>) -> u8 {
        let Err(error) = forgive_closed_pipe(written) else { return status };
        let fault = not_written(&error);
        let failed = exit_status(fault.code);
        self.print_errors(&[fault]);
        if status == 0 { failed } else { status }
    }

    fn print_errors(&self, errors: &[Diagnostic]) {
        let mut text: String = errors.iter().map(|error| self.rendered(error)).collect();
        if let Some(first) = errors.first() {
            let _ = writeln!(text, "Code: {} (exit {})", first.code, exit_status(first.code));
        }
        write_to_stderr(&text);
    }

    fn print_warnings(&self, warnings: &[Diagnostic]) {
        if self.quiet {
            return;
        }
        for warning in warnings {
            write_to_stderr(&self.rendered(warning));
        }
    }

    /// A diagnostic as text, which can be understood without colour.
    fn rendered(&self, diagnostic: &Diagnostic) -> String {
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

/// The reference's envelope of a result, with warnings added.
#[derive(Debug, Serialize)]
struct Envelope<'run> {
    schema_version: &'static str,
    status: &'static str,
    exit_code: u8,
    data: &'run Value,
    warnings: &'run [Diagnostic],
}

impl<'run> Envelope<'run> {
    fn of(outcome: &'run Outcome) -> Self {
        Self { schema_version: "1", status: "ok", exit_code: 0, data: &outcome.data, warnings: &outcome.warnings }
    }
}

/// The document of a result, as it is printed with `-o json`.
pub(crate) fn document(result: &VerbResult) -> Value {
    match result {
        Ok(outcome) => json!(Envelope::of(outcome)),
        Err(failure) => error_envelope(failure, exit_status(failure.faults.first().code)),
    }
}

/// The reference's envelope of an error, extended: the outer keys are the first fault's, `errors` has all faults.
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

/// Prints a JSON document and a line end.
fn print_document(document: &impl Serialize) -> std::io::Result<()> {
    write_to(std::io::stdout().lock(), |stdout| {
        serde_json::to_writer(&mut *stdout, document)?;
        stdout.write_all(b"\n")
    })
}

fn print(text: &str) -> std::io::Result<()> {
    write_to(std::io::stdout().lock(), |stdout| stdout.write_all(text.as_bytes()))
}

/// Writes a whole result through a buffer.
fn write_to<W: Write>(writer: W, write: impl FnOnce(&mut BufWriter<W>) -> std::io::Result<()>) -> std::io::Result<()> {
    let mut buffered = BufWriter::new(writer);
    write(&mut buffered).and_then(|()| buffered.flush())
}

/// Writes a part of a result. `Break` means that its reader has gone, which is no error.
fn write_part(mut writer: impl Write, text: &str) -> std::io::Result<ControlFlow<()>> {
    match writer.write_all(text.as_bytes()).and_then(|()| writer.flush()) {
        Ok(()) => Ok(ControlFlow::Continue(())),
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(ControlFlow::Break(())),
        Err(error) => Err(error),
    }
}

/// Ignores a closed pipe; every other failed write is an error.
fn forgive_closed_pipe(written: std::io::Result<()>) -> std::io::Result<()> {
    written.or_else(|error| if error.kind() == ErrorKind::BrokenPipe { Ok(()) } else { Err(error) })
}

/// Writes a part of a result to stdout while the verb is still at work. `Break` means that nobody reads it any more (`| head`), so that
/// a verb which has no end of its own ends.
pub(crate) fn write_to_stdout(text: &str) -> Result<ControlFlow<()>, Diagnostic> {
    write_part(std::io::stdout().lock(), text).map_err(|error| not_written(&error))
}

fn not_written(error: &std::io::Error) -> Diagnostic {
    Diagnostic::error(Code::OutputNotWritten, format!("the result could not be written to stdout: {error}"))
}

/// Writes to stderr.
pub(crate) fn write_to_stderr(text: &str) {
    let _ = std::io::stderr().lock().write_all(text.as_bytes());
}

#[cfg(test)]
mod tests {
    use std::{
        io::{Error, ErrorKind, Result, Write},
        ops::ControlFlow,
    };

    use super::{forgive_closed_pipe, write_part, write_to};

    /// A device that takes some bytes and then fails.
    struct Device(usize, ErrorKind);

    impl Write for Device {
        fn write(&mut self, bytes: &[u8]) -> Result<usize> {
            if self.0 == 0 {
                return Err(Error::from(self.1));
            }
            let taken = bytes.len().min(self.0);
            self.0 -= taken;
            Ok(taken)
        }

        fn flush(&mut self) -> Result<()> {
            Ok(())
        }
    }

    #[test]
    fn every_failure_of_a_write_is_told_but_a_closed_pipe() {
        let write = |space, kind| forgive_closed_pipe(write_to(Device(space, kind), |out| out.write_all(&vec![b'x'; 20_000])));
        for space in [0, 1, 8192, 19_999] {
            assert!(write(space, ErrorKind::StorageFull).is_err(), "{space}");
            assert!(write(space, ErrorKind::BrokenPipe).is_ok(), "{space}");
        }
        assert!(write(20_000, ErrorKind::StorageFull).is_ok());
    }

    #[test]
    fn a_verb_without_an_end_learns_that_its_reader_has_gone() {
        let write = |space, kind| write_part(Device(space, kind), "line\n").map_err(|error| error.kind());
        assert_eq!(write(5, ErrorKind::BrokenPipe), Ok(ControlFlow::Continue(())));
        assert_eq!(write(4, ErrorKind::BrokenPipe), Ok(ControlFlow::Break(())));
        assert_eq!(write(4, ErrorKind::StorageFull), Err(ErrorKind::StorageFull));
    }
}

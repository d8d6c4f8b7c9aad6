//! `--report`: the result of a verb as an HTML page.

use std::{
    io::Write as _,
    path::{Path, PathBuf},
};

use flare_diagnostic::{Code, Diagnostic, Faults};
use flare_file_tree::NewFile;
use flare_report::Run;

use crate::{
    context::Context,
    environment::Stopwatch,
    output::{Failure, Outcome, VerbResult, document},
};

/// The permission bits of a page, which the process's umask reduces. It has no secret.
const MODE: u32 = 0o644;

/// A flag of verbs whose result people show to others.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct ReportArguments {
    /// Also write the result to FILE as a self-contained HTML page, even if the run fails; an existing file is replaced.
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
}

impl ReportArguments {
    /// Does the work of a verb, and then writes the page of its result, whatever that is. A report that has no place is a fault before
    /// anything is begun; one that cannot be written at the end is a fault beside those of the work, whose exit status stays.
    pub(super) fn around(
        &self,
        context: &Context<'_>,
        (verb, subject): (&str, &Path),
        work: impl FnOnce() -> VerbResult,
    ) -> VerbResult {
        let Some(path) = &self.report else { return work() };
        let file = NewFile::begin(&context.environment.absolute(path)?, MODE, true).map_err(no_place)?;
        let (began, watch) = (context.environment.clock(), Stopwatch::start());
        let result = work();
        let subject = subject.to_string_lossy();
        let run = Run { verb, subject: &subject, version: env!("CARGO_PKG_VERSION"), began, took: watch.elapsed() };
        match write(file, &result, &run) {
            Ok(()) => result,
            Err(fault) => Err(with(fault, result)),
        }
    }
}

fn no_place(error: flare_file_tree::DiskError) -> Diagnostic {
    let fault = error.into_diagnostic(Code::OutputNotWritten);
    Diagnostic { message: format!("the report has no place: {}", fault.message), ..fault }
        .hint("give `--report` the name of a file in a directory that exists and that you may write to")
}

fn write(file: NewFile, result: &VerbResult, run: &Run<'_>) -> Result<(), Diagnostic> {
    let page = flare_report::page(&document(result), run)
        .map_err(|error| Diagnostic::error(Code::Internal, format!("the result cannot be shown as a report: {error}")))?;
    let not_written = |error: flare_file_tree::DiskError| error.into_diagnostic(Code::OutputNotWritten);
    file.file().write_all(page.as_bytes()).map_err(|error| not_written(file.failed(error)))?;
    file.commit().map_err(not_written)
}

/// The fault of the report, after those of the work.
fn with(fault: Diagnostic, result: VerbResult) -> Failure {
    match result {
        Ok(outcome) => {
            let (warnings, outcome) = (outcome.warnings, Outcome { warnings: Vec::new(), ..outcome });
            Failure { faults: Faults::from(fault).after(warnings), shown: Some(Box::new(outcome)) }
        }
        Err(Failure { faults, shown }) => Failure { faults: faults.and(fault.into()), shown },
    }
}

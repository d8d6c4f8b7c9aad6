//! The context of every verb besides its own arguments.

use std::{
    fmt,
    sync::{
        Mutex, OnceLock,
        atomic::{AtomicU64, Ordering},
    },
};

use flare_diagnostic::{Diagnostic, Faults};
use flare_helm::Helm;

use crate::{
    Environment,
    interrupt::Interrupt,
    output::{Format, printable, write_to_stderr},
};

/// The flags that every verb takes.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct SharedArguments {
    /// How the result is printed on stdout; warnings and errors go to stderr.
    #[arg(short = 'o', long = "format", value_enum, default_value_t, global = true, value_name = "FORMAT")]
    pub(crate) format: Format,
    /// Print only errors on stderr.
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub(crate) quiet: bool,
    /// Print each step on stderr.
    #[arg(short, long, global = true)]
    pub(crate) verbose: bool,
}

/// The process's environment, Ctrl-C, the shared flags, and what is looked for only once.
#[derive(Debug)]
pub(crate) struct Context<'run> {
    pub(crate) environment: &'run Environment,
    pub(crate) interrupt: Interrupt,
    pub(crate) shared: SharedArguments,
    /// The Helm of this run, once it has been looked for.
    pub(crate) helm: OnceLock<Helm>,
    /// What is taken back if the result cannot be printed.
    pub(crate) unprinted: Unprinted,
}

/// What a verb did for a result that is only printed, such as objects that another tool applies: it is taken back if nobody gets them.
#[derive(Default)]
pub(crate) struct Unprinted(Mutex<Option<TakeBack>>);

type TakeBack = Box<dyn FnOnce() -> Result<(), Faults> + Send>;

impl Unprinted {
    /// Says what is to be done if the result cannot be printed.
    pub(crate) fn plan(&self, take_back: impl FnOnce() -> Result<(), Faults> + Send + 'static) {
        if let Ok(mut planned) = self.0.lock() {
            *planned = Some(Box::new(take_back));
        }
    }

    /// Does it, once.
    pub(crate) fn take_back(&self) -> Result<(), Faults> {
        let planned = self.0.lock().ok().and_then(|mut planned| planned.take());
        planned.map_or(Ok(()), |take_back| take_back())
    }
}

impl fmt::Debug for Unprinted {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Unprinted").finish_non_exhaustive()
    }
}

impl Context<'_> {
    /// Prints on stderr what is done now, with `-v`.
    pub(crate) fn step(&self, text: impl FnOnce() -> String) {
        if self.shared.verbose {
            write_to_stderr(&format!("{}\n", text()));
        }
    }

    /// A progress bar on stderr; hidden if stderr is not a terminal, with `-q` and with JSON.
    pub(crate) fn progress(&self, steps: usize) -> indicatif::ProgressBar {
        let shown = self.environment.stderr_is_terminal && !self.shared.quiet;
        let target = if shown { indicatif::ProgressDrawTarget::stderr() } else { indicatif::ProgressDrawTarget::hidden() };
        indicatif::ProgressBar::with_draw_target(Some(steps as u64), target)
    }

    /// The display on stderr of how much has been sent or received.
    pub(crate) fn transfer(&self) -> Transfer {
        let style = indicatif::ProgressStyle::with_template("{spinner} {msg}")
            .unwrap_or_else(|_| indicatif::ProgressStyle::default_spinner());
        Transfer { bar: self.progress(0).with_style(style), last: AtomicU64::new(0) }
    }

    /// Progress of a verb that waits, on stderr: on a terminal one line that is overwritten, otherwise one line per step with `-v`.
    pub(crate) fn activity(&self) -> Activity {
        let style = indicatif::ProgressStyle::with_template("{spinner} {wide_msg}")
            .unwrap_or_else(|_| indicatif::ProgressStyle::default_spinner());
        Activity { bar: self.progress(0).with_style(style), lines: self.shared.verbose }
    }

    /// Calls a function with the context of the testbed, which reports progress to stderr.
    pub(crate) fn with_testbed<T, E: From<Diagnostic>>(
        &self,
        work: impl FnOnce(&flare_testbed::Context<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        let quiet = self.shared.quiet;
        let report = move |line: &str| {
            if !quiet {
                write_to_stderr(&format!("{}\n", printable(line)));
            }
        };
        let cache = self.environment.absolute(&self.environment.cache_directory)?;
        work(&flare_testbed::Context {
            cache: &cache,
            search_path: &self.environment.search_path,
            interrupted: self.interrupt.flag(),
            report: &report,
        })
    }
}

/// The current step.
pub(crate) struct Activity {
    bar: indicatif::ProgressBar,
    lines: bool,
}

impl Activity {
    /// Shows the step.
    pub(crate) fn show(&self, what: &str) {
        let what = printable(what);
        if self.lines {
            self.bar.suspend(|| write_to_stderr(&format!("{what}\n")));
        }
        self.bar.set_message(what.into_owned());
        self.bar.tick();
    }

    /// Removes the line.
    pub(crate) fn end(self) {
        self.bar.finish_and_clear();
    }
}

/// A display of transferred files and bytes, whose total is not known.
pub(crate) struct Transfer {
    bar: indicatif::ProgressBar,
    last: AtomicU64,
}

impl Transfer {
    /// Shows the current numbers; not for every file, because there may be thousands of small ones.
    pub(crate) fn show(&self, files: u64, bytes: u64) {
        const STEP: u64 = 1 << 20;
        if bytes / STEP != self.last.swap(bytes, Ordering::Relaxed) / STEP {
            self.bar.set_message(format!("{files} files, {}", indicatif::HumanBytes(bytes)));
            self.bar.tick();
        }
    }

    /// Removes the display.
    pub(crate) fn end(self) {
        self.bar.finish_and_clear();
    }
}

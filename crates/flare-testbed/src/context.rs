//! What every step of the testbed is given by its caller: where things lie, whom to tell, and whether to stop.

use std::{
    fmt,
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, Ordering},
};

use flare_diagnostic::{Code, Diagnostic, Faults};

/// Where the testbed works, whom it tells, and whether it has been asked to stop.
#[derive(Clone, Copy)]
pub struct Context<'a> {
    /// The cache directory for what is built once and kept: programs, images, state of clusters.
    pub cache: &'a Path,
    /// `PATH`, for finding programs.
    pub search_path: &'a [PathBuf],
    /// Set by Ctrl-C; the long steps look at it.
    pub interrupted: &'a AtomicBool,
    /// Takes one line of progress for people, without its end of line.
    pub report: &'a (dyn Fn(&str) + Sync),
}

impl Context<'_> {
    /// Ends the step where the run has been asked to stop.
    ///
    /// # Errors
    /// [`Code::Interrupted`].
    pub fn check(&self) -> Result<(), Faults> {
        if self.interrupted.load(Ordering::Relaxed) {
            return Err(Diagnostic::error(Code::Interrupted, "interrupted")
                .hint("run it again: what was finished is kept")
                .into());
        }
        Ok(())
    }

    /// Finds a program on the search path.
    pub fn find(&self, program: &str) -> Option<PathBuf> {
        self.search_path.iter().map(|directory| directory.join(program)).find(|path| path.is_file())
    }
}

impl fmt::Debug for Context<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Context").field("cache", &self.cache).finish_non_exhaustive()
    }
}

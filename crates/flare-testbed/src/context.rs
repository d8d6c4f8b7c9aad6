//! The context that the caller passes to every step of the testbed: directories, progress reports, interruption.

use std::{
    fmt,
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, Ordering},
};

use flare_diagnostic::{Code, Diagnostic, Faults};

/// Where the testbed works, where it reports progress, and whether it has been interrupted.
#[derive(Clone, Copy)]
pub struct Context<'a> {
    /// The cache directory: programs and images that are built once, and the state of clusters.
    pub cache: &'a Path,
    /// `PATH`, for finding programs.
    pub search_path: &'a [PathBuf],
    /// Set by Ctrl-C; long steps check it.
    pub interrupted: &'a AtomicBool,
    /// Gets one line of progress, without its line end.
    pub report: &'a (dyn Fn(&str) + Sync),
}

impl Context<'_> {
    /// Fails if the run has been interrupted.
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

//! Ctrl-C and SIGTERM: a flag that the long steps look at. What was begun is removed, and the exit status is 130.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use flare_diagnostic::{Code, Diagnostic, Faults};

/// Whether the run has been asked to stop.
#[derive(Debug, Clone, Default)]
pub(crate) struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    /// Listens to the signals of this process. In a process that listens already (tests), gives a flag that stays down.
    pub(crate) fn listen() -> Self {
        let interrupt = Self::default();
        let flag = Arc::clone(&interrupt.0);
        // Only the first call of a process can install the handler; later ones have nothing to interrupt.
        let _ = ctrlc::set_handler(move || flag.store(true, Ordering::Relaxed));
        interrupt
    }

    /// The flag itself, for code below that only looks at it.
    pub(crate) fn flag(&self) -> &AtomicBool {
        &self.0
    }

    /// Ends the step where the run has been asked to stop.
    pub(crate) fn check(&self) -> Result<(), Faults> {
        if self.0.load(Ordering::Relaxed) { Err(interrupted().into()) } else { Ok(()) }
    }
}

/// The fault of an interrupted run.
pub(crate) fn interrupted() -> Diagnostic {
    Diagnostic::error(Code::Interrupted, "interrupted; what was begun has been removed").hint("run the same command again")
}

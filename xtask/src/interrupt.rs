//! Ctrl-C, SIGTERM and SIGHUP: a flag that the long steps look at. What was begun is removed, and the exit status is 130.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use flare_diagnostic::{Code, Diagnostic, Faults};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

/// Whether the run has been asked to stop.
#[derive(Debug, Clone, Default)]
pub(crate) struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    /// Listens to the signals that ask a process to end, except those that it was started to ignore: `nohup` means that the end
    /// of a session shall not end the run, and a shell's background job ignores Ctrl-C.
    pub(crate) fn listen() -> Self {
        let interrupt = Self::default();
        let ignored = ignored_signals();
        for signal in [SIGINT, SIGTERM, SIGHUP] {
            if ignored & (1 << (signal - 1)) == 0 {
                // A signal that cannot be listened to ends the process, as it ends any.
                let _ = signal_hook::flag::register(signal, Arc::clone(&interrupt.0));
            }
        }
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

/// The signals that this process was started to ignore, as Linux counts them: bit 0 is signal 1. None where the system has no
/// such file.
#[expect(clippy::disallowed_methods, reason = "what the process was started with is read at the command line")]
fn ignored_signals() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or_default()
}

/// The fault of an interrupted run.
pub(crate) fn interrupted() -> Diagnostic {
    Diagnostic::error(Code::Interrupted, "interrupted; what was begun has been removed").hint("run the same command again")
}

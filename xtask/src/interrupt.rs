//! Ctrl-C, SIGTERM and SIGHUP set a flag that long steps check. What was begun is removed, and the exit status is 130.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use flare_diagnostic::{Code, Diagnostic, Faults};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

/// Whether the run has been interrupted.
#[derive(Debug, Clone, Default)]
pub(crate) struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    /// Handles the signals that ask a process to end, except those that it was started to ignore: `nohup` means that the run
    /// outlives its session, and a shell's background job ignores Ctrl-C.
    pub(crate) fn listen() -> Self {
        let interrupt = Self::default();
        let ignored = ignored_signals();
        for signal in [SIGINT, SIGTERM, SIGHUP] {
            if ignored & (1 << (signal - 1)) == 0 {
                // A signal that cannot be handled keeps its default action, which ends the process.
                let _ = signal_hook::flag::register(signal, Arc::clone(&interrupt.0));
            }
        }
        interrupt
    }

    /// The flag itself, for lower layers that only read it.
    pub(crate) fn flag(&self) -> &AtomicBool {
        &self.0
    }

    /// Fails if the run has been interrupted.
    pub(crate) fn check(&self) -> Result<(), Faults> {
        if self.0.load(Ordering::Relaxed) { Err(interrupted().into()) } else { Ok(()) }
    }
}

/// The signals that this process was started to ignore, as Linux encodes them: bit 0 is signal 1. Empty if the system does not
/// report them.
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

//! The async runtime, started only by verbs that touch a cluster.

use std::{
    future::Future,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use flare_diagnostic::{Code, Diagnostic, Faults};
use tokio::time::{Instant, sleep_until};

use crate::interrupt::{self, Interrupt};

/// How often the interruption flag is read.
const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// Runs a future to completion on its own runtime.
///
/// Does not wait for tasks that it left behind, such as an abandoned credential plug-in.
pub(crate) fn block_on<T>(work: impl Future<Output = T>) -> Result<T, Diagnostic> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.map_err(|error| {
        Diagnostic::error(Code::Internal, format!("the async runtime cannot be started: {}", error.kind()))
            .hint("see whether this machine has threads and file descriptors left, then run again")
    })?;
    let ended = runtime.block_on(work);
    runtime.shutdown_background();
    Ok(ended)
}

/// Does work until the end of its time or an interruption, which end it wherever it is: for work that leaves nothing to be tidied up.
///
/// # Errors
/// Those of the work; `late` at the end of the time, and `INTERRUPTED`.
pub(crate) async fn until<T>(
    interrupt: &Interrupt,
    end: Instant,
    late: impl FnOnce() -> Diagnostic,
    work: impl Future<Output = Result<T, Faults>>,
) -> Result<T, Faults> {
    tokio::select! {
        // What is done is done, also at the last moment.
        biased;
        done = work => done,
        () = interrupted(interrupt) => Err(interrupt::interrupted().into()),
        () = sleep_until(end) => Err(late().into()),
    }
}

/// What is left of the time of a run that does many things, of which none has a time of its own.
///
/// # Errors
/// `TIMED_OUT` if nothing is left.
pub(crate) fn left_until(end: Instant) -> Result<Duration, Diagnostic> {
    let left = end.saturating_duration_since(Instant::now());
    if left.is_zero() {
        return Err(Diagnostic::error(Code::TimedOut, "the time of the run was over before this was begun")
            .hint("see whether this machine reaches the clusters, or give the run more time with `--timeout`"));
    }
    Ok(left)
}

/// Completes when the run has been interrupted.
pub(crate) async fn interrupted(interrupt: &Interrupt) {
    stopped(interrupt.flag()).await;
}

/// As [`interrupted`], for what shares only the flag with lower layers.
pub(crate) async fn stopped(flag: &AtomicBool) {
    while !flag.load(Ordering::Relaxed) {
        tokio::time::sleep(POLL_INTERVAL).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_that_is_over_is_a_fault_and_not_a_time_of_nothing() {
        let begin = Instant::now();
        assert!(left_until(begin + Duration::from_mins(1)).is_ok_and(|left| left <= Duration::from_mins(1) && !left.is_zero()));
        assert_eq!(left_until(begin).map_err(|fault| fault.code), Err(Code::TimedOut));
    }
}

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

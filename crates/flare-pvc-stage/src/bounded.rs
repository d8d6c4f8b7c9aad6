//! Work with a deadline that can also be stopped.

use std::{future::Future, time::Duration};

use flare_diagnostic::{Code, Diagnostic, Faults};
use tokio::{select, time::timeout};

/// Runs work that may be interrupted anywhere: what was done stays, and the same command continues from there.
pub(crate) async fn bounded<T>(
    deadline: Duration,
    what: &str,
    stop: impl Future<Output = ()>,
    work: impl Future<Output = Result<T, Faults>>,
) -> Result<T, Faults> {
    let late = || {
        Diagnostic::error(Code::TimedOut, format!("{what} did not end within {} s", deadline.as_secs()))
            .hint("run the same command again, which goes on from there; `--timeout` gives it more time")
    };
    select! {
        ended = timeout(deadline, work) => ended.unwrap_or_else(|_| Err(late().into())),
        () = stop => Err(Diagnostic::error(Code::Interrupted, format!("{what} was interrupted"))
            .hint("run the same command again, which goes on from there")
            .into()),
    }
}

//! Reads the log of a running parent until it says that the participant has joined.

use std::{future::Future, time::Duration};

use flare_cluster::{Cluster, LogSelection};
use flare_diagnostic::Diagnostic;
use tokio::time::{Instant, sleep};

use crate::registered::{Joined, Patience, Reader};

/// The interval at which the log is read.
const LOOK: Duration = Duration::from_secs(1);

/// The number of lines at the end of the log that are kept.
const LAST_LINES: usize = 8;

/// Reads the log until the participant has joined, no more waiting helps, or the deadline has passed; returns what it says, and its last
/// lines. `start` is the reader before the first line.
pub(crate) async fn read(
    cluster: &Cluster,
    [namespace, pod, container]: [&str; 3],
    end: Instant,
    start: &Reader,
) -> Result<(Joined, Vec<String>), Diagnostic> {
    let selection = LogSelection { container: Some(container.to_owned()), ..LogSelection::default() };
    until_joined(|| cluster.logs(namespace, pod, &selection), end, start).await
}

/// Reads whole logs, each of which ends: one that is followed has no end while the parent writes.
async fn until_joined<Reading: Future<Output = Result<String, Diagnostic>>>(
    log: impl Fn() -> Reading,
    end: Instant,
    start: &Reader,
) -> Result<(Joined, Vec<String>), Diagnostic> {
    let mut patience = Patience::default();
    loop {
        let (text, mut reader) = (log().await?, start.clone());
        text.lines().for_each(|line| reader.read(line));
        let now = Instant::now();
        if reader.joined() == Joined::Yes || patience.is_over(&reader, now) || now >= end {
            let mut last: Vec<_> = text.lines().rev().take(LAST_LINES).map(str::to_owned).collect();
            last.reverse();
            return Ok((reader.joined(), last));
        }
        sleep(LOOK.min(end - now)).await;
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use flare_names::Role;

    use super::*;

    /// What is found in a log that has these lines and then one more at each look, and the number of looks.
    fn looks(lines: &str, end: Duration) -> (Joined, Vec<String>, u32) {
        let (count, start) = (Cell::new(0), Reader::new(Role::Client, "site-1"));
        let log = || {
            count.set(count.get() + 1);
            let text = format!("{lines}{}", "a job writes\n".repeat(count.get() as usize));
            async { Ok(text) }
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let (joined, last) = runtime.block_on(async { until_joined(log, Instant::now() + end, &start).await.expect("a log") });
        (joined, last, count.get())
    }

    #[test]
    fn a_log_that_never_ends_is_read_once_after_the_deadline_or_the_registration() {
        assert_eq!(looks("", Duration::ZERO), (Joined::No(None), vec!["a job writes".to_owned()], 1));
        let registered = "FederatedClient - INFO - Successfully registered client:site-1 for project demo.\n";
        let (joined, last, count) = looks(registered, Duration::from_hours(1));
        assert_eq!((joined, last.len(), count), (Joined::Yes, 2, 1));
        assert_eq!(looks("", Duration::from_millis(10)).2, 2, "it is read again when the time is up");
    }
}

//! Reads the log of a running parent until it says that the participant has joined.

use std::{convert::Infallible, future::Future, time::Duration};

use flare_cluster::{Cluster, LogSelection};
use flare_diagnostic::{Code, Diagnostic};
use tokio::time::{Instant, sleep};

use crate::registered::{Joined, LogReader, Patience};

/// The interval at which the log is read.
const LOOK: Duration = Duration::from_secs(1);

/// The number of lines at the end of the log that are read again at each look: more than a parent writes in a second.
const LOG_LINES: u32 = 20_000;

/// A container whose log is read.
#[derive(Debug, Clone, Copy)]
pub struct LogSource<'names> {
    /// The pod's namespace.
    pub namespace: &'names str,
    /// The pod.
    pub pod: &'names str,
    /// The parent's container.
    pub container: &'names str,
}

/// What the last look at a log found.
#[derive(Debug)]
pub struct LastLook {
    /// The reader after the last line.
    pub reader: LogReader,
    /// The end of the log; empty if it could not be read.
    pub log: String,
    /// Why the log could not be read at that look.
    pub unread: Option<Diagnostic>,
}

impl LastLook {
    /// What the log says.
    pub const fn joined(&self) -> Joined {
        self.reader.joined()
    }

    /// The last lines of the log that are not blank, in their order.
    pub fn last_lines(&self, count: usize) -> Vec<String> {
        last_lines(&self.log, count)
    }
}

/// The last lines of a log that are not blank, in their order.
pub(crate) fn last_lines(log: &str, count: usize) -> Vec<String> {
    let mut last: Vec<_> = log.lines().filter(|line| !line.trim().is_empty()).rev().take(count).map(str::to_owned).collect();
    last.reverse();
    last
}

/// Reads the log once, or its last lines. `start` is the reader before the first line.
pub async fn look(cluster: &Cluster, source: LogSource<'_>, start: &LogReader, last_lines: Option<u32>) -> LastLook {
    let selection = LogSelection { container: Some(source.container.to_owned()), last_lines, ..LogSelection::default() };
    let (log, unread) = match cluster.logs(source.namespace, source.pod, &selection).await {
        Ok(log) => (log, None),
        Err(fault) => (String::new(), Some(fault)),
    };
    LastLook { reader: read(&log, start), log, unread }
}

/// Reads the log until the participant has joined, no more waiting helps, or `end`.
pub(crate) async fn wait(cluster: &Cluster, source: LogSource<'_>, end: Instant, start: &LogReader) -> LastLook {
    let Ok(last) = until_joined(|lines| look(cluster, source, start, lines), end, async || Ok::<(), Infallible>(())).await;
    last
}

/// Looks at logs that end, whole at first: one that is followed has no end while the parent writes. A log that cannot be read is read
/// again, since its kubelet may be busy, but not one that may not be read. `look` gets the number of lines at the end to read.
///
/// # Errors
/// What `between` returns, which is called between two looks and can so end the wait.
pub async fn until_joined<Looking: Future<Output = LastLook>, Reason>(
    look: impl Fn(Option<u32>) -> Looking,
    end: Instant,
    mut between: impl AsyncFnMut() -> Result<(), Reason>,
) -> Result<LastLook, Reason> {
    let (mut patience, mut lines) = (Patience::default(), None);
    loop {
        let last = look(lines).await;
        let now = Instant::now();
        let is_forbidden = last.unread.as_ref().is_some_and(|fault| fault.code == Code::PermissionDenied);
        if last.joined() == Joined::Yes || is_forbidden || now >= end || patience.is_over(&last.reader, now) {
            return Ok(last);
        }
        lines = last.unread.is_none().then_some(LOG_LINES);
        sleep(LOOK.min(end - now)).await;
        between().await?;
    }
}

fn read(log: &str, start: &LogReader) -> LogReader {
    let mut reader = start.clone();
    log.lines().for_each(|line| reader.read(line));
    reader
}

#[cfg(test)]
mod tests {
    use std::{
        cell::{Cell, RefCell},
        future::ready,
    };

    use flare_names::Role;

    use super::*;

    /// What is found in a log that has these lines and then one more at each look, and the number of looks.
    fn looks(lines: &str, end: Duration) -> (Joined, Vec<String>, u32) {
        let (count, start) = (Cell::new(0), LogReader::new(Role::Client, "site-1"));
        let look = |_| {
            count.set(count.get() + 1);
            let log = format!("{lines}{}", "a job writes\n".repeat(count.get() as usize));
            ready(LastLook { reader: read(&log, &start), log, unread: None })
        };
        let last = run(until_joined(look, Instant::now() + end, async || Ok::<(), ()>(()))).expect("nothing ends the wait");
        (last.joined(), last.last_lines(8), count.get())
    }

    fn run<T>(wait: impl Future<Output = T>) -> T {
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap().block_on(wait)
    }

    #[test]
    fn a_log_that_never_ends_is_read_once_after_the_deadline_or_the_registration() {
        assert_eq!(looks("", Duration::ZERO), (Joined::No(None), vec!["a job writes".to_owned()], 1));
        let registered = "FederatedClient - INFO - Successfully registered client:site-1 for project demo.\n";
        let (joined, last, count) = looks(registered, Duration::from_hours(1));
        assert_eq!((joined, last.len(), count), (Joined::Yes, 2, 1));
        assert_eq!(looks("", Duration::from_millis(10)).2, 2, "it is read again when the time is up");
    }

    #[test]
    fn a_log_that_may_not_be_read_is_not_waited_for_and_one_of_a_busy_kubelet_is() {
        for (code, looks) in [(Code::PermissionDenied, 1), (Code::ClusterBusy, 4)] {
            let (count, start) = (Cell::new(0), LogReader::new(Role::Client, "site-1"));
            let look = |_| {
                count.set(count.get() + 1);
                let unread = Some(Diagnostic::error(code, "no log"));
                ready(LastLook { reader: start.clone(), log: String::new(), unread })
            };
            let end = async || if count.get() == 4 { Err("restarted") } else { Ok(()) };
            let last = run(until_joined(look, Instant::now() + Duration::from_hours(1), end));
            assert_eq!((count.get(), last.map(|_| ()).err()), (looks, (looks == 4).then_some("restarted")), "{code:?}");
        }
    }

    #[test]
    fn only_the_first_look_reads_a_whole_log() {
        let (asked, start) = (RefCell::new(Vec::new()), LogReader::new(Role::Client, "site-1"));
        let look = |lines| {
            asked.borrow_mut().push(lines);
            ready(LastLook { reader: start.clone(), log: String::new(), unread: None })
        };
        let ended = run(until_joined(look, Instant::now() + Duration::from_secs(2), async || Ok::<(), ()>(())));
        assert!(ended.is_ok());
        assert_eq!(asked.borrow().as_slice(), [None, Some(LOG_LINES), Some(LOG_LINES)]);
    }
}

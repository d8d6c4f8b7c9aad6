//! Reads the log of a running parent until it says that the participant has joined.

use std::time::Duration;

use flare_cluster::{Cluster, LogSelection};
use flare_diagnostic::Diagnostic;
use futures_util::{AsyncBufReadExt as _, StreamExt as _};
use tokio::time::{Instant, timeout_at};

use crate::registered::{Joined, Patience, Reader};

/// A log without a new line for this time has been read to its end.
const SILENCE: Duration = Duration::from_millis(500);

/// The number of lines at the end of the log that are kept.
const LAST_LINES: usize = 8;

/// Reads the log until the participant has joined and no more lines arrive, no more waiting helps, or the deadline has passed; returns the
/// last lines.
pub(crate) async fn read(
    cluster: &Cluster,
    [namespace, pod, container]: [&str; 3],
    end: Instant,
    reader: &mut Reader,
) -> Result<Vec<String>, Diagnostic> {
    let selection = LogSelection { container: Some(container.to_owned()), ..LogSelection::default() };
    let log = cluster.follow_logs(namespace, pod, &selection).await?;
    let mut lines = std::pin::pin!(log.lines());
    let (mut last, mut patience) = (Vec::new(), Patience::default());
    loop {
        let read = Instant::now() + SILENCE;
        let until = if reader.joined() == Joined::Yes { read } else { end.max(read) };
        // The end of the log, the deadline, or a line that is not UTF-8.
        let Ok(Some(Ok(line))) = timeout_at(until, lines.next()).await else { return Ok(last) };
        reader.read(&line);
        if last.len() == LAST_LINES {
            last.remove(0);
        }
        last.push(line);
        if patience.is_over(reader, Instant::now()) {
            return Ok(last);
        }
    }
}

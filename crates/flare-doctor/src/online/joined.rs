//! Whether the participant has joined, according to its parent's log.

use std::time::Duration;

use flare_cluster::{Cluster, LogSelection};
use flare_diagnostic::Diagnostic;
use flare_names::Role;
use flare_prepared_kit::PreparedKit;
use futures_util::{AsyncBufReadExt as _, StreamExt as _};
use tokio::time::{Instant, timeout_at};

use crate::{
    Finding, Severity,
    registered::{Joined, Reader},
    rollout::Running,
};

/// How long a running client may take to register. It tries every few seconds.
const REGISTRATION: Duration = Duration::from_mins(1);

/// A log without a new line for this time has been read to its end.
const SILENCE: Duration = Duration::from_millis(500);

/// How many lines at the end of the log are kept as evidence.
const LAST_LINES: usize = 8;

pub(super) async fn check(cluster: &Cluster, kit: &PreparedKit, running: &Running, end: Instant) -> Vec<Finding> {
    let plan = kit.plan();
    let mut reader = Reader::new(plan.role, &plan.site);
    let mut last = Vec::new();
    let end = end.min(Instant::now() + REGISTRATION);
    if let Err(fault) = follow(cluster, plan.namespace.as_str(), running, end, &mut reader, &mut last).await {
        return vec![Finding::unknown("D82", "whether the participant has joined", &fault)];
    }
    let what = match plan.role {
        Role::Server => format!("the server `{}` has not said that it is started", plan.participant),
        Role::Client => format!("the site `{}` has not registered at its server", plan.site),
    };
    match reader.joined() {
        Joined::Yes => Vec::new(),
        Joined::Lost(cause) => {
            let message = format!("the site `{}` was registered, and has lost its server since: {}", plan.site, cause.message);
            vec![Finding::new("D82", Severity::Error, message).hint(cause.hint).evidence(last)]
        }
        Joined::No(Some(cause)) => vec![Finding::error("D82", format!("{what}: {}", cause.message), cause.hint).evidence(last)],
        Joined::No(None) => {
            let hint = "see D71 and D72, and the log (`logs`); a server that starts later is found by itself";
            vec![Finding::error("D82", what, hint).evidence(last)]
        }
    }
}

/// Reads the log until the participant has joined and no more lines arrive, or the deadline has passed.
async fn follow(
    cluster: &Cluster,
    namespace: &str,
    running: &Running,
    end: Instant,
    reader: &mut Reader,
    last: &mut Vec<String>,
) -> Result<(), Diagnostic> {
    let selection = LogSelection { container: Some(running.container.clone()), ..LogSelection::default() };
    let log = cluster.follow_logs(namespace, &running.pod, &selection).await?;
    let mut lines = std::pin::pin!(log.lines());
    loop {
        let until = if reader.joined() == Joined::Yes { end.min(Instant::now() + SILENCE) } else { end };
        match timeout_at(until, lines.next()).await {
            Ok(Some(Ok(line))) => {
                reader.read(&line);
                if last.len() == LAST_LINES {
                    last.remove(0);
                }
                last.push(line);
            }
            // The end of the log, the deadline, or a line that is not UTF-8.
            Ok(None | Some(Err(_))) | Err(_) => return Ok(()),
        }
    }
}

//! Whether the participant has joined, according to its parent's log.

use std::time::Duration;

use flare_cluster::Cluster;
use flare_names::Role;
use flare_prepared_kit::PreparedKit;
use tokio::time::Instant;

use crate::{
    Finding, Proven, Severity,
    joining::{self, LogSource},
    registered::{Joined, LogReader},
    rollout::Rollout,
};

/// How long a running client may take to register. It tries every few seconds.
const REGISTRATION: Duration = Duration::from_mins(1);

/// The number of lines at the end of the log that are shown of a parent that has not joined.
const LAST_LINES: usize = 8;

/// Checks the log of a parent, whose Deployment may note that it was proven to have joined.
pub(super) async fn check(cluster: &Cluster, kit: &PreparedKit, rollout: &Rollout, end: Instant) -> Vec<Finding> {
    let Rollout { running, deployment } = rollout;
    let plan = kit.plan();
    // Without the note the log decides.
    let is_proven = Proven::read(deployment).is_some_and(|proven| proven.is_of(running));
    let start = LogReader::new(plan.role, &plan.site).of_known(is_proven);
    let end = end.min(Instant::now() + REGISTRATION);
    let source = LogSource { namespace: plan.namespace.as_str(), pod: &running.pod, container: &running.container };
    let look = joining::wait(cluster, source, end, &start).await;
    if let Some(fault) = &look.unread {
        return vec![Finding::unknown("D82", "whether the participant has joined", fault)];
    }
    let last = look.last_lines(LAST_LINES);
    let what = match plan.role {
        Role::Server => format!("the server `{}` has not said that it is started", plan.participant),
        Role::Client => format!("the site `{}` has not registered at its server", plan.site),
    };
    match look.joined() {
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

//! Whether a client that does not register is refused for good, tested from its pod: FLARE's log does not say that the server's
//! certificate has another name than the kit calls, nor that the server refuses the client's certificate.

use std::time::Duration;

use flare_doctor::{Finding, online, rollout::RunningParent};
use tokio::time::{Instant, timeout};

use super::run::Run;

/// How long a client may take to register before its connection is tested, and the pause between two tests.
const PAUSE: Duration = Duration::from_secs(20);

/// The pause before a refusal is tested again: a server that is just being replaced may still show its earlier certificate.
const AGAIN: Duration = Duration::from_secs(5);

/// The tests of one client.
pub(super) struct LinkTest {
    next: Instant,
    /// The refusal that the last test found.
    last: Option<Finding>,
}

impl LinkTest {
    pub(super) fn new() -> Self {
        Self { next: Instant::now() + PAUSE, last: None }
    }

    /// Tests if it is time to. Returns a refusal that two tests found, one after the other.
    pub(super) async fn look(&mut self, run: &Run<'_>, running: &RunningParent) -> Option<Finding> {
        if Instant::now() < self.next {
            return None;
        }
        let found = timeout(run.left(), online::refused_by_server(run.cluster, run.kit, running)).await.ok().flatten();
        self.next = Instant::now() + if found.is_some() { AGAIN } else { PAUSE };
        let before = std::mem::replace(&mut self.last, found);
        before.filter(|before| self.last.as_ref() == Some(before))
    }
}

//! What keeps a client that does not register from its server, tested from its pod: FLARE's log does not say that a name does not resolve,
//! that the server's certificate has another name than the kit calls, nor that the server refuses the client's certificate.

use std::time::Duration;

use flare_doctor::{
    Finding,
    online::{self, BrokenLink},
    rollout::RunningParent,
};
use tokio::time::{Instant, timeout};

use super::run::Run;

/// How long a client may take to register before its connection is tested, and the pause between two tests.
const PAUSE: Duration = Duration::from_secs(20);

/// The pause before a refusal is tested again: a server that is just being replaced may still show its earlier certificate.
const AGAIN: Duration = Duration::from_secs(5);

/// How long before the end of a short run's time the connection is tested, so that the run can end with the cause.
const BEFORE_THE_END: Duration = Duration::from_secs(5);

/// The tests of one client.
pub(super) struct LinkTest {
    next: Instant,
    /// What the last test found.
    last: Option<BrokenLink>,
}

impl LinkTest {
    /// For a client that has this time left to register.
    pub(super) fn new(left: Duration) -> Self {
        Self { next: Instant::now() + first(left), last: None }
    }

    /// Tests if it is time to. Returns a refusal that two tests found, one after the other. What may heal is only told.
    pub(super) async fn look(&mut self, run: &Run<'_>, running: &RunningParent) -> Option<Finding> {
        if Instant::now() < self.next {
            return None;
        }
        let found = timeout(run.left(), online::broken_link(run.cluster, run.kit, running)).await.ok().flatten();
        let is_refused = found.as_ref().is_some_and(|found| !found.heals);
        self.next = Instant::now() + if is_refused { AGAIN } else { PAUSE };
        if let Some(found) = found.as_ref().filter(|found| Some(*found) != self.last.as_ref()) {
            (run.progress)(&found.finding.message);
        }
        let before = std::mem::replace(&mut self.last, found);
        before.filter(|before| is_refused && self.last.as_ref() == Some(before)).map(|before| before.finding)
    }

    /// What the last test found.
    pub(super) fn last(self) -> Option<Finding> {
        self.last.map(|broken| broken.finding)
    }
}

/// When the first test is made.
fn first(left: Duration) -> Duration {
    PAUSE.min(left.saturating_sub(BEFORE_THE_END))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_run_tests_before_its_time_is_up() {
        let seconds = |left| first(Duration::from_secs(left)).as_secs();
        assert_eq!([300, 25, 15, 3].map(seconds), [20, 20, 10, 0]);
    }
}

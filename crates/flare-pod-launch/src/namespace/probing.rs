//! When the API server is asked whether it answers again.

use std::time::Duration;

use flare_cluster::Backoff;

use crate::work::PROBE_PAUSES;

/// At most one request at a time, and less often the longer it does not answer.
pub(super) struct Probing {
    pauses: Backoff,
    is_under_way: bool,
}

impl Probing {
    pub(super) fn new() -> Self {
        Self { pauses: PROBE_PAUSES, is_under_way: false }
    }

    /// The pause before a request that is to be started now, if there is to be one: only jobs wait for its answer.
    pub(super) fn start(&mut self, has_jobs: bool) -> Option<Duration> {
        if !has_jobs || self.is_under_way {
            return None;
        }
        self.is_under_way = true;
        Some(self.pauses.step())
    }

    /// Records an answer, whatever it says.
    pub(super) fn answered(&mut self) {
        self.is_under_way = false;
    }

    /// Begins with short pauses again, since it answers.
    pub(super) fn reset(&mut self) {
        self.pauses.reset();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_api_server_is_asked_by_one_request_at_a_time_ever_less_often_and_only_for_jobs() {
        let seconds = |pause: Option<Duration>| pause.map(|pause| pause.as_secs());
        let mut probing = Probing::new();
        assert_eq!(probing.start(false), None);
        for expected in [2, 4, 8, 16, 30, 30] {
            assert_eq!(seconds(probing.start(true)), Some(expected));
            assert_eq!(probing.start(true), None, "one is under way");
            probing.answered();
        }
        probing.reset();
        assert_eq!(seconds(probing.start(true)), Some(2));
    }
}

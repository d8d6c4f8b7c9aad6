//! The time of one participant: its steps share it, so that a step that comes late has what the earlier ones left.

use std::time::Duration;

use tokio::time::Instant;

/// What a step is given at least, so that it says what it found and not only that the time is over: longer than the time for which a
/// parent must run before it is taken for a good one.
const LEAST: Duration = Duration::from_secs(30);

/// The time that the steps of one participant share. What they put back when one fails has its own limits.
#[derive(Debug, Clone, Copy)]
pub(super) struct Budget {
    whole: Duration,
    begun: Instant,
}

impl Budget {
    /// Begins now.
    pub(super) fn begin(whole: Duration) -> Self {
        Self { whole, begun: Instant::now() }
    }

    /// The time for a step that begins now: what is left, but not less than 30 s, or than the whole if that is shorter.
    pub(super) fn for_a_step(&self) -> Duration {
        self.at(Instant::now())
    }

    fn at(&self, now: Instant) -> Duration {
        let spent = now.saturating_duration_since(self.begun);
        self.whole.saturating_sub(spent).max(self.whole.min(LEAST))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_later_step_has_what_the_earlier_ones_left_and_enough_to_say_something() {
        for (whole, spent, expected) in [
            // The first step has everything.
            (300, 0, 300),
            (300, 100, 200),
            (300, 269, 31),
            (300, 271, 30),
            // Over, by a step that ended just in time or a little later.
            (300, 300, 30),
            (300, 301, 30),
            // A short time is not made longer than the user gave it.
            (10, 0, 10),
            (10, 9, 10),
            (1, 1, 1),
            (30, 29, 30),
        ] {
            let [whole, spent, expected] = [whole, spent, expected].map(Duration::from_secs);
            let budget = Budget::begin(whole);
            assert_eq!(budget.at(budget.begun + spent), expected, "{spent:?} of {whole:?}");
        }
    }
}

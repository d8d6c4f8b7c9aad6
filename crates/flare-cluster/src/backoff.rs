//! Growing pauses between attempts.

use std::time::Duration;

use crate::jitter::about;

/// The pauses between attempts of one kind: each is twice as long as the one before, up to the longest. As an iterator it gives them
/// changed at random by up to a quarter, so that clients that failed together do not try again together; it never ends.
///
/// ```
/// use std::time::Duration;
///
/// let mut backoff = flare_cluster::Backoff::new(Duration::from_secs(2), Duration::from_secs(5));
/// assert_eq!([2, 4, 5, 5].map(Duration::from_secs), std::array::from_fn(|_| backoff.step()));
/// backoff.reset();
/// assert_eq!(backoff.step(), Duration::from_secs(2));
/// ```
#[derive(Debug, Clone)]
pub struct Backoff {
    first: Duration,
    longest: Duration,
    next: Duration,
}

impl Backoff {
    /// Pauses from the first to the longest.
    pub const fn new(first: Duration, longest: Duration) -> Self {
        Self { first, longest, next: first }
    }

    /// The next pause without a random change, for a caller whose decisions are a function of the time.
    pub fn step(&mut self) -> Duration {
        let pause = self.next;
        self.next = pause.saturating_mul(2).min(self.longest);
        pause
    }

    /// Begins with the first pause again, after a success.
    pub const fn reset(&mut self) {
        self.next = self.first;
    }

    /// Waits for the next pause.
    pub async fn pause(&mut self) {
        tokio::time::sleep(about(self.step())).await;
    }
}

impl Iterator for Backoff {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        Some(about(self.step()))
    }
}

impl kube::runtime::utils::Backoff for Backoff {
    fn reset(&mut self) {
        Self::reset(self);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_the_longest_near_their_lengths_and_begin_again() {
        let mut backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(3));
        for expected in [1.0, 2.0, 3.0, 3.0] {
            let pause = backoff.next().unwrap().as_secs_f64();
            assert!((expected * 0.75..=expected * 1.25).contains(&pause), "{pause} instead of {expected}");
        }
        kube::runtime::utils::Backoff::reset(&mut backoff);
        assert_eq!(backoff.step(), Duration::from_secs(1));
        assert_eq!(Backoff::new(Duration::MAX, Duration::MAX).step(), Duration::MAX);
    }
}

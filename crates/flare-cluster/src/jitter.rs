//! Randomised pauses, so that clients that were refused together do not retry together.

use std::{
    hash::{BuildHasher as _, Hasher as _, RandomState},
    time::Duration,
};

/// The pause, changed at random by up to a quarter.
pub fn about(pause: Duration) -> Duration {
    // The standard library seeds each `RandomState` randomly.
    let random = u32::try_from(RandomState::new().build_hasher().finish() >> 48).unwrap_or_default();
    pause.mul_f64(0.75 + 0.5 * f64::from(random) / f64::from(1_u32 << 16))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_stay_near_and_differ() {
        let pauses: std::collections::HashSet<_> = (0..50).map(|_| about(Duration::from_secs(4))).collect();
        assert!(pauses.iter().all(|pause| (3.0..=5.0).contains(&pause.as_secs_f64())), "{pauses:?}");
        assert!(pauses.len() > 1);
    }
}

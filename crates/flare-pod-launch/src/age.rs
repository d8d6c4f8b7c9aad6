//! How old an existing pod is.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

/// How far apart the clocks of one cluster's API servers may be.
const APART: SignedDuration = SignedDuration::from_mins(1);

/// How long ago the pod was created that a launcher takes over, which is for how long it has been waited for.
///
/// The time of its creation is of the cluster's clock, and so is `cluster`, the time now as the API server tells it: a wrong local clock makes
/// the pod neither older, which would end it at once, nor younger. `local` has to do if the server tells none, or one long before the creation,
/// which then is another clock's: a pod that is taken over again and again must not begin its wait anew each time.
pub(crate) fn age(created: Option<Timestamp>, cluster: Option<Timestamp>, local: Timestamp) -> Duration {
    let Some(created) = created else { return Duration::ZERO };
    let since = |now: Timestamp| now.duration_since(created);
    let since = cluster.map(since).filter(|since| *since > -APART).unwrap_or_else(|| since(local));
    Duration::try_from(since).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pod_is_as_old_as_its_cluster_says_whatever_the_local_clock_says() {
        const DAY: i64 = 24 * 60 * 60;
        let at = |second: i64| Timestamp::new(1_000_000_000 + second, 0).unwrap();
        for (created, cluster, local, expected) in [
            (Some(0), Some(90), 90, 90),
            // The local clock is a day ahead, or behind.
            (Some(0), Some(90), 90 + DAY, 90),
            (Some(0), Some(90), 90 - DAY, 90),
            // The clocks of two API servers differ a little.
            (Some(0), Some(-2), DAY, 0),
            // The time of something else than the API server, and none at all.
            (Some(0), Some(-DAY), 90, 90),
            (Some(0), None, 90, 90),
            (Some(0), None, -90, 0),
            (Some(0), Some(-DAY), -DAY, 0),
            (None, Some(90), 90, 0),
        ] {
            let age = age(created.map(at), cluster.map(at), at(local));
            let expected = Duration::from_secs(expected);
            assert_eq!(age, expected, "created {created:?}, at {cluster:?} in the cluster and {local} here");
        }
        assert!(age(Some(Timestamp::MIN), Some(Timestamp::MAX), at(0)) > Duration::from_hours(24));
    }
}

//! Time, passed in by the caller.

use std::time::Duration;

use jiff::Timestamp;

/// A point in time.
#[derive(Debug, Clone, Copy)]
pub struct Moment {
    /// On a monotonic clock; all moments of one lifecycle use the same clock.
    pub elapsed: Duration,
    /// The wall clock, for the times in notices.
    pub wall: Timestamp,
    /// The API server's clock, which may be another, for the age of events.
    pub cluster: Timestamp,
}

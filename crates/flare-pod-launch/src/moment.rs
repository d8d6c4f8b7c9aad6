//! Time, as it is handed in.

use std::time::Duration;

use jiff::Timestamp;

/// A point in time.
#[derive(Debug, Clone, Copy)]
pub struct Moment {
    /// On a clock that never goes back; all moments of one lifecycle are of the same clock.
    pub elapsed: Duration,
    /// The wall clock, to tell how old events are.
    pub wall: Timestamp,
}

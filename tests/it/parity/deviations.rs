//! Every difference that is meant, with its number in the list of defects or the addition that it is.

use super::case::Case;
use super::compare::Difference;

/// A difference that is meant.
pub(crate) struct Deviation {
    /// `defect N`, or `addition: …`.
    pub(crate) reason: &'static str,
    /// Whether a difference is this one: as narrow as it can be said.
    pub(crate) applies: fn(&Case, &Difference) -> bool,
}

/// The reason for a difference, or none where it is a mismatch.
pub(crate) fn reason(case: &Case, difference: &Difference) -> Option<&'static str> {
    DEVIATIONS
        .iter()
        .find(|deviation| (deviation.applies)(case, difference))
        .map(|deviation| deviation.reason)
}

const DEVIATIONS: &[Deviation] = &[];

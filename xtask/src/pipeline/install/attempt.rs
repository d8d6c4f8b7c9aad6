//! What a run did to a release, by which it knows later whether another run has changed it since.

use flare_helm::{ReleaseStatus, Revision};

/// What a run knows that it did to the release.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Attempt {
    /// Nothing: this was the newest revision, if there was one.
    Untouched(Option<u64>),
    /// It made this revision.
    Made(u64),
    /// Its Helm failed.
    Failed {
        /// The revision that Helm would have made.
        next: u64,
        /// Whether Helm was ended, so that it could not write how that ended.
        ended: bool,
    },
    /// Its Helm failed and went back, which made a revision of its own.
    TakenBack {
        /// The revision that Helm would have made.
        failed: u64,
    },
}

impl Attempt {
    /// The same after Helm went back from what it did.
    pub(crate) const fn taken_back(self) -> Self {
        match self {
            Self::Made(own) => Self::Made(own + 1),
            Self::Failed { next, .. } => Self::TakenBack { failed: next },
            other => other,
        }
    }

    /// Whether the newest revision is the run's own, or still the one before it. Otherwise another run is at work on the release, and
    /// going back would take away what that one installed.
    pub(super) fn is_newest(self, history: &[Revision]) -> bool {
        let newest = history.last();
        let Some(newest) = newest else { return true };
        match self {
            Self::Untouched(known) => known == Some(newest.revision) && !newest.status.is_pending(),
            Self::Made(own) => newest.revision == own,
            Self::Failed { next, .. } if newest.revision != next => newest.revision < next && !newest.status.is_pending(),
            Self::Failed { ended, .. } => newest.status == ReleaseStatus::Failed || (ended && newest.status.is_pending()),
            Self::TakenBack { failed } => {
                // Going back made the next number, or this one if Helm failed before it wrote anything.
                let is_written = history.iter().any(|one| one.revision == failed && !one.status.was_in_place());
                newest.revision == failed + u64::from(is_written) && newest.status == ReleaseStatus::Deployed
            }
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Revisions with these states, the oldest first.
    pub(in crate::pipeline::install) fn history(states: &[ReleaseStatus]) -> Vec<Revision> {
        let revision = |(at, status): (usize, &ReleaseStatus)| Revision {
            revision: at as u64 + 1,
            status: *status,
            updated: "2026-11-30 05:00:00 UTC".to_owned(),
            description: String::new(),
        };
        states.iter().enumerate().map(revision).collect()
    }

    #[test]
    fn only_a_release_that_no_other_run_changed_is_put_back() {
        use ReleaseStatus::{Deployed, Failed, PendingInstall, PendingUpgrade, Superseded};
        let failed = |next| Attempt::Failed { next, ended: false };
        let ended = |next| Attempt::Failed { next, ended: true };
        for (states, attempt, is_own) in [
            (&[][..], failed(1), true),
            (&[Failed], failed(1), true),
            (&[PendingInstall], ended(1), true),
            (&[Deployed], failed(2), true),
            (&[Superseded, Failed], failed(2), true),
            (&[Superseded, Deployed], Attempt::Made(2), true),
            (&[], Attempt::Untouched(None), true),
            (&[Superseded, Deployed], Attempt::Untouched(Some(2)), true),
            // Two runs read the same history, and the other one was the first.
            (&[PendingInstall], failed(1), false),
            (&[Deployed], failed(1), false),
            (&[Deployed, PendingUpgrade], failed(2), false),
            (&[Superseded, Deployed], failed(2), false),
            (&[Superseded, Deployed], failed(1), false),
            (&[PendingUpgrade], failed(2), false),
            (&[Superseded, Superseded, Deployed], Attempt::Made(2), false),
            (&[Deployed], Attempt::Untouched(None), false),
            (&[Superseded, Failed], Attempt::Untouched(Some(1)), false),
            (&[PendingUpgrade], Attempt::Untouched(Some(1)), false),
            // Helm went back.
            (&[Superseded, Superseded, Deployed], Attempt::Made(2).taken_back(), true),
            (&[Superseded, Failed, Deployed], failed(2).taken_back(), true),
            (&[Superseded, PendingUpgrade, Deployed], ended(2).taken_back(), true),
            (&[Superseded, Deployed], failed(2).taken_back(), true),
            // And then another run went on.
            (&[Superseded, Superseded, Superseded, Deployed], Attempt::Made(2).taken_back(), false),
            (&[Superseded, Failed, Superseded, Deployed], failed(2).taken_back(), false),
            (&[Superseded, Superseded, Deployed], failed(2).taken_back(), false),
            (&[Superseded, Failed, Deployed, PendingUpgrade], failed(2).taken_back(), false),
            (&[Superseded, Failed], failed(2).taken_back(), false),
        ] {
            assert_eq!(attempt.is_newest(&history(states)), is_own, "{states:?} {attempt:?}");
        }
    }
}

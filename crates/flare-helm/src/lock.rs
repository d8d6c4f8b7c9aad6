//! A locked release: what a Helm run that was cut off leaves behind. Helm's only lock is the state of the newest revision, which
//! makes it refuse every later operation.

use flare_diagnostic::{Code, Diagnostic};

use crate::{ReleaseId, ReleaseStatus, Revision};

/// How a locked release is freed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unlock {
    /// By a rollback to the newest deployed revision.
    Rollback(u64),
    /// By uninstalling the release, since none of its revisions was ever deployed, or it was being uninstalled.
    Uninstall,
}

/// Why a release is locked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lock {
    /// The newest revision, which is pending or being uninstalled.
    pub revision: u64,
    /// Its state.
    pub status: ReleaseStatus,
    /// Since when, in the format of RFC 3339.
    pub since: String,
    /// How it is freed.
    pub unlock: Unlock,
}

impl Lock {
    /// The lock of a release with this history; `None` if it is not locked.
    pub fn of(history: &[Revision]) -> Option<Self> {
        let last = history.last().filter(|last| last.status.is_pending() || last.status == ReleaseStatus::Uninstalling)?;
        // A release whose objects are partly gone is not a target: what was begun is ended.
        let good = last_good(history).filter(|_| last.status.is_pending());
        let unlock = good.map_or(Unlock::Uninstall, |good| Unlock::Rollback(good.revision));
        Some(Self { revision: last.revision, status: last.status, since: last.updated.clone(), unlock })
    }

    /// The fault of the lock, for a caller that may not free it.
    pub fn diagnostic(&self, place: &ReleaseId) -> Diagnostic {
        let ReleaseId { release, namespace, .. } = place;
        let since = if self.since.is_empty() { String::new() } else { format!(" since {}", self.since) };
        let message = format!(
            "the release `{release}` in namespace `{namespace}` is locked: its revision {} is {}{since}, so a Helm run was cut off or is still at work",
            self.revision,
            self.status.as_str()
        );
        let unlock = match self.unlock {
            Unlock::Rollback(revision) => place.command(&format!("rollback {release} {revision}")),
            Unlock::Uninstall => place.command(&format!("uninstall {release}")),
        };
        Diagnostic::error(Code::ReleaseLocked, message).hint(format!(
            "once no other Helm run is at work on it, the same command with `--unlock` frees it, as `{unlock}` does"
        ))
    }
}

/// The newest deployed revision, the target of a rollback.
pub fn last_good(history: &[Revision]) -> Option<&Revision> {
    history.iter().rev().find(|revision| revision.status.was_in_place())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn history(states: &[ReleaseStatus]) -> Vec<Revision> {
        let revision = |(at, status): (usize, &ReleaseStatus)| Revision {
            revision: at as u64 + 1,
            status: *status,
            updated: "2026-11-28T10:41:00Z".to_owned(),
            description: String::new(),
        };
        states.iter().enumerate().map(revision).collect()
    }

    #[test]
    fn only_a_newest_revision_that_is_pending_or_being_uninstalled_locks_a_release() {
        use ReleaseStatus::{Deployed, Failed, PendingInstall, PendingRollback, PendingUpgrade, Superseded, Uninstalling};
        for free in [&[][..], &[Deployed], &[Superseded, Failed], &[PendingUpgrade, Deployed], &[Uninstalling, Failed]] {
            assert_eq!(Lock::of(&history(free)), None, "{free:?}");
        }
        for (states, revision, unlock) in [
            (&[PendingInstall][..], 1, Unlock::Uninstall),
            (&[Failed, PendingUpgrade], 2, Unlock::Uninstall),
            (&[Deployed, PendingUpgrade], 2, Unlock::Rollback(1)),
            (&[Superseded, Deployed, Failed, PendingUpgrade], 4, Unlock::Rollback(2)),
            (&[Superseded, Failed, PendingRollback], 3, Unlock::Rollback(1)),
            (&[Uninstalling], 1, Unlock::Uninstall),
            (&[Superseded, Uninstalling], 2, Unlock::Uninstall),
        ] {
            let lock = Lock::of(&history(states)).unwrap();
            assert_eq!((lock.revision, lock.unlock), (revision, unlock), "{states:?}");
        }
    }

    #[test]
    fn the_explanation_says_since_when_and_what_frees_it() {
        let context = Some("far".to_owned());
        let place = ReleaseId { release: "site-1".into(), namespace: "fl".into(), kubeconfig: None, context };
        let lock = Lock::of(&history(&[ReleaseStatus::Deployed, ReleaseStatus::PendingUpgrade])).unwrap();
        let fault = lock.diagnostic(&place);
        assert_eq!(fault.code, Code::ReleaseLocked);
        assert!(fault.message.contains("pending-upgrade since 2026-11-28T10:41:00Z"), "{}", fault.message);
        let hint = fault.hint.unwrap();
        assert!(
            hint.contains("--unlock") && hint.contains("`helm rollback site-1 1 --namespace fl --kube-context far`"),
            "{hint}"
        );
    }
}

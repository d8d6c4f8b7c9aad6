//! How long a creation waits for a credential that the API server accepts.

use std::time::Duration;

use flare_diagnostic::Diagnostic;
use tokio::time::Instant;

use crate::{Limits, trouble};

/// What renews a token file may be late: the kubelet looks about once a minute. The file itself is read again after each refusal.
const LONGEST: Duration = Duration::from_secs(90);

/// The wait for a renewed credential.
#[derive(Debug)]
pub(crate) struct Renewal {
    limit: Duration,
    /// Since when no credential has been accepted.
    since: Option<Instant>,
}

impl Renewal {
    /// No longer than the job may be created.
    pub(crate) fn within(limits: &Limits) -> Self {
        Self { limit: LONGEST.min(limits.creating()), since: None }
    }

    /// Whether a fault is one of the credential that may still pass.
    pub(crate) fn is_awaited(&mut self, fault: &Diagnostic, now: Instant) -> bool {
        if !trouble::is_of_credential(fault) {
            self.since = None;
            return false;
        }
        let since = *self.since.get_or_insert(now);
        now.saturating_duration_since(since) < self.limit
    }
}

#[cfg(test)]
mod tests {
    use flare_diagnostic::Code;

    use super::*;

    #[test]
    fn a_credential_is_awaited_longer_than_a_client_keeps_an_old_token_but_not_longer_than_the_job() {
        let seconds = Duration::from_secs;
        let fault = |code| Diagnostic::error(code, "no");
        let start = Instant::now();
        for code in [Code::CredentialRefused, Code::CredentialUnavailable] {
            let mut renewal = Renewal::within(&Limits::default());
            assert!([0, 60, 70].into_iter().all(|second| renewal.is_awaited(&fault(code), start + seconds(second))));
            assert!(!renewal.is_awaited(&fault(code), start + seconds(90)));
            assert!(!renewal.is_awaited(&fault(Code::PermissionDenied), start + seconds(91)), "this is another fault");
            assert!(renewal.is_awaited(&fault(code), start + seconds(92)), "and this a new one");
        }
        let short = Limits { pending: seconds(5), settle: seconds(5), ..Limits::default() };
        let mut renewal = Renewal::within(&short);
        assert!(renewal.is_awaited(&fault(Code::CredentialRefused), start));
        assert!(!renewal.is_awaited(&fault(Code::CredentialRefused), start + seconds(5)));
    }
}

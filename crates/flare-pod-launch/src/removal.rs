//! Deletes a pod until it is gone or the time limit is reached.

use std::time::Duration;

use crate::{Action, Limits, Settlement, Step, view::View};

/// Pauses between attempts that were refused or not answered; the last one repeats.
const PAUSES: [Duration; 5] =
    [Duration::from_secs(1), Duration::from_secs(2), Duration::from_secs(5), Duration::from_secs(10), Duration::from_secs(30)];

/// How long after its grace period a pod should be gone; then its deletion is requested again.
const MARGIN: Duration = Duration::from_secs(15);

/// The pause after this number of attempts.
pub(crate) fn pause(attempts: usize) -> Duration {
    PAUSES[attempts.saturating_sub(1).min(PAUSES.len() - 1)]
}

/// The deletion of one pod.
#[derive(Debug)]
pub(crate) struct Removal {
    /// When it is no longer tried.
    last: Duration,
    attempts: usize,
    next: Option<Duration>,
    is_under_way: bool,
    is_looked_for: bool,
    said: Option<String>,
}

impl Removal {
    /// A deletion that is tried until `last`.
    pub(crate) fn until(last: Duration) -> Self {
        Self { last, attempts: 0, next: None, is_under_way: false, is_looked_for: false, said: None }
    }

    /// Whether no deletion was requested yet.
    pub(crate) fn has_asked_for_nothing(&self) -> bool {
        self.attempts == 0
    }

    /// When it continues by itself.
    pub(crate) fn next(&self) -> Option<Duration> {
        self.next
    }

    /// Continues with what is known, and returns the settlement if there is one.
    pub(crate) fn go_on(
        &mut self,
        view: &View,
        deleted: Option<Result<bool, String>>,
        now: Duration,
        limits: &Limits,
        step: &mut Step,
    ) -> Option<Settlement> {
        let grace = (!view.is_over()).then_some(limits.grace);
        match deleted {
            Some(Ok(false)) => return Some(Settlement::Removed),
            Some(Ok(true)) => {
                self.is_under_way = true;
                self.next = Some(now.saturating_add(grace.unwrap_or_default()).saturating_add(MARGIN));
            }
            Some(Err(said)) => {
                self.said = Some(said);
                self.next = Some(now.saturating_add(pause(self.attempts)));
            }
            None => {}
        }
        if view.gone || (view.missing && self.is_under_way) {
            return Some(Settlement::Removed);
        }
        if now >= self.last {
            return Some(Settlement::NotRemoved { message: self.what_is_known() });
        }
        let is_found = self.is_looked_for && view.uid.is_some();
        if is_found || self.next.is_none_or(|next| now >= next) {
            self.attempts += 1;
            self.is_looked_for = view.uid.is_none();
            step.actions.push(match view.uid {
                Some(_) => Action::Delete { grace: grace.map(|grace| u32::try_from(grace.as_secs()).unwrap_or(u32::MAX)) },
                // It is not known whether there is such a pod.
                None => Action::Look,
            });
            // The answer sets a better time.
            self.next = Some(now.saturating_add(pause(PAUSES.len())));
        }
        self.next = self.next.map(|next| next.min(self.last));
        None
    }

    fn what_is_known(&self) -> String {
        match &self.said {
            Some(said) => said.clone(),
            None if self.is_under_way => {
                "the pod is being deleted and does not go: its node does not answer, or a finalizer keeps it".to_owned()
            }
            None => "the API server did not answer the deletion".to_owned(),
        }
    }
}

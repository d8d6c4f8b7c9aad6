//! When a pod is requested by its name: once for each reason, and less often while the request is not answered.

use std::{collections::VecDeque, time::Duration};

use flare_cluster::Backoff;

/// How long to wait before a pod is requested again.
const FIRST_PAUSE: Duration = Duration::from_secs(5);
const LONGEST_PAUSE: Duration = Duration::from_mins(1);

/// The looks for one pod.
#[derive(Debug)]
pub(crate) struct PodLookups {
    /// When those were sent that are not answered yet. An answer counts for the oldest, so that no look seems newer than it is.
    sent: VecDeque<Duration>,
    /// When the newest look was sent that was answered, whatever the answer.
    answered: Option<Duration>,
    /// Whether the newest answer was none, so that nothing is known of the pod from then on.
    failed: bool,
    next: Option<Duration>,
    backoff: Backoff,
    /// When the pod is looked at again although nothing asks for it, and the pauses between these looks.
    repetition: Option<Duration>,
    pauses: Backoff,
}

impl PodLookups {
    pub(crate) fn new() -> Self {
        Self {
            sent: VecDeque::new(),
            answered: None,
            failed: false,
            next: None,
            backoff: Backoff::new(FIRST_PAUSE, LONGEST_PAUSE),
            repetition: None,
            pauses: Backoff::new(FIRST_PAUSE, LONGEST_PAUSE),
        }
    }

    /// Records an answer; `is_clear`: it shows whether there is such a pod.
    pub(crate) fn answer(&mut self, is_clear: bool, now: Duration) {
        self.answered = self.sent.pop_front().max(self.answered);
        self.failed = !is_clear;
        self.next = (!is_clear).then(|| now.saturating_add(self.backoff.step()));
        if is_clear {
            self.backoff.reset();
        }
    }

    /// Whether the pod is to be requested again because nobody answered.
    pub(crate) fn has_failed(&self) -> bool {
        self.failed
    }

    /// Records that the pod was seen in another way, so that the next look has a new reason.
    pub(crate) fn forgive(&mut self) {
        (self.failed, self.next) = (false, None);
    }

    /// Whether a look was answered that was sent at this time or later.
    pub(crate) fn is_answered_since(&self, time: Duration) -> bool {
        self.answered.is_some_and(|sent| sent >= time)
    }

    /// Whether the oldest look that was not answered should have been by now.
    pub(crate) fn is_late(&self, now: Duration) -> bool {
        self.sent.front().is_some_and(|sent| now >= sent.saturating_add(LONGEST_PAUSE))
    }

    /// Whether a look is to be sent now, if there is a reason for one. An answer that never comes is not waited for.
    pub(crate) fn is_due(&mut self, now: Duration) -> bool {
        let is_due = self.next.is_none_or(|next| now >= next);
        if is_due {
            self.sent.push_back(now);
            self.next = Some(now.saturating_add(LONGEST_PAUSE));
        }
        is_due
    }

    /// When the next one is due, if there is still a reason for it.
    pub(crate) fn next(&self) -> Option<Duration> {
        self.next
    }

    /// Whether a look is to be sent now at a pod that no watch shows; the first one comes after a pause, since the watch may only be late.
    pub(crate) fn is_repetition_due(&mut self, now: Duration) -> bool {
        let is_due = self.repetition.is_some_and(|next| now >= next);
        if is_due {
            self.sent.push_back(now);
        }
        if is_due || self.repetition.is_none() {
            self.repetition = Some(now.saturating_add(self.pauses.step()));
        }
        is_due
    }

    /// When such a look is due next.
    pub(crate) fn next_repetition(&self) -> Option<Duration> {
        self.repetition
    }

    /// Records that a watch shows the pod.
    pub(crate) fn end_repetition(&mut self) {
        self.repetition = None;
        self.pauses.reset();
    }
}

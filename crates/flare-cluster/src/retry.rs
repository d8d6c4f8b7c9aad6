//! Which requests are sent again, and when: after answers that ask for a retry, and after broken connections.

use std::time::Duration;

use kube::Error;

use crate::Operation;

/// Pauses between attempts; together they are longer than a restart of the API server.
const PAUSES: [Duration; 6] = [
    Duration::from_millis(250),
    Duration::from_millis(500),
    Duration::from_secs(1),
    Duration::from_secs(2),
    Duration::from_secs(4),
    Duration::from_secs(4),
];

/// The longest pause that an answer may request.
const LONGEST_ASKED: Duration = Duration::from_secs(10);

/// How long to wait before the request is sent again; `None` if that would not help or could execute it twice.
pub(crate) fn pause(error: &Error, operation: &Operation, attempt: usize) -> Option<Duration> {
    let pause = *PAUSES.get(attempt)?;
    match error {
        Error::Api(status) => {
            let asked = status.details.as_ref().map_or(0, |details| details.retry_after_seconds);
            let asked = Duration::from_secs(asked.into()).min(LONGEST_ASKED);
            // Too many requests: this one was not processed, so any request can be repeated.
            let later = status.code == 429 || (matches!(status.code, 500 | 503 | 504) && operation.may_be_repeated());
            later.then(|| pause.max(asked))
        }
        _ => (crate::fault::may_heal(error) && operation.may_be_repeated()).then_some(pause),
    }
}

#[cfg(test)]
mod tests {
    use kube::core::Status;

    use super::*;

    fn answer(code: u16) -> Error {
        Error::Api(Status::failure("", "").with_code(code).boxed())
    }

    #[test]
    fn only_what_can_be_done_twice_is_sent_again() {
        let (get, create) = (Operation::named("get", "", "pods", None), Operation::named("create", "", "pods", None));
        assert!(pause(&answer(503), &get, 0).is_some());
        assert!(pause(&answer(503), &create, 0).is_none());
        assert!(pause(&answer(429), &create, 0).is_some());
        assert!(pause(&answer(403), &get, 0).is_none());
        assert!(pause(&answer(503), &get, PAUSES.len()).is_none(), "attempts end");
    }
}

//! Which requests are sent again, and when: after answers that ask for a retry, and after broken connections.

use std::time::Duration;

use http::StatusCode;
use kube::Error;

use crate::{
    Operation,
    busy::{self, Busy},
    causes::find,
    fault,
    jitter::about,
};

/// Pauses between attempts; together they are longer than a restart of the API server.
const PAUSES: [Duration; 6] = [
    Duration::from_millis(250),
    Duration::from_millis(500),
    Duration::from_secs(1),
    Duration::from_secs(2),
    Duration::from_secs(4),
    Duration::from_secs(4),
];

/// How long to wait before the request is sent again; `None` if that would not help or could execute it twice.
pub(crate) fn pause(error: &Error, operation: &Operation, attempt: usize) -> Option<Duration> {
    // Clients that were refused together do not come back together, and none comes back before the time for which it was asked.
    let pause = busy::asked(error) + about(*PAUSES.get(attempt)?);
    let (was_refused, may_pass) = if let Error::Api(status) = error {
        (status.code == 429, matches!(status.code, 500 | 503 | 504))
    } else {
        let busy = find::<Busy>(error);
        (busy.is_some_and(|busy| busy.status == StatusCode::TOO_MANY_REQUESTS), fault::may_heal(error))
    };
    // Too many requests: this one was not processed, so any request can be repeated.
    (was_refused || (may_pass && operation.may_be_repeated())).then_some(pause)
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
        let busy = |status| {
            let answer = http::Response::builder().status(status).header("retry-after", "3").body(()).expect("an answer");
            Error::Service(crate::busy::check(answer).expect_err("it asks to wait"))
        };
        assert!(pause(&busy(429), &create, 0).is_some_and(|pause| pause >= Duration::from_secs(3)));
        assert!(pause(&busy(503), &create, 0).is_none());
        let pauses: std::collections::HashSet<_> = (0..50).filter_map(|_| pause(&answer(503), &get, 5)).collect();
        assert!(pauses.len() > 1, "they differ");
    }
}

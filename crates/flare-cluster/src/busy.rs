//! Answers that ask to wait, from what stands before the API server: its own limits of load and proxies send a header and a plain text, of
//! which kube keeps only the text.

use std::{fmt, time::Duration};

use http::{Response, StatusCode, header};
use kube::Error;
use tower::BoxError;

use crate::causes::find;

/// The longest pause that an answer may request.
const LONGEST_ASKED: Duration = Duration::from_secs(10);

/// An answer that asks to wait, as an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Busy {
    pub(crate) status: StatusCode,
    after: Duration,
}

impl fmt::Display for Busy {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "status {}, to be asked again in {} s", self.status.as_u16(), self.after.as_secs())
    }
}

impl std::error::Error for Busy {}

/// Passes an answer on, unless it asks to wait and has no status object that says so.
pub(crate) fn check<B>(answer: Response<B>) -> Result<Response<B>, BoxError> {
    let status = answer.status();
    let text = |name| answer.headers().get(name).and_then(|value| value.to_str().ok());
    let is_object = text(header::CONTENT_TYPE).is_some_and(|kind| kind.starts_with("application/json"));
    let is_busy = matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE);
    match text(header::RETRY_AFTER).and_then(|after| after.parse().ok()) {
        Some(after) if is_busy && !is_object => Err(Busy { status, after: Duration::from_secs(after) }.into()),
        _ => Ok(answer),
    }
}

/// How long an answer asks to wait; zero if it does not. Of a status object only what it says itself is left, not the header beside it, so one
/// that refuses too many requests and tells no time is taken to mean a second, as Kubernetes' own limit of load does.
pub(crate) fn asked(error: &Error) -> Duration {
    let asked = match error {
        Error::Api(status) => {
            let told: u64 = status.details.as_ref().map_or(0, |details| details.retry_after_seconds).into();
            Duration::from_secs(told.max(u64::from(status.code == StatusCode::TOO_MANY_REQUESTS.as_u16())))
        }
        error => find::<Busy>(error).map_or(Duration::ZERO, |busy| busy.after),
    };
    asked.min(LONGEST_ASKED)
}

#[cfg(test)]
mod tests {
    use kube::core::Status;

    use super::*;

    fn answer(status: u16, kind: &str, after: &str) -> Result<Response<()>, BoxError> {
        let answer = Response::builder().status(status).header("content-type", kind).header("retry-after", after);
        check(answer.body(()).expect("an answer"))
    }

    #[test]
    fn a_refusal_of_too_many_requests_asks_for_a_second_at_least() {
        for (code, expected) in [(429, 1), (503, 0), (500, 0)] {
            let error = Error::Api(Status::failure("", "").with_code(code).boxed());
            assert_eq!(asked(&error), Duration::from_secs(expected), "{code}");
        }
    }

    #[test]
    fn a_plain_text_that_asks_to_wait_is_an_error_that_says_how_long() {
        for status in [429, 503] {
            let busy = Error::Service(answer(status, "text/plain; charset=utf-8", "3").expect_err("it is busy"));
            assert_eq!(asked(&busy), Duration::from_secs(3));
            assert!(crate::fault::may_heal(&busy));
        }
        let long = Error::Service(answer(429, "text/plain", "3600").expect_err("it is busy"));
        assert_eq!(asked(&long), LONGEST_ASKED);
        for (status, kind, after) in
            [(429, "application/json", "3"), (200, "text/plain", "3"), (429, "text/plain", "Wed, 21 Oct 2026 07:28:00 GMT")]
        {
            answer(status, kind, after).expect("it is passed on");
        }
    }
}

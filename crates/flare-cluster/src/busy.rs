//! Answers that ask to wait. The API server's own limits of load and proxies do so by a header, of which kube keeps nothing.

use std::{fmt, future::poll_fn, pin::Pin, time::Duration};

use bytes::Bytes;
use http::{Response, StatusCode, header};
use hyper::body::Body;
use kube::{
    Error,
    core::{Status, response::StatusDetails},
};
use tower::BoxError;

use crate::causes::find;

/// The longest pause that an answer may request.
const LONGEST_ASKED: Duration = Duration::from_secs(10);

/// The longest status object that is read.
const LONGEST_OBJECT: usize = 1 << 20;

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

/// Passes an answer on, unless it asks to wait and is no object.
pub(crate) fn check<B>(answer: Response<B>) -> Result<Response<B>, BoxError> {
    let kind = answer.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let is_object = kind.is_some_and(|kind| kind.starts_with("application/json"));
    match told(&answer) {
        Some(busy) if !is_object => Err(busy.into()),
        _ => Ok(answer),
    }
}

/// Passes an answer on, unless it asks to wait: then it is the error that kube would make of its status object, with the time of the header
/// if the object names none.
pub(crate) async fn check_object<B>(answer: Response<B>) -> Result<Response<B>, BoxError>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<BoxError>,
{
    let Some(busy) = told(&answer) else { return Ok(answer) };
    // What cannot be read has nevertheless refused.
    let text = read(answer.into_body()).await.unwrap_or_default();
    let status = serde_json::from_slice::<Status>(&text).ok().filter(|status| status.code == busy.status.as_u16());
    let Some(mut status) = status else { return Err(busy.into()) };
    let details = status.details.get_or_insert_with(|| StatusDetails {
        name: String::new(),
        group: String::new(),
        kind: String::new(),
        uid: String::new(),
        causes: Vec::new(),
        retry_after_seconds: 0,
    });
    if details.retry_after_seconds == 0 {
        details.retry_after_seconds = u32::try_from(busy.after.as_secs()).unwrap_or(u32::MAX);
    }
    Err(Error::Api(status.boxed()).into())
}

/// What the header of a refusal asks for. A date is of the server's clock, and no API server sends one.
fn told<B>(answer: &Response<B>) -> Option<Busy> {
    let status = answer.status();
    let is_busy = matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE);
    let after: u64 = answer.headers().get(header::RETRY_AFTER).filter(|_| is_busy)?.to_str().ok()?.parse().ok()?;
    Some(Busy { status, after: Duration::from_secs(after) })
}

/// A body that is as short as a status object, otherwise only its beginning.
async fn read<B>(mut body: B) -> Result<Vec<u8>, BoxError>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<BoxError>,
{
    let mut text = Vec::new();
    while let Some(frame) = poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await {
        if let Ok(data) = frame.map_err(Into::<BoxError>::into)?.into_data() {
            text.extend_from_slice(&data);
        }
        if text.len() > LONGEST_OBJECT {
            break;
        }
    }
    Ok(text)
}

/// How long an answer asks to wait; zero if it does not. One that refuses too many requests and tells no time is taken to mean a second, as
/// Kubernetes' own limit of load does.
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
    use serde_json::{Value, json};

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

    /// What becomes of an object beside the header `Retry-After`.
    async fn object(status: u16, after: &str, object: &Value) -> Result<Response<kube::client::Body>, BoxError> {
        let answer = Response::builder().status(status).header("content-type", "application/json").header("retry-after", after);
        let body = kube::client::Body::from(object.to_string().into_bytes());
        check_object(answer.body(body).expect("an answer")).await
    }

    #[tokio::test]
    async fn a_status_object_has_the_time_of_the_header_if_it_names_none() {
        for (code, details, expected) in [
            (429, json!(null), 3),
            (429, json!({"kind": "pods"}), 3),
            (429, json!({"retryAfterSeconds": 5}), 5),
            (503, json!({}), 3),
        ] {
            let status = json!({"kind": "Status", "status": "Failure", "code": code, "reason": "Some", "details": details});
            let error = object(code, "3", &status).await.expect_err("it asks to wait");
            let error = *error.downcast::<Error>().expect("the error that kube makes of a status object");
            assert!(matches!(&error, Error::Api(status) if status.code == code && status.reason == "Some"), "{error:?}");
            assert_eq!(asked(&error), Duration::from_secs(expected), "{status}");
        }
        let busy = Error::Service(object(429, "3", &json!({"error": "slow down"})).await.expect_err("it asks to wait"));
        assert_eq!(asked(&busy), Duration::from_secs(3), "an object that is no status");
        for (status, after) in [(200, "3"), (404, "3"), (429, "Wed, 21 Oct 2026 07:28:00 GMT"), (429, "soon"), (503, "-3")] {
            object(status, after, &json!({"code": status})).await.expect("it is passed on");
        }
    }
}

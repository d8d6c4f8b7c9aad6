//! The clock of the API server, which may be another than this machine's: what objects say about times is of that clock.

use std::sync::{Mutex, PoisonError};

use http::{Response, header};
use k8s_openapi::jiff::{Timestamp, fmt::rfc2822::DateTimeParser};
use tokio::time::Instant;

/// How the header `Date` is written (RFC 9110, section 5.6.7).
static HEADER: DateTimeParser = DateTimeParser::new();

/// The newest time that the API server told, and when that was.
#[derive(Debug, Default)]
pub(crate) struct ServerClock {
    told: Mutex<Option<(Timestamp, Instant)>>,
}

impl ServerClock {
    /// Remembers the `Date` of an answer. Only of one that carries something out: a refusal may be that of a proxy with a clock of its own.
    pub(crate) fn hear<B>(&self, answer: &Response<B>) {
        let date = answer.headers().get(header::DATE).filter(|_| answer.status().is_success());
        let date = date.and_then(|date| HEADER.parse_timestamp(date.as_bytes()).ok());
        if let Some(date) = date {
            *self.told.lock().unwrap_or_else(PoisonError::into_inner) = Some((date, Instant::now()));
        }
    }

    /// The server's time now; `None` if no answer told it.
    pub(crate) fn now(&self) -> Option<Timestamp> {
        let (date, at) = (*self.told.lock().unwrap_or_else(PoisonError::into_inner))?;
        date.checked_add(at.elapsed()).ok()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn answer(status: u16, date: Option<&str>) -> Response<()> {
        let builder = Response::builder().status(status);
        let builder = match date {
            Some(date) => builder.header(header::DATE, date),
            None => builder,
        };
        builder.body(()).expect("an answer")
    }

    #[tokio::test(start_paused = true)]
    async fn the_clock_goes_on_from_the_newest_answer_that_told_a_time() {
        let clock = ServerClock::default();
        let heard = |status, date| {
            clock.hear(&answer(status, date));
            clock.now().map(|now| now.to_string())
        };
        assert_eq!(heard(200, None), None);
        assert_eq!(heard(200, Some("yesterday")), None);
        assert_eq!(heard(200, Some("Sun, 06 Nov 1994 08:49:37 GMT")).as_deref(), Some("1994-11-06T08:49:37Z"));
        tokio::time::advance(Duration::from_secs(90)).await;
        assert_eq!(heard(200, None).as_deref(), Some("1994-11-06T08:51:07Z"));
        // A proxy's page, and a header that is none.
        assert_eq!(heard(503, Some("Sat, 01 Jan 2000 00:00:00 GMT")).as_deref(), Some("1994-11-06T08:51:07Z"));
        assert_eq!(heard(200, Some("Sat, 99 Jan 2000")).as_deref(), Some("1994-11-06T08:51:07Z"));
        assert_eq!(heard(201, Some("Sat, 01 Jan 2000 00:00:00 GMT")).as_deref(), Some("2000-01-01T00:00:00Z"));
    }
}

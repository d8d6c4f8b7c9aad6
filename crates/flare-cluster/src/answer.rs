//! What is looked at in each answer before kube reads it.

use std::time::Duration;

use bytes::Bytes;
use http::Response;
use hyper::body::Body;
use tokio::time::timeout;
use tower::BoxError;

use crate::{busy, redirect};

/// How long the beginning of an answer may take. [`crate::Cluster`] limits its own requests sooner; the lists and the starts of a watch are
/// sent by kube, which waits for ever.
const ANSWER_DEADLINE: Duration = Duration::from_secs(45);

/// The beginning of an answer, or an error if it does not come, asks to wait or leads elsewhere.
pub(crate) async fn in_time<B>(answer: impl Future<Output = Result<Response<B>, BoxError>>) -> Result<Response<B>, BoxError>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<BoxError>,
{
    let checked = async { busy::check_object(busy::check(answer.await?)?).await };
    timeout(ANSWER_DEADLINE, checked).await?.and_then(redirect::check)
}

#[cfg(test)]
mod tests {
    use kube::client::Body as Text;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_request_that_is_never_answered_fails() {
        let begin = tokio::time::Instant::now();
        let error = in_time(std::future::pending::<Result<Response<Text>, BoxError>>()).await.expect_err("there is no answer");
        assert!(error.is::<tokio::time::error::Elapsed>(), "{error}");
        assert_eq!(begin.elapsed(), ANSWER_DEADLINE);
        in_time(async { Ok(Response::new(Text::empty())) }).await.expect("an answer");
    }
}

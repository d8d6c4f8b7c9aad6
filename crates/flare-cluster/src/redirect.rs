//! Answers that lead elsewhere. A Kubernetes API gives none; what stands before it and wants a login does. The other address is not shown: it
//! may hold a secret.

use std::fmt;

use http::{Response, StatusCode};
use tower::BoxError;

/// An answer that leads elsewhere, as an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Redirect {
    pub(crate) status: StatusCode,
}

impl fmt::Display for Redirect {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "status {}, which leads to another address", self.status.as_u16())
    }
}

impl std::error::Error for Redirect {}

/// Passes an answer on, unless it leads elsewhere.
pub(crate) fn check<B>(answer: Response<B>) -> Result<Response<B>, BoxError> {
    let status = answer.status();
    if status.is_redirection() { Err(Redirect { status }.into()) } else { Ok(answer) }
}

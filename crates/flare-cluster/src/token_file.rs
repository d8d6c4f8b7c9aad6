//! A bearer token in a file that something renews, such as that of a service account.
//!
//! kube reads such a file again only after most of a minute, whatever the API server says meanwhile, and refuses one that ends with a line
//! break. Here it is used as by kubectl (`transport/token_source.go` of client-go): without white space at its ends, and read again at once
//! after the API server has refused it.

use std::{
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
    time::Duration,
};

use http::{HeaderValue, Request, header};
use kube::{client::AuthError, config::AuthInfo};
use tokio::time::Instant;

/// How long a token is used before the file is read again.
const READ_AGAIN: Duration = Duration::from_secs(50);

/// The file and the token that was read last. Without a `Debug` form.
pub(crate) struct TokenFile {
    path: PathBuf,
    held: Mutex<Held>,
}

struct Held {
    authorization: HeaderValue,
    until: Instant,
}

impl TokenFile {
    /// Takes the user's token file over, so that kube leaves it alone, and a credential plug-in beside it as well; `None` if there is none.
    pub(crate) fn take(user: &mut AuthInfo) -> Result<Option<Self>, AuthError> {
        let Some(path) = user.token_file.take().map(PathBuf::from) else { return Ok(None) };
        user.exec = None;
        let held = Held { authorization: read(&path)?, until: Instant::now() + READ_AGAIN };
        Ok(Some(Self { path, held: Mutex::new(held) }))
    }

    /// Adds the token to a request.
    pub(crate) fn authorize<B>(&self, request: &mut Request<B>) {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        if now >= held.until {
            // A file that is not there now may come back, as one that is being renewed does.
            if let Ok(authorization) = read(&self.path) {
                held.authorization = authorization;
            }
            held.until = now + READ_AGAIN;
        }
        request.headers_mut().insert(header::AUTHORIZATION, held.authorization.clone());
    }

    /// Records that the API server has refused the token: the file is read again before the next request.
    pub(crate) fn was_refused(&self) {
        self.held.lock().unwrap_or_else(PoisonError::into_inner).until = Instant::now();
    }
}

#[expect(clippy::disallowed_methods, reason = "the client reads its own credential, as kube does")]
fn read(path: &Path) -> Result<HeaderValue, AuthError> {
    let text = std::fs::read_to_string(path).map_err(|cause| AuthError::ReadTokenFile(cause, path.to_owned()))?;
    let token = text.trim();
    if token.is_empty() {
        return Err(AuthError::ReadTokenFile(std::io::ErrorKind::UnexpectedEof.into(), path.to_owned()));
    }
    let mut authorization = HeaderValue::try_from(format!("Bearer {token}")).map_err(AuthError::InvalidBearerToken)?;
    authorization.set_sensitive(true);
    Ok(authorization)
}

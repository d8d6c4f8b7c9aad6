//! Errors of the client as diagnostics: what happened, to which object, at which server, and what one can do.
//!
//! Decisions are made by types and status codes, never by a text; texts of the server are only passed on.

use std::{error::Error as StdError, time::Duration};

use flare_diagnostic::{Code, Diagnostic, without_secrets};
use kube::{Error, client::AuthError, core::Status};
use rustls::{AlertDescription, CertificateError};
use serde_json::error::Category;

use crate::{Operation, busy::Busy, causes::find, endpoint::Endpoint, redirect::Redirect};

/// The maximum length of a server's text in a message, in characters.
const LONGEST_TEXT: usize = 600;

/// What helps while an API server is busy.
const BUSY: &str = "try again in a minute; if it stays, look at the API server's own health";

/// The message of the innermost cause, which says most.
fn innermost(error: &(dyn StdError + 'static)) -> String {
    let mut last = error;
    loop {
        let wrapped = last.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        match wrapped.map(|wrapped| wrapped as &(dyn StdError + 'static)).or_else(|| last.source()) {
            Some(inner) => last = inner,
            None => return clipped(&last.to_string()),
        }
    }
}

/// Why JSON could not be read. Only the place of serde's error is used: its message quotes the value, which may be one of a Secret.
fn undecodable(error: &serde_json::Error) -> String {
    let what = match error.classify() {
        Category::Data => "a field that is missing or of another type than it should be",
        Category::Syntax => "no JSON",
        Category::Eof => "JSON that ends too early",
        Category::Io => "the connection broke",
    };
    format!("{what} (line {}, column {})", error.line(), error.column())
}

/// A text from the server, cut to a readable length behind a whole word: a server quotes what it refuses, and a part of a token would not be
/// recognised as one by those who hide it.
pub(crate) fn clipped(text: &str) -> String {
    let text = without_secrets(text.trim());
    let Some((end, _)) = text.char_indices().nth(LONGEST_TEXT) else { return text.into_owned() };
    let (kept, rest) = text.split_at(end);
    let is_whole = rest.starts_with(char::is_whitespace);
    let kept = if is_whole { kept } else { &kept[..kept.rfind(char::is_whitespace).unwrap_or_default()] };
    format!("{}…", kept.trim_end())
}

/// Whether a retry may help: for network faults, but not for a certificate or a credential.
pub(crate) fn may_heal(error: &Error) -> bool {
    match error {
        Error::Service(_) | Error::HyperError(_) | Error::ReadEvents(_) => {
            find::<rustls::Error>(error).is_none() && find::<AuthError>(error).is_none() && find::<Redirect>(error).is_none()
        }
        Error::UpgradeConnection(_) => true,
        Error::Api(status) => matches!(status.code, 429 | 500 | 502 | 503 | 504),
        _ => false,
    }
}

/// An error that is not an answer of the API server: network, certificates, credentials.
pub(crate) fn of_transport(error: &Error, endpoint: &Endpoint) -> Diagnostic {
    if let Some(error) = find::<AuthError>(error) {
        return of_credential(error, endpoint);
    }
    if let Some(error) = find::<rustls::Error>(error) {
        return of_tls(error, endpoint);
    }
    if let Some(busy) = find::<Busy>(error) {
        return Diagnostic::error(Code::ClusterBusy, format!("{} is busy: {busy}", endpoint.server_text())).hint(BUSY);
    }
    if let Some(redirect) = find::<Redirect>(error) {
        return no_kubernetes(redirect.status.as_u16(), endpoint);
    }
    match error {
        Error::SerdeError(_) | Error::FromUtf8(_) | Error::UpgradeConnection(_) => {
            let server = endpoint.server_text();
            let why = find::<serde_json::Error>(error).map_or_else(|| innermost(error), undecodable);
            Diagnostic::error(Code::ClusterAnswerInvalid, format!("{server} gave an answer that cannot be read: {why}"))
                .hint("check that the address is a Kubernetes API server and that no proxy on the way changes its answers")
        }
        Error::RustlsTls(_) | Error::InferKubeconfig(_) => {
            Diagnostic::error(Code::KubeconfigInvalid, format!("a certificate or key of the kubeconfig cannot be used: {}", innermost(error)))
                .hint("check `certificate-authority`, `client-certificate` and `client-key` of the context; without `certificate-authority` this machine needs a CA bundle")
        }
        _ => unreachable_server(&innermost(error), endpoint),
    }
}

/// The fault that no server answers.
pub(crate) fn unreachable_server(cause: &str, endpoint: &Endpoint) -> Diagnostic {
    let hint = format!(
        "check that the cluster runs and that this machine reaches it (VPN, firewall, proxy); `kubectl{} version` asks the same server",
        endpoint.kubectl_flags()
    );
    Diagnostic::error(Code::ClusterUnreachable, format!("{} does not answer: {cause}", endpoint.server_text())).hint(hint)
}

fn of_tls(error: &rustls::Error, endpoint: &Endpoint) -> Diagnostic {
    let server = endpoint.server_text();
    let untrusted = |what: &str, hint: &str| {
        Diagnostic::error(Code::ClusterNotTrusted, format!("the certificate of {server} {what}")).hint(hint)
    };
    match error {
        rustls::Error::InvalidCertificate(reason) => match reason {
            CertificateError::UnknownIssuer | CertificateError::BadSignature => untrusted(
                "was not signed by the CA of the kubeconfig",
                "the kubeconfig belongs to another cluster, or the cluster was made anew: get its kubeconfig again, or choose another `--context`",
            ),
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
                untrusted("has expired", "the cluster's administrator has to renew it; check this machine's clock as well")
            }
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
                untrusted("is not valid yet", "check this machine's clock")
            }
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => untrusted(
                "is made out to other names than this address",
                "use an address that the certificate names in the kubeconfig's `server`, or set `tls-server-name`",
            ),
            _ => untrusted("is not valid", "get the cluster's kubeconfig again"),
        },
        rustls::Error::AlertReceived(
            AlertDescription::BadCertificate
            | AlertDescription::CertificateExpired
            | AlertDescription::CertificateRequired
            | AlertDescription::CertificateRevoked
            | AlertDescription::CertificateUnknown
            | AlertDescription::UnknownCA
            | AlertDescription::UnsupportedCertificate
            | AlertDescription::AccessDenied,
        ) => credential_refused(endpoint),
        rustls::Error::InvalidMessage(_) | rustls::Error::PeerIncompatible(_) | rustls::Error::AlertReceived(_) => {
            unreachable_server("what listens there does not speak TLS as an API server does", endpoint)
        }
        other => unreachable_server(&clipped(&other.to_string()), endpoint),
    }
}

fn credential_refused(endpoint: &Endpoint) -> Diagnostic {
    Diagnostic::error(
        Code::CredentialRefused,
        format!("{} does not accept the credential of the kubeconfig", endpoint.server_text()),
    )
    .hint(endpoint.renewal())
}

/// The fault of a credential that is unavailable. The output of a plug-in is never shown: it may be the credential.
fn of_credential(error: &AuthError, endpoint: &Endpoint) -> Diagnostic {
    let fault = |what: String| Diagnostic::error(Code::CredentialUnavailable, what);
    let plugin = match &endpoint.credential {
        crate::endpoint::Credential::Plugin(program) => program.as_str(),
        _ => "the credential plug-in",
    };
    match error {
        AuthError::AuthExecStart(cause) if cause.kind() == std::io::ErrorKind::NotFound => {
            fault(format!("the kubeconfig gets its credential from `{plugin}`, which is not on this machine"))
                .hint(format!("install `{plugin}` or put it on `PATH`"))
        }
        AuthError::AuthExecStart(cause) => {
            fault(format!("`{plugin}`, which gives the credential, cannot be started: {}", cause.kind()))
                .hint(format!("check that `{plugin}` may be run"))
        }
        AuthError::AuthExecRun { out, .. } => fault(format!("`{plugin}`, which gives the credential, failed ({})", out.status))
            .hint(format!(
                "log in again; `kubectl{} version` runs the same program and shows what it says",
                endpoint.kubectl_flags()
            )),
        AuthError::AuthExecParse(_) | AuthError::ExecPluginFailed | AuthError::UnrefreshableTokenResponse => {
            fault(format!("`{plugin}` printed no credential that can be read")).hint(format!(
                "check its version and the `apiVersion` in the user's `exec` section; `kubectl{} version` runs it as well",
                endpoint.kubectl_flags()
            ))
        }
        AuthError::ReadTokenFile(cause, path) => {
            fault(format!("the token file `{}` cannot be read: {}", path.display(), cause.kind()))
                .hint("check `tokenFile` of the kubeconfig's user")
        }
        _ => fault("the kubeconfig's user has a credential that cannot be used".into()).hint(endpoint.renewal()),
    }
}

/// The fault of a refusal by the API server. For 403 the caller adds the cause, see `permission`.
pub(crate) fn of_status(status: &Status, operation: &Operation, endpoint: &Endpoint) -> Diagnostic {
    let said = clipped(&status.message);
    let busy = || {
        Diagnostic::error(
            Code::ClusterBusy,
            format!("{} could not {operation} now (status {}): {said}", endpoint.server_text(), status.code),
        )
        .hint(BUSY)
    };
    match status.code {
        401 => credential_refused(endpoint),
        429 | 500 | 502 | 503 | 504 => busy(),
        // Every answer of a Kubernetes API has `metadata`, even if empty.
        _ if status.metadata.is_none() => no_kubernetes(status.code, endpoint),
        403 => Diagnostic::error(Code::AdmissionRefused, format!("the cluster refuses to {operation}: {said}")).hint(
            "a rule of the cluster (Pod Security, a quota or a webhook) says so; change what it names, or ask the administrator",
        ),
        404 | 410 => not_found(status, operation),
        409 => conflict(status, operation),
        _ => invalid(status, operation),
    }
}

/// The fault of an answer that no Kubernetes API gives.
fn no_kubernetes(status: u16, endpoint: &Endpoint) -> Diagnostic {
    let message = format!("{} answered as no Kubernetes API does (status {status})", endpoint.server_text());
    Diagnostic::error(Code::ClusterAnswerInvalid, message)
        .hint("check the kubeconfig's `server`: a web page or a proxy that wants a login answers there")
}

fn not_found(status: &Status, operation: &Operation) -> Diagnostic {
    let details = status.details.as_ref();
    let missing_namespace = details.filter(|details| details.kind == "namespaces" && operation.resource() != "namespaces");
    if let Some(details) = missing_namespace {
        return Diagnostic::error(Code::ObjectNotFound, format!("the namespace `{}` does not exist", details.name))
            .hint("create it (`--create-namespace` where the verb has it), or choose another namespace or `--context`");
    }
    let name = details.map(|details| details.name.as_str()).filter(|name| !name.is_empty());
    let what = name.map_or_else(|| operation.what(), |name| format!("{} `{name}`", operation.resource()));
    Diagnostic::error(Code::ObjectNotFound, format!("there is no {what} {}", operation.place()))
        .hint("check name, namespace and `--context`; a kind that the server does not know reads the same")
}

fn conflict(status: &Status, operation: &Operation) -> Diagnostic {
    let causes = status.details.iter().flat_map(|details| &details.causes);
    let owned: Vec<String> =
        causes.filter(|cause| cause.reason == "FieldManagerConflict").map(|cause| cause.field.clone()).collect();
    if owned.is_empty() {
        return Diagnostic::error(Code::ObjectConflict, format!("cannot {operation}: {}", clipped(&status.message)))
            .hint("the object exists already or was changed meanwhile: run the same command again");
    }
    Diagnostic::error(Code::ObjectConflict, format!("cannot {operation}: {} belong to another field manager", owned.join(", ")))
        .hint("another tool keeps these fields of the object: stop it, or let it make the change")
}

/// The fault of an invalid object, with every cause that the server lists.
fn invalid(status: &Status, operation: &Operation) -> Diagnostic {
    let causes = status.details.iter().flat_map(|details| &details.causes);
    let causes: Vec<String> = causes.map(|cause| format!("{}: {}", cause.field, cause.message)).collect();
    let said = if causes.is_empty() { clipped(&status.message) } else { clipped(&causes.join("; ")) };
    Diagnostic::error(Code::ObjectInvalid, format!("the API server refuses to {operation} (status {}): {said}", status.code))
        .hint("correct the named field; a field that the server does not know may need a newer cluster")
}

/// The fault of a request that exceeded its deadline.
pub(crate) fn timed_out(operation: &Operation, after: Duration, endpoint: &Endpoint) -> Diagnostic {
    Diagnostic::error(
        Code::TimedOut,
        format!("{} did not answer within {} s: {operation}", endpoint.server_text(), after.as_secs()),
    )
    .hint("try again; if it stays, the API server or the way to it is overloaded")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_text_is_cut_behind_a_whole_word_and_secrets_are_hidden_before() {
        assert_eq!(clipped(" a text\n"), "a text");
        let before = "x ".repeat(LONGEST_TEXT / 2 - 2);
        // The token begins before the cut and ends behind it.
        let text = format!("{before} {}-and-more to read", "token".repeat(2));
        assert_eq!(clipped(&text), format!("{}…", before.trim_end()));
        let whole = "y".repeat(LONGEST_TEXT);
        assert_eq!(clipped(&format!("{whole} z")), format!("{whole}…"));
        assert_eq!(clipped(&format!("{whole}z")), "…", "a part of a token is left out");
        let assigned = format!("{}password=hunter2{}", "x ".repeat(LONGEST_TEXT / 2 - 7), " z".repeat(LONGEST_TEXT));
        assert!(!clipped(&assigned).contains("hunt"), "{}", clipped(&assigned));
    }
}

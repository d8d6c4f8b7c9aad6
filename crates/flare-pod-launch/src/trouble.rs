//! Classifies errors of the API server.

use flare_diagnostic::{Code, Diagnostic};

use crate::{Class, Observation, PodLookup, limits::UNAUTHORIZED};

/// Whether a retry may succeed. An answer that cannot be read comes from something on the way, and says nothing about what was carried out.
pub(crate) fn may_pass(fault: &Diagnostic) -> bool {
    matches!(
        fault.code,
        Code::ClusterBusy | Code::ClusterUnreachable | Code::ClusterAnswerInvalid | Code::TimedOut | Code::StreamBroken
    )
}

/// Whether there is no credential that the API server accepts. It may be being renewed.
pub(crate) fn is_of_credential(fault: &Diagnostic) -> bool {
    matches!(fault.code, Code::CredentialRefused | Code::CredentialUnavailable)
}

/// Kubernetes' reason for a refusal.
pub(crate) fn word(fault: &Diagnostic) -> &'static str {
    match fault.code {
        Code::CredentialRefused | Code::CredentialUnavailable => UNAUTHORIZED,
        Code::PermissionDenied | Code::AdmissionRefused => "Forbidden",
        Code::ObjectNotFound => "NotFound",
        Code::ObjectConflict => "AlreadyExists",
        Code::ObjectInvalid => "Invalid",
        Code::ClusterNotTrusted => "NotTrusted",
        _ => "Refused",
    }
}

/// The observation from an error of a watch.
pub(crate) fn of_watch(fault: &Diagnostic) -> Observation {
    match of_look(fault) {
        PodLookup::Refused(reason) => Observation::Refused(reason),
        _ => Observation::NoAnswer,
    }
}

/// The answer to a look from its error.
pub(crate) fn of_look(fault: &Diagnostic) -> PodLookup {
    match fault.code {
        Code::CredentialRefused
        | Code::CredentialUnavailable
        | Code::PermissionDenied
        | Code::AdmissionRefused
        | Code::ObjectNotFound
        | Code::ClusterNotTrusted => PodLookup::Refused(word(fault).to_owned()),
        _ => PodLookup::NoAnswer,
    }
}

/// The observation from an error of a creation.
pub(crate) fn of_creation(fault: &Diagnostic) -> Observation {
    Observation::NotCreated { class: Class::Hopeless, reason: word(fault).to_owned(), message: fault.message.clone() }
}

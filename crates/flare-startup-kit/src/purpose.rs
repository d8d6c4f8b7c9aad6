//! What a certificate may be used for, as `OpenSSL` decides it: `extendedKeyUsage` along the whole chain (where
//! anyExtendedKeyUsage does not count), and `keyUsage` of the leaf.

use x509_cert::{
    Version,
    der::{
        asn1::ObjectIdentifier,
        oid::db::rfc5280::{ID_KP_CLIENT_AUTH, ID_KP_SERVER_AUTH},
    },
};

use crate::x509::X509;

/// Whether the chain (leaf first) may be used by a server.
pub(crate) fn may_serve(chain: &[&X509]) -> bool {
    let usage = chain[0].key_usage.as_ref().map(|usage| usage.value);
    allows(chain, ID_KP_SERVER_AUTH)
        && usage.is_none_or(|usage| usage.digital_signature() || usage.key_encipherment() || usage.key_agreement())
}

/// Whether the chain (leaf first) may be used by a client.
pub(crate) fn may_connect(chain: &[&X509]) -> bool {
    let usage = chain[0].key_usage.as_ref().map(|usage| usage.value);
    allows(chain, ID_KP_CLIENT_AUTH) && usage.is_none_or(|usage| usage.digital_signature() || usage.key_agreement())
}

fn allows(chain: &[&X509], purpose: ObjectIdentifier) -> bool {
    chain.iter().all(|certificate| certificate.extended_key_usage.as_ref().is_none_or(|usages| usages.value.0.contains(&purpose)))
}

/// Whether a verifier that is not strict accepts it as an authority: by basicConstraints, otherwise if it is self-signed and of
/// version 1, otherwise by keyUsage alone.
pub(crate) fn is_authority(certificate: &X509) -> bool {
    let usage = certificate.key_usage.as_ref().map(|usage| usage.value.key_cert_sign());
    if usage == Some(false) {
        return false;
    }
    match &certificate.basic_constraints {
        Some(constraints) => constraints.value.ca,
        None => usage == Some(true) || is_version_1_root(certificate),
    }
}

fn is_version_1_root(certificate: &X509) -> bool {
    certificate.certificate.tbs_certificate().version() == Version::V1 && certificate.is_self_issued()
}

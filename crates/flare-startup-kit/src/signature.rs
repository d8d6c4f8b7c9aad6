//! Signatures of certificates, checked with `ring`.

use ring::signature::{self, UnparsedPublicKey, VerificationAlgorithm};
use x509_cert::der::{
    Encode,
    asn1::ObjectIdentifier,
    oid::db::{rfc5912, rfc8410},
};

use crate::x509::X509;

/// The result of checking a signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SignatureCheck {
    /// It was made by the issuer's key.
    Valid,
    /// It was not.
    Invalid,
    /// An algorithm, curve or key size that `ring` does not know.
    Unknown,
}

/// Whether `issuer`'s key signed `certificate`.
pub(crate) fn verify(certificate: &X509, issuer: &X509) -> SignatureCheck {
    let key = issuer.certificate.tbs_certificate().subject_public_key_info();
    let Some(signature) = certificate.certificate.signature().as_bytes() else { return SignatureCheck::Invalid };
    let algorithm = certificate.certificate.signature_algorithm();
    let candidates = algorithms(algorithm.oid, curve(issuer), algorithm.parameters.as_ref().and_then(|any| any.to_der().ok()));
    let key_bytes = key.subject_public_key.raw_bytes();
    if candidates.is_empty() || is_unusual_rsa(issuer) {
        return SignatureCheck::Unknown;
    }
    let valid = candidates
        .iter()
        .any(|candidate| UnparsedPublicKey::new(*candidate, key_bytes).verify(certificate.signed_bytes(), signature).is_ok());
    match valid {
        true => SignatureCheck::Valid,
        // The salt may have a length that ring does not support.
        false if algorithm.oid == rfc5912::ID_RSASSA_PSS => SignatureCheck::Unknown,
        false => SignatureCheck::Invalid,
    }
}

/// The curve of an EC key.
pub(crate) fn curve(certificate: &X509) -> Option<ObjectIdentifier> {
    let algorithm = &certificate.certificate.tbs_certificate().subject_public_key_info().algorithm;
    (algorithm.oid == rfc5912::ID_EC_PUBLIC_KEY).then(|| algorithm.parameters.as_ref()?.decode_as().ok()).flatten()
}

/// `ring` supports RSA keys of 2048 to 8192 bits (signatures as long as the modulus).
fn is_unusual_rsa(issuer: &X509) -> bool {
    let key = issuer.certificate.tbs_certificate().subject_public_key_info();
    let bytes = key.subject_public_key.raw_bytes().len();
    key.algorithm.oid == rfc5912::RSA_ENCRYPTION && !(256..=1040).contains(&bytes)
}

fn algorithms(
    oid: ObjectIdentifier,
    curve: Option<ObjectIdentifier>,
    parameters: Option<Vec<u8>>,
) -> Vec<&'static dyn VerificationAlgorithm> {
    let p256 = curve == Some(rfc5912::SECP_256_R_1);
    let p384 = curve == Some(rfc5912::SECP_384_R_1);
    let one: &'static dyn VerificationAlgorithm = match oid {
        rfc5912::SHA_256_WITH_RSA_ENCRYPTION => &signature::RSA_PKCS1_2048_8192_SHA256,
        rfc5912::SHA_384_WITH_RSA_ENCRYPTION => &signature::RSA_PKCS1_2048_8192_SHA384,
        rfc5912::SHA_512_WITH_RSA_ENCRYPTION => &signature::RSA_PKCS1_2048_8192_SHA512,
        rfc5912::ECDSA_WITH_SHA_256 if p256 => &signature::ECDSA_P256_SHA256_ASN1,
        rfc5912::ECDSA_WITH_SHA_384 if p256 => &signature::ECDSA_P256_SHA384_ASN1,
        rfc5912::ECDSA_WITH_SHA_256 if p384 => &signature::ECDSA_P384_SHA256_ASN1,
        rfc5912::ECDSA_WITH_SHA_384 if p384 => &signature::ECDSA_P384_SHA384_ASN1,
        rfc8410::ID_ED_25519 => &signature::ED25519,
        rfc5912::ID_RSASSA_PSS => return pss(&parameters.unwrap_or_default()),
        _ => return Vec::new(),
    };
    vec![one]
}

/// The candidates for RSASSA-PSS: the hash is in the parameters, among other object identifiers.
fn pss(parameters: &[u8]) -> Vec<&'static dyn VerificationAlgorithm> {
    let known: [(ObjectIdentifier, &'static dyn VerificationAlgorithm); 3] = [
        (rfc5912::ID_SHA_256, &signature::RSA_PSS_2048_8192_SHA256),
        (rfc5912::ID_SHA_384, &signature::RSA_PSS_2048_8192_SHA384),
        (rfc5912::ID_SHA_512, &signature::RSA_PSS_2048_8192_SHA512),
    ];
    let names = |oid: &ObjectIdentifier| parameters.windows(oid.as_bytes().len()).any(|window| window == oid.as_bytes());
    known.into_iter().filter(|(oid, _)| names(oid)).map(|(_, algorithm)| algorithm).collect()
}

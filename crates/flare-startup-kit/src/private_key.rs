//! Whether a private key belongs to a certificate. No value, message or `Debug` output contains the key.

use ring::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P384_SHA384_ASN1_SIGNING, EcdsaKeyPair, Ed25519KeyPair},
};
use rustls_pki_types::{PrivateKeyDer, pem::PemObject};
use x509_cert::der::{
    Decode, Header, Reader, SliceReader, Tag,
    asn1::{ObjectIdentifier, OctetStringRef, UintRef},
    oid::db::{rfc5912, rfc8410},
};

use crate::{signature::curve, x509::X509};

/// The result of the comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum KeyFit {
    /// The certificate's public key belongs to this key.
    Fits,
    /// It belongs to another key.
    Other,
    /// The file is encrypted: FLARE has no way to pass a password.
    Encrypted,
    /// The file contains no private key that can be read.
    Unreadable,
    /// An unknown kind of key.
    Unknown,
}

/// Compares a PEM file with a certificate.
pub(crate) fn fits(bytes: &[u8], certificate: &X509) -> KeyFit {
    if is_encrypted(bytes) {
        return KeyFit::Encrypted;
    }
    let Ok(key) = PrivateKeyDer::from_pem_slice(bytes) else { return KeyFit::Unreadable };
    let compared = match &key {
        PrivateKeyDer::Pkcs1(key) => rsa(key.secret_pkcs1_der(), certificate),
        PrivateKeyDer::Sec1(key) => elliptic(key.secret_sec1_der(), certificate),
        PrivateKeyDer::Pkcs8(key) => pkcs8(key.secret_pkcs8_der(), certificate),
        _ => return KeyFit::Unknown,
    };
    compared.unwrap_or(KeyFit::Unreadable)
}

fn is_encrypted(bytes: &[u8]) -> bool {
    let marks: [&[u8]; 2] = [b"-----BEGIN ENCRYPTED PRIVATE KEY-----", b"Proc-Type: 4,ENCRYPTED"];
    marks.iter().any(|mark| bytes.windows(mark.len()).any(|window| window == *mark))
}

type Compared = x509_cert::der::Result<KeyFit>;

fn pkcs8(der: &[u8], certificate: &X509) -> Compared {
    let mut reader = SliceReader::new(der)?;
    Header::decode(&mut reader)?.tag().assert_eq(Tag::Sequence)?;
    UintRef::decode(&mut reader)?;
    let algorithm: ObjectIdentifier = reader.sequence(|algorithm| {
        let oid = ObjectIdentifier::decode(algorithm)?;
        while !algorithm.is_finished() {
            algorithm.tlv_bytes()?;
        }
        Ok::<_, x509_cert::der::Error>(oid)
    })?;
    let key = <&OctetStringRef>::decode(&mut reader)?.as_bytes();
    match algorithm {
        rfc5912::RSA_ENCRYPTION | rfc5912::ID_RSASSA_PSS => rsa(key, certificate),
        rfc5912::ID_EC_PUBLIC_KEY => elliptic(key, certificate),
        rfc8410::ID_ED_25519 => Ok(ed25519(<&OctetStringRef>::from_der(key)?.as_bytes(), certificate)),
        _ => Ok(KeyFit::Unknown),
    }
}

fn public_algorithm(certificate: &X509) -> ObjectIdentifier {
    certificate.certificate.tbs_certificate().subject_public_key_info().algorithm.oid
}

fn public_bytes(certificate: &X509) -> &[u8] {
    certificate.certificate.tbs_certificate().subject_public_key_info().subject_public_key.raw_bytes()
}

/// Compares modulus and public exponent, which the private key contains; the rest of it is only checked to be complete.
fn rsa(der: &[u8], certificate: &X509) -> Compared {
    let mut reader = SliceReader::new(der)?;
    let private = reader.sequence(|key| {
        UintRef::decode(key)?;
        let public = (UintRef::decode(key)?, UintRef::decode(key)?);
        for _ in 0..6 {
            UintRef::decode(key)?;
        }
        Ok::<_, x509_cert::der::Error>(public)
    })?;
    if !matches!(public_algorithm(certificate), rfc5912::RSA_ENCRYPTION | rfc5912::ID_RSASSA_PSS) {
        return Ok(KeyFit::Other);
    }
    let mut reader = SliceReader::new(public_bytes(certificate))?;
    let public = reader.sequence(|key| Ok::<_, x509_cert::der::Error>((UintRef::decode(key)?, UintRef::decode(key)?)))?;
    Ok(if private == public { KeyFit::Fits } else { KeyFit::Other })
}

fn elliptic(der: &[u8], certificate: &X509) -> Compared {
    let mut reader = SliceReader::new(der)?;
    Header::decode(&mut reader)?.tag().assert_eq(Tag::Sequence)?;
    UintRef::decode(&mut reader)?;
    let scalar = <&OctetStringRef>::decode(&mut reader)?.as_bytes();
    if public_algorithm(certificate) != rfc5912::ID_EC_PUBLIC_KEY {
        return Ok(KeyFit::Other);
    }
    let algorithm = match curve(certificate) {
        Some(rfc5912::SECP_256_R_1) => &ECDSA_P256_SHA256_ASN1_SIGNING,
        Some(rfc5912::SECP_384_R_1) => &ECDSA_P384_SHA384_ASN1_SIGNING,
        _ => return Ok(KeyFit::Unknown),
    };
    let pair = EcdsaKeyPair::from_private_key_and_public_key(algorithm, scalar, public_bytes(certificate), &SystemRandom::new());
    Ok(if pair.is_ok() { KeyFit::Fits } else { KeyFit::Other })
}

fn ed25519(seed: &[u8], certificate: &X509) -> KeyFit {
    if public_algorithm(certificate) != rfc8410::ID_ED_25519 {
        return KeyFit::Other;
    }
    let pair = Ed25519KeyPair::from_seed_and_public_key(seed, public_bytes(certificate));
    if pair.is_ok() { KeyFit::Fits } else { KeyFit::Other }
}

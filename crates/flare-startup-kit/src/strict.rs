//! What `VERIFY_X509_STRICT` refuses, as `OpenSSL` 3 checks it; the default of Python 3.13 and later. `OpenSSL` reports only
//! the first fault, this module all. Source: RFC 5280 and the strict checks of `OpenSSL` (`docs/behaviour.md` section 9),
//! compared with `openssl verify` in the tests.

use x509_cert::{Version, der::asn1::ObjectIdentifier};

use crate::x509::X509;

/// One fault by the strict X.509 rules of Python 3.13 and later (`VERIFY_X509_STRICT`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StrictFault {
    /// The file in the kit, for example `startup/rootCA.pem`.
    pub file: String,
    /// The extension that is missing or wrong, for example `keyUsage`.
    pub extension: &'static str,
    /// What is wrong with it.
    pub message: String,
}

/// Every strict fault of a chain (leaf first), root first.
pub(crate) fn faults(chain: &[&X509]) -> Vec<StrictFault> {
    let mut found = Vec::new();
    for (depth, certificate) in chain.iter().enumerate().rev() {
        let is_root = depth + 1 == chain.len();
        let mut check = Check { certificate, found: &mut found };
        if depth > 0 {
            check.authority();
        } else {
            check.leaf();
        }
        if !is_root {
            check.authority_key_identifier();
        }
        check.any();
    }
    found
}

struct Check<'chain> {
    certificate: &'chain X509,
    found: &'chain mut Vec<StrictFault>,
}

impl Check<'_> {
    fn fault(&mut self, extension: &'static str, message: &str) {
        let message = if self.certificate.index == 0 {
            message.to_owned()
        } else {
            format!("{message} (certificate {} in the file)", self.certificate.index + 1)
        };
        self.found.push(StrictFault { file: self.certificate.file.clone(), extension, message });
    }

    /// Adds a fault if the extension is missing; one that cannot be decoded is reported by [`Self::any`].
    fn missing(&mut self, extension: &'static str, is_there: bool, message: &str) {
        if !is_there && !self.certificate.malformed.contains(&extension) {
            self.fault(extension, message);
        }
    }

    fn authority(&mut self) {
        match &self.certificate.basic_constraints {
            Some(constraints) => {
                if !constraints.value.ca {
                    self.fault("basicConstraints", "must say that a certificate authority is one");
                }
                if !constraints.critical {
                    self.fault("basicConstraints", "of a certificate authority must be critical");
                }
            }
            None => self.missing("basicConstraints", false, "of a certificate authority is missing"),
        }
        match &self.certificate.key_usage {
            Some(usage) if !usage.value.key_cert_sign() => {
                self.fault("keyUsage", "of a certificate authority must contain keyCertSign");
            }
            usage => {
                let is_there = usage.is_some();
                self.missing("keyUsage", is_there, "of a certificate authority is missing");
            }
        }
        self.subject_key_identifier();
    }

    fn subject_key_identifier(&mut self) {
        let is_there = self.certificate.subject_key_identifier.is_some() || !self.is_version_3();
        self.missing("subjectKeyIdentifier", is_there, "of a certificate authority is missing");
    }

    fn leaf(&mut self) {
        let is_authority = self.certificate.basic_constraints.as_ref().is_some_and(|constraints| constraints.value.ca);
        if is_authority {
            self.authority();
        } else if self.certificate.key_usage.as_ref().is_some_and(|usage| usage.value.key_cert_sign()) {
            self.fault("keyUsage", "contains keyCertSign, which only a certificate authority may have");
        }
        self.names(is_authority);
    }

    fn names(&mut self, is_authority: bool) {
        let subject_is_empty = self.certificate.subject().is_empty();
        match &self.certificate.alternative_names {
            Some(names) if names.value.0.is_empty() => self.fault("subjectAltName", "has no name in it"),
            Some(names) if subject_is_empty && !names.critical => {
                self.fault("subjectAltName", "must be critical where the subject is empty");
            }
            None if subject_is_empty && !is_authority => self.fault("subjectAltName", "is missing and the subject is empty"),
            _ => {}
        }
    }

    fn authority_key_identifier(&mut self) {
        let identifier = &self.certificate.authority_key_identifier;
        let is_there = identifier.as_ref().is_some_and(|identifier| identifier.value.key_identifier.is_some());
        let is_due = self.is_version_3();
        self.missing("authorityKeyIdentifier", is_there || !is_due, "with the issuer's key identifier is missing");
    }

    fn any(&mut self) {
        let certificate = self.certificate;
        for extension in &certificate.malformed {
            self.fault(extension, "cannot be read, or is there twice");
        }
        if certificate.subject_key_identifier.as_ref().is_some_and(|identifier| identifier.critical) {
            self.fault("subjectKeyIdentifier", "must not be critical");
        }
        if certificate.authority_key_identifier.as_ref().is_some_and(|identifier| identifier.critical) {
            self.fault("authorityKeyIdentifier", "must not be critical");
        }
        self.path_length();
        self.unknown_critical();
        let tbs = certificate.certificate.tbs_certificate();
        if !self.is_version_3() && tbs.extensions().is_some_and(|extensions| !extensions.is_empty()) {
            self.fault("version", "must be 3 where there are extensions");
        }
        if certificate.issuer().is_empty() {
            self.fault("issuer", "is empty");
        }
        if tbs.signature() != certificate.certificate.signature_algorithm() {
            self.fault("signatureAlgorithm", "inside and outside the signed part differ");
        }
    }

    fn path_length(&mut self) {
        let Some(constraints) = &self.certificate.basic_constraints else { return };
        if constraints.value.path_len_constraint.is_none() {
            return;
        }
        if !constraints.value.ca {
            self.fault("basicConstraints", "has a path length, which only a certificate authority may have");
        }
        if self.certificate.key_usage.as_ref().is_some_and(|usage| !usage.value.key_cert_sign()) {
            self.fault("basicConstraints", "has a path length, which is for certificates with keyCertSign only");
        }
    }

    /// Adds a fault for a critical extension that `OpenSSL` does not handle; the two key identifiers are checked above.
    fn unknown_critical(&mut self) {
        let extensions = self.certificate.certificate.tbs_certificate().extensions().map(Vec::as_slice).unwrap_or_default();
        let unknown: Vec<String> = extensions
            .iter()
            .filter(|extension| extension.critical && !HANDLED.contains(&extension.extn_id))
            .map(|extension| extension.extn_id.to_string())
            .collect();
        for oid in unknown {
            self.fault("critical extension", &format!("`{oid}` is unknown to OpenSSL, which refuses such"));
        }
    }

    fn is_version_3(&self) -> bool {
        self.certificate.certificate.tbs_certificate().version() == Version::V3
    }
}

/// What `OpenSSL` handles if it is critical, and the key identifiers, which are checked separately.
const HANDLED: [ObjectIdentifier; 15] = [
    ObjectIdentifier::new_unwrap("2.16.840.1.113730.1.1"), // Netscape certificate type
    ObjectIdentifier::new_unwrap("2.5.29.14"),             // subjectKeyIdentifier
    ObjectIdentifier::new_unwrap("2.5.29.35"),             // authorityKeyIdentifier
    ObjectIdentifier::new_unwrap("2.5.29.15"),             // keyUsage
    ObjectIdentifier::new_unwrap("2.5.29.17"),             // subjectAltName
    ObjectIdentifier::new_unwrap("2.5.29.19"),             // basicConstraints
    ObjectIdentifier::new_unwrap("2.5.29.32"),             // certificatePolicies
    ObjectIdentifier::new_unwrap("2.5.29.31"),             // cRLDistributionPoints
    ObjectIdentifier::new_unwrap("2.5.29.37"),             // extendedKeyUsage
    ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.1.7"),     // IP address blocks
    ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.1.8"),     // AS numbers
    ObjectIdentifier::new_unwrap("2.5.29.36"),             // policyConstraints
    ObjectIdentifier::new_unwrap("2.5.29.30"),             // nameConstraints
    ObjectIdentifier::new_unwrap("2.5.29.33"),             // policyMappings
    ObjectIdentifier::new_unwrap("2.5.29.54"),             // inhibitAnyPolicy
];

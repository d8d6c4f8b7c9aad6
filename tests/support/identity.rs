//! Certificates for kits, with names and organisations that a test chooses.

use rcgen::{BasicConstraints, CertificateParams, DistinguishedName, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose, SanType};

use crate::kit::Tree;

/// The subject of a generated certificate.
#[derive(Debug, Clone)]
pub struct Subject<'a> {
    /// The common name; empty for none.
    pub common_name: &'a str,
    /// The organisation, or none.
    pub organisation: Option<&'a str>,
    /// DNS names beside the common name.
    pub dns_names: &'a [String],
}

/// A certificate authority of one test run.
#[derive(Debug)]
pub struct Authority {
    certificate_pem: String,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    /// A new authority with its own key.
    pub fn new() -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, "parity");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let certificate = params.self_signed(&key).unwrap();
        Self { certificate_pem: certificate.pem(), issuer: Issuer::new(params, key) }
    }

    /// Puts `rootCA.pem` and a new certificate and key, `<role>.crt` and `<role>.key`, into `startup/`.
    pub fn identify(&self, kit: &mut Tree, role: &str, subject: &Subject<'_>) {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, subject.common_name);
        if let Some(organisation) = subject.organisation {
            params.distinguished_name.push(DnType::OrganizationName, organisation);
        }
        params.subject_alt_names = std::iter::once(subject.common_name)
            .chain(subject.dns_names.iter().map(String::as_str))
            .filter(|name| is_dns_name(name))
            .map(|name| SanType::DnsName(name.try_into().unwrap()))
            .collect();
        params.use_authority_key_identifier_extension = true;
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        kit.put("startup/rootCA.pem", self.certificate_pem.clone());
        kit.put(&format!("startup/{role}.crt"), certificate.pem());
        kit.put_mode(&format!("startup/{role}.key"), key.serialize_pem(), 0o600);
    }
}

impl Default for Authority {
    fn default() -> Self {
        Self::new()
    }
}

fn is_dns_name(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= 63
        && name.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '-' || letter == '.')
        && name.starts_with(|letter: char| letter.is_ascii_alphanumeric())
        && name.ends_with(|letter: char| letter.is_ascii_alphanumeric())
}

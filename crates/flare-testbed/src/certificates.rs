//! The keys and certificates of a cluster, strict enough for Python 3.13: each has an authority key identifier, and key
//! usages are critical.

use std::net::{IpAddr, Ipv4Addr};

use flare_diagnostic::Faults;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, SanType, date_time_ymd,
};

use crate::fault::failed;

/// A certificate and its key, in PEM.
#[derive(Clone)]
pub(crate) struct Identity {
    pub(crate) certificate: String,
    pub(crate) key: String,
}

/// The subject of a certificate.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Subject<'a> {
    pub(crate) common_name: &'a str,
    /// Kubernetes takes it for a group.
    pub(crate) organisation: Option<&'a str>,
    pub(crate) dns_names: &'a [&'a str],
    pub(crate) addresses: &'a [Ipv4Addr],
}

/// The authority of one cluster.
pub(crate) struct Authority {
    pub(crate) certificate: String,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    /// A new authority with its own key, which is never stored.
    pub(crate) fn new() -> Result<Self, Faults> {
        let key = new_key()?;
        let mut params = params("flare-kube-testbed", None);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let certificate = params.self_signed(&key).map_err(|error| refused(&error))?.pem();
        Ok(Self { certificate, issuer: Issuer::new(params, key) })
    }

    /// A certificate for a server, a client, or one that is both.
    pub(crate) fn identify(&self, subject: Subject<'_>) -> Result<Identity, Faults> {
        let key = new_key()?;
        let mut params = params(subject.common_name, subject.organisation);
        params.is_ca = IsCa::ExplicitNoCa;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::KeyEncipherment];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        params.use_authority_key_identifier_extension = true;
        for name in subject.dns_names {
            params.subject_alt_names.push(SanType::DnsName((*name).try_into().map_err(|error| refused(&error))?));
        }
        let addresses = subject.addresses.iter().map(|address| SanType::IpAddress(IpAddr::V4(*address)));
        params.subject_alt_names.extend(addresses);
        let certificate = params.signed_by(&key, &self.issuer).map_err(|error| refused(&error))?.pem();
        Ok(Identity { certificate, key: key.serialize_pem() })
    }
}

/// A key pair for the tokens of service accounts: private, public.
pub(crate) fn key_pair() -> Result<(String, String), Faults> {
    let key = new_key()?;
    Ok((key.serialize_pem(), key.public_key_pem()))
}

fn new_key() -> Result<KeyPair, Faults> {
    KeyPair::generate().map_err(|error| refused(&error))
}

/// Parameters with a fixed validity: a cluster is short-lived, and a machine's clock may be wrong.
fn params(common_name: &str, organisation: Option<&str>) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, common_name);
    if let Some(organisation) = organisation {
        params.distinguished_name.push(DnType::OrganizationName, organisation);
    }
    params.not_before = date_time_ymd(2024, 1, 1);
    params.not_after = date_time_ymd(2124, 1, 1);
    params
}

fn refused(error: &rcgen::Error) -> Faults {
    failed(format!("a certificate cannot be made: {error}")).into()
}

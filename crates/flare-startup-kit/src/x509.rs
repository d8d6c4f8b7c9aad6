//! One certificate, decoded once, with the properties that the checks need. Decides nothing.

use std::net::IpAddr;

use rustls_pki_types::{CertificateDer, pem::PemObject};
use x509_cert::{
    Certificate,
    attr::AttributeTypeAndValue,
    der::{Decode, Encode, Header, Reader, SliceReader, asn1::ObjectIdentifier, oid::AssociatedOid},
    ext::pkix::{
        AuthorityKeyIdentifier, BasicConstraints, ExtendedKeyUsage, KeyUsage, SubjectAltName, SubjectKeyIdentifier,
        name::{DirectoryString, GeneralName},
    },
    name::Name,
};

const COMMON_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.3");
const ORGANIZATION: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.10");

/// The value of an extension and whether it is marked critical.
#[derive(Debug, Clone)]
pub(crate) struct Extension<T> {
    pub(crate) critical: bool,
    pub(crate) value: T,
}

/// A certificate of the kit.
#[derive(Debug)]
pub(crate) struct X509 {
    /// Its file in the kit.
    pub(crate) file: String,
    /// Its index among the certificates of the file, from 0.
    pub(crate) index: usize,
    pub(crate) der: Vec<u8>,
    /// The range of the signed part in `der`.
    signed: std::ops::Range<usize>,
    pub(crate) certificate: Certificate,
    pub(crate) basic_constraints: Option<Extension<BasicConstraints>>,
    pub(crate) key_usage: Option<Extension<KeyUsage>>,
    pub(crate) extended_key_usage: Option<Extension<ExtendedKeyUsage>>,
    pub(crate) subject_key_identifier: Option<Extension<SubjectKeyIdentifier>>,
    pub(crate) authority_key_identifier: Option<Extension<AuthorityKeyIdentifier>>,
    pub(crate) alternative_names: Option<Extension<SubjectAltName>>,
    /// Extensions that are present twice or cannot be decoded.
    pub(crate) malformed: Vec<&'static str>,
}

/// Every certificate in a PEM file, in order; text around them is ignored. The error does not quote the file.
pub(crate) fn from_pem(file: &str, bytes: &[u8]) -> Result<Vec<X509>, String> {
    let mut found = Vec::new();
    for (index, section) in CertificateDer::pem_slice_iter(bytes).enumerate() {
        let section = section.map_err(|_| "its PEM text is broken".to_owned())?;
        let certificate = X509::from_der(file, index, section.to_vec());
        found.push(certificate.map_err(|_| format!("certificate {} in it is damaged", index + 1))?);
    }
    if found.is_empty() { Err("there is no PEM certificate in it".to_owned()) } else { Ok(found) }
}

impl X509 {
    fn from_der(file: &str, index: usize, der: Vec<u8>) -> x509_cert::der::Result<Self> {
        let certificate = Certificate::from_der(&der)?;
        let mut reader = SliceReader::new(&der)?;
        Header::decode(&mut reader)?;
        let start = usize::try_from(reader.position())?;
        let length = reader.tlv_bytes()?.len();
        let mut malformed = Vec::new();
        let tbs = certificate.tbs_certificate();
        let basic_constraints = extension(tbs, "basicConstraints", &mut malformed);
        let key_usage = extension(tbs, "keyUsage", &mut malformed);
        let extended_key_usage = extension(tbs, "extendedKeyUsage", &mut malformed);
        let subject_key_identifier = extension(tbs, "subjectKeyIdentifier", &mut malformed);
        let authority_key_identifier = extension(tbs, "authorityKeyIdentifier", &mut malformed);
        let alternative_names = extension(tbs, "subjectAltName", &mut malformed);
        Ok(Self {
            file: file.to_owned(),
            index,
            signed: start..start + length,
            basic_constraints,
            key_usage,
            extended_key_usage,
            subject_key_identifier,
            authority_key_identifier,
            alternative_names,
            malformed,
            certificate,
            der,
        })
    }

    /// The bytes that the issuer signed.
    pub(crate) fn signed_bytes(&self) -> &[u8] {
        &self.der[self.signed.clone()]
    }

    pub(crate) fn subject(&self) -> &Name {
        self.certificate.tbs_certificate().subject()
    }

    pub(crate) fn issuer(&self) -> &Name {
        self.certificate.tbs_certificate().issuer()
    }

    pub(crate) fn is_self_issued(&self) -> bool {
        same_name(self.subject(), self.issuer())
    }

    /// The first CN of the subject.
    pub(crate) fn common_name(&self) -> Option<String> {
        attributes(self.subject(), COMMON_NAME).next()
    }

    /// Every O of the subject.
    pub(crate) fn organizations(&self) -> Vec<String> {
        attributes(self.subject(), ORGANIZATION).collect()
    }

    /// When it becomes valid and when it expires, in seconds since 1970.
    pub(crate) fn validity(&self) -> (i64, i64) {
        let seconds = |time: x509_cert::time::Time| i64::try_from(time.to_unix_duration().as_secs()).unwrap_or(i64::MAX);
        let validity = self.certificate.tbs_certificate().validity();
        (seconds(validity.not_before), seconds(validity.not_after))
    }

    /// DNS names and IP addresses of the subject alternative name.
    pub(crate) fn host_names(&self) -> Vec<String> {
        let names = self.alternative_names.as_ref().map(|names| names.value.0.as_slice()).unwrap_or_default();
        names.iter().filter_map(host_name).collect()
    }

    /// What messages call it.
    pub(crate) fn described(&self) -> String {
        if self.index == 0 { format!("`{}`", self.file) } else { format!("certificate {} in `{}`", self.index + 1, self.file) }
    }
}

fn extension<'der, T: Decode<'der, Error = x509_cert::der::Error> + AssociatedOid>(
    tbs: &'der x509_cert::TbsCertificate,
    name: &'static str,
    malformed: &mut Vec<&'static str>,
) -> Option<Extension<T>> {
    let Ok(found) = tbs.get_extension::<T>() else {
        malformed.push(name);
        return None;
    };
    found.map(|(critical, value)| Extension { critical, value })
}

fn host_name(name: &GeneralName) -> Option<String> {
    match name {
        GeneralName::DnsName(name) => Some(name.as_str().to_owned()),
        GeneralName::IpAddress(octets) => {
            let octets = octets.as_bytes();
            let address =
                <[u8; 4]>::try_from(octets).map(IpAddr::from).or_else(|_| <[u8; 16]>::try_from(octets).map(IpAddr::from));
            address.ok().map(|address| address.to_string())
        }
        _ => None,
    }
}

fn attributes(name: &Name, oid: ObjectIdentifier) -> impl Iterator<Item = String> + '_ {
    name.iter().filter(move |attribute| attribute.oid == oid).filter_map(text)
}

fn text(attribute: &AttributeTypeAndValue) -> Option<String> {
    DirectoryString::try_from(&attribute.value).ok().map(|text| text.value().into_owned())
}

/// Whether two names are equal by X.509's rules: string types, case and runs of blanks are ignored.
pub(crate) fn same_name(left: &Name, right: &Name) -> bool {
    let canonical = |name: &Name| -> Vec<Vec<(ObjectIdentifier, Vec<u8>)>> {
        name.iter_rdn().map(|part| part.iter().map(|attribute| (attribute.oid, canonical_value(attribute))).collect()).collect()
    };
    left == right || canonical(left) == canonical(right)
}

fn canonical_value(attribute: &AttributeTypeAndValue) -> Vec<u8> {
    match text(attribute) {
        Some(text) => text.split_whitespace().collect::<Vec<_>>().join(" ").to_ascii_lowercase().into_bytes(),
        None => attribute.value.to_der().unwrap_or_default(),
    }
}

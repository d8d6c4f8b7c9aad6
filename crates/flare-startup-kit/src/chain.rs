//! The chain from the participant's certificate to `rootCA.pem`.

use crate::{
    signature::{self, SignatureCheck},
    x509::{X509, same_name},
};

/// A chain, leaf first and root last, and the certificates that could not be checked.
#[derive(Debug)]
pub(crate) struct Chain<'kit> {
    pub(crate) certificates: Vec<&'kit X509>,
    /// Certificates whose signature cannot be checked.
    pub(crate) unchecked: Vec<&'kit X509>,
}

/// Why there is no chain.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Broken<'kit> {
    /// No certificate of the kit has the name of this one's issuer.
    NoIssuer(&'kit X509),
    /// The certificate that has the issuer's name did not sign this one.
    WrongSignature(&'kit X509),
    /// The authority key identifier does not name the issuer's key, which every TLS library refuses.
    WrongKeyIdentifier(&'kit X509),
}

impl PartialEq for X509 {
    fn eq(&self, other: &Self) -> bool {
        self.der == other.der
    }
}

impl Eq for X509 {}

/// Follows the issuers from the first certificate of `presented` through the others to one of `roots`.
pub(crate) fn build<'kit>(presented: &'kit [X509], roots: &'kit [X509]) -> Result<Chain<'kit>, Broken<'kit>> {
    let (leaf, others) = presented.split_first().expect("a PEM file with certificates in it has a first one");
    let mut chain = Chain { certificates: vec![leaf], unchecked: Vec::new() };
    let mut current = leaf;
    // A leaf that is itself in rootCA.pem is its own chain.
    while !roots.contains(current) {
        let mut broken = None;
        let unused = others.iter().filter(|other| !chain.certificates.contains(other));
        let step =
            roots.iter().chain(unused).filter(|issuer| same_name(issuer.subject(), current.issuer())).find_map(
                |issuer| match link(current, issuer) {
                    Ok(verdict) => Some((issuer, verdict)),
                    Err(fault) => {
                        broken.get_or_insert(fault);
                        None
                    }
                },
            );
        let Some((issuer, verdict)) = step else {
            return Err(broken.unwrap_or(Broken::NoIssuer(current)));
        };
        if verdict == SignatureCheck::Unknown {
            chain.unchecked.push(current);
        }
        chain.certificates.push(issuer);
        current = issuer;
    }
    Ok(chain)
}

fn link<'kit>(certificate: &'kit X509, issuer: &X509) -> Result<SignatureCheck, Broken<'kit>> {
    let verdict = signature::verify(certificate, issuer);
    if verdict == SignatureCheck::Invalid {
        return Err(Broken::WrongSignature(certificate));
    }
    let named = certificate.authority_key_identifier.as_ref().and_then(|named| named.value.key_identifier.as_ref());
    let own = issuer.subject_key_identifier.as_ref();
    match (named, own) {
        (Some(named), Some(own)) if *named != own.value.0 => Err(Broken::WrongKeyIdentifier(certificate)),
        _ => Ok(verdict),
    }
}

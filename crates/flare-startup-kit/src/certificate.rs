//! The kit's certificates and what strict verifiers of X.509 object to. See `docs/behaviour.md` section 9.

use flare_diagnostic::{Checked, Code, Collector, Diagnostic, Faults, Place};
use flare_file_tree::FileTree;
use flare_names::Role;

use crate::{
    chain::{self, Broken, Chain},
    json::invalid,
    private_key::{self, KeyFit},
    purpose,
    strict::{self, StrictFault},
    x509::{self, X509},
};

/// A certificate that expires within this time gets a warning, in seconds.
const SOON: i64 = 60 * 24 * 60 * 60;

const PROVISION_AGAIN: &str = "provision the project again and take the new kit of this participant";

/// The participant's own certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// Its file in the kit: `startup/server.crt` or `startup/client.crt`.
    pub file: String,
    /// The first CN of its subject.
    pub common_name: Option<String>,
    /// Every O of its subject, in order.
    pub organizations: Vec<String>,
    /// DNS names and IP addresses of its subject alternative name.
    pub subject_alternative_names: Vec<String>,
    /// Whether it may be used by a server: its chain has no `extendedKeyUsage` without serverAuth, and its `keyUsage` allows it.
    pub may_serve: bool,
    /// Whether it may be used by a client: the same with clientAuth.
    pub may_connect: bool,
    /// When it becomes valid, in seconds since 1970.
    pub not_before: i64,
    /// When it expires, in seconds since 1970.
    pub not_after: i64,
}

/// The kit's certificates, which were checked to belong together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificates {
    /// The participant's own certificate.
    pub identity: Identity,
    /// SHA-256 over the DER of `rootCA.pem`'s first certificate, in hex: the same in all kits of one provisioning.
    pub root_fingerprint: String,
    /// When the root expires, in seconds since 1970.
    pub root_not_after: i64,
    /// Everything that a strict verifier refuses, root first.
    pub strict_faults: Vec<StrictFault>,
}

/// The identity files of a role in `startup/`: root, certificate, key.
pub(crate) const fn files(role: Role) -> [&'static str; 3] {
    match role {
        Role::Server => ["startup/rootCA.pem", "startup/server.crt", "startup/server.key"],
        Role::Client => ["startup/rootCA.pem", "startup/client.crt", "startup/client.key"],
    }
}

/// Reads and checks the kit's certificates and key.
pub(crate) fn read(tree: &FileTree, role: Role, now: i64) -> Result<Checked<Certificates>, Faults> {
    let mut found = Collector::new();
    let [root_file, certificate_file, key_file] = files(role);
    missing_files(tree, role, &mut found);
    let roots = certificates_of(tree, root_file, &mut found);
    let presented = certificates_of(tree, certificate_file, &mut found);
    if let Some(leaf) = presented.first() {
        check_organization(leaf, &mut found);
        check_key(tree, key_file, leaf, &mut found);
    }
    if roots.is_empty() || presented.is_empty() {
        // The reason is among the faults.
        return found.finish_some(None);
    }
    let chain = match chain::build(&presented, &roots) {
        Ok(chain) => chain,
        Err(broken) => {
            found.push(broken_chain(&broken, root_file));
            // Without a chain the dates of both files are still checked.
            check_dates(&[&presented[0], &roots[0]], now, &mut found);
            return found.finish_some(None);
        }
    };
    check_authorities(&chain, &mut found);
    check_dates(&chain.certificates, now, &mut found);
    found.extend(chain.unchecked.iter().map(|certificate| unchecked(certificate)));
    found.finish(|| certificates(&chain, &roots))
}

fn certificates(chain: &Chain<'_>, roots: &[X509]) -> Certificates {
    let leaf = chain.certificates[0];
    let (not_before, not_after) = leaf.validity();
    Certificates {
        identity: Identity {
            file: leaf.file.clone(),
            common_name: leaf.common_name(),
            organizations: leaf.organizations(),
            subject_alternative_names: leaf.host_names(),
            may_serve: purpose::may_serve(&chain.certificates),
            may_connect: purpose::may_connect(&chain.certificates),
            not_before,
            not_after,
        },
        root_fingerprint: fingerprint(&roots[0].der),
        root_not_after: roots[0].validity().1,
        strict_faults: strict::faults(&chain.certificates),
    }
}

fn fingerprint(der: &[u8]) -> String {
    use std::fmt::Write as _;
    let digest = ring::digest::digest(&ring::digest::SHA256, der);
    digest.as_ref().iter().fold(String::with_capacity(64), |mut text, byte| {
        write!(text, "{byte:02x}").expect("writing to a string cannot fail");
        text
    })
}

fn missing_files(tree: &FileTree, role: Role, found: &mut Collector) {
    for file in files(role).into_iter().filter(|file| !tree.is_file(file)) {
        found.push(invalid(file, format!("the kit has no `{file}`")).hint("take the complete startup kit, as provision made it"));
    }
}

/// The certificates in a file; none if it is missing (which is reported elsewhere) or broken.
fn certificates_of(tree: &FileTree, file: &str, found: &mut Collector) -> Vec<X509> {
    if !tree.is_file(file) {
        return Vec::new();
    }
    x509::from_pem(file, tree.bytes(file).unwrap_or_default()).unwrap_or_else(|reason| {
        found.push(invalid(file, format!("`{file}` is not a certificate: {reason}")).hint(PROVISION_AGAIN));
        Vec::new()
    })
}

fn check_organization(leaf: &X509, found: &mut Collector) {
    // The reference uses only the first O.
    if leaf.organizations().first().is_none_or(String::is_empty) {
        let message = format!("the subject of `{}` has no organisation (O)", leaf.file);
        found.push(invalid(&leaf.file, message).hint("give the participant an `org` in project.yml and provision again"));
    }
}

fn check_key(tree: &FileTree, file: &str, leaf: &X509, found: &mut Collector) {
    if !tree.is_file(file) {
        return;
    }
    // A file too large to be in memory is not a key.
    let fit = private_key::fits(tree.bytes(file).unwrap_or_default(), leaf);
    let message = match fit {
        KeyFit::Fits => return,
        KeyFit::Other => format!("`{file}` does not belong to `{}`", leaf.file),
        KeyFit::Encrypted => format!("`{file}` is encrypted, and FLARE has no way to ask for its password"),
        KeyFit::Unreadable => format!("`{file}` holds no private key that can be read"),
        KeyFit::Unknown => {
            let message =
                format!("`{file}` is of a kind that flare-kube does not know, so it was not compared with `{}`", leaf.file);
            found.push(at_risk(file, message).hint("use an RSA, P-256, P-384 or Ed25519 key"));
            return;
        }
    };
    let hint = match fit {
        KeyFit::Encrypted => "store the key without a password, and guard the file instead",
        _ => "take certificate and key from the same kit, or provision the project again",
    };
    found.push(invalid(file, message).hint(hint));
}

fn broken_chain(broken: &Broken<'_>, root_file: &str) -> Diagnostic {
    let (certificate, message) = match broken {
        Broken::NoIssuer(certificate) => (certificate, format!("was not issued by `{root_file}`: the issuer has another name")),
        Broken::WrongSignature(certificate) => {
            (certificate, format!("is not signed by `{root_file}`: the signature does not match"))
        }
        Broken::WrongKeyIdentifier(certificate) => {
            (certificate, format!("does not fit `{root_file}`: its `authorityKeyIdentifier` names another key"))
        }
    };
    invalid(&certificate.file, format!("{} {message}", certificate.described()))
        .hint("take all files in `startup/` from one kit, or provision the project again")
}

fn check_authorities(chain: &Chain<'_>, found: &mut Collector) {
    for certificate in chain.certificates.iter().skip(1).filter(|certificate| !purpose::is_authority(certificate)) {
        let message = format!("{} is not the certificate of an authority (basicConstraints, keyUsage)", certificate.described());
        found.push(invalid(&certificate.file, message).hint(PROVISION_AGAIN));
    }
}

fn check_dates(certificates: &[&X509], now: i64, found: &mut Collector) {
    for certificate in certificates {
        let (start, end) = certificate.validity();
        let (file, described) = (&certificate.file, certificate.described());
        if end <= now {
            let message = format!("{described} has expired on {}", date(end));
            found.push(invalid(file, message).hint("provision the project again; a renewed kit must be staged at every site"));
        } else if end - now <= SOON {
            let days = (end - now) / (24 * 60 * 60);
            let message = format!("{described} expires on {}, in {days} days", date(end));
            found.push(
                at_risk(file, message).hint("provision the project again before; a renewed kit must be staged at every site"),
            );
        }
        if start > now {
            let message = format!("{described} is not valid before {}", date(start));
            found.push(at_risk(file, message).hint("check the clock of this machine, or wait until then"));
        }
    }
}

fn unchecked(certificate: &X509) -> Diagnostic {
    let message = format!(
        "the signature of {} was not checked: flare-kube does not know its algorithm or key size",
        certificate.described()
    );
    at_risk(&certificate.file, message).hint("check it with `openssl verify -CAfile startup/rootCA.pem`")
}

/// A warning about a certificate of the kit.
pub(crate) fn at_risk(file: &str, message: String) -> Diagnostic {
    Diagnostic::warning(Code::CertificateAtRisk, message).at(Place::file(file))
}

/// A day in UTC, `2026-12-14`.
fn date(seconds: i64) -> String {
    jiff::Timestamp::from_second(seconds)
        .map_or_else(|_| "a far day".to_owned(), |time| time.to_string().chars().take(10).collect())
}

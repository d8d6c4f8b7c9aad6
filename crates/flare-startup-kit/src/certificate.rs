//! The kit's certificates and what strict readers of X.509 say of them.

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
    /// Whether it may serve (no EKU, or one with serverAuth) and be a client (likewise clientAuth).
    pub may_serve: bool,
    /// See `may_serve`.
    pub may_connect: bool,
    /// When it starts to be valid, in seconds since 1970.
    pub not_before: i64,
    /// When it ends, in seconds since 1970.
    pub not_after: i64,
}

/// The kit's certificates, checked to belong together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificates {
    /// The participant's own certificate.
    pub identity: Identity,
    /// SHA-256 over the DER of `rootCA.pem`'s first certificate, hex: what two kits of one provisioning share.
    pub root_fingerprint: String,
    /// When the root ends, in seconds since 1970.
    pub root_not_after: i64,
    /// Everything that a strict reader refuses, root first.
    pub strict_faults: Vec<StrictFault>,
}

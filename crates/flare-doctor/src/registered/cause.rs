//! The causes in a parent's log for which a participant has not joined.

/// What keeps a participant from joining. Several texts in a log may mean the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CauseKind {
    /// The image lacks the package `kubernetes`.
    NoKubernetesPackage,
    /// The image lacks the package `nvflare`.
    NoNvflarePackage,
    /// The image lacks another package.
    NoPackage,
    /// The kit is not where the parent looks for it.
    NoKit,
    /// A certificate is not valid yet.
    NotYetValid,
    /// A certificate has expired.
    Expired,
    /// The participant's own certificate has expired, as the server says.
    OwnExpired,
    /// The server's certificate lacks the name that the kit calls.
    OtherServerName,
    /// The server's certificate lacks the address that the kit calls.
    OtherServerAddress,
    /// The server's certificate is another project's.
    OtherProject,
    /// The server refuses the participant's certificate.
    CertificateRefused,
    /// Private key and certificate do not belong together.
    OtherKey,
    /// The server's name does not resolve.
    UnknownName,
    /// Nothing listens at the server's address.
    NothingListens,
}

/// Why a participant has not joined.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cause {
    /// The text in the log.
    text: &'static str,
    /// What it means.
    pub kind: CauseKind,
    /// The cause as a message.
    pub message: &'static str,
    /// What one can do.
    pub hint: &'static str,
    /// Whether a registration may follow without a change of the kit, of the server's kit or of a clock.
    pub heals: bool,
}

const fn row(text: &'static str, kind: CauseKind) -> Cause {
    Cause { text, kind, message: kind.message(), hint: kind.hint(), heals: kind.heals() }
}

const SAME_PROVISIONING: &str = "see that both kits come from one provisioning, and that nothing on the way breaks TLS (a proxy with a certificate of its own)";
const PROVISION_AGAIN: &str = "provision the project again; a renewed kit must be staged at every site";
const SERVER_NAME: &str = "add the name that the kit calls to `host_names` of the server in project.yml and provision again, or call the server by a name that it has";

impl CauseKind {
    /// Whether a registration may follow without a change of the kit, of the server's kit or of a clock. Certificates and the key are files of
    /// the kits, which no parent changes.
    pub(crate) const fn heals(self) -> bool {
        !matches!(
            self,
            Self::Expired
                | Self::OwnExpired
                | Self::OtherServerName
                | Self::OtherServerAddress
                | Self::OtherProject
                | Self::CertificateRefused
                | Self::OtherKey
        )
    }

    /// The cause as a message.
    pub const fn message(self) -> &'static str {
        self.told().0
    }

    /// What one can do.
    pub const fn hint(self) -> &'static str {
        self.told().1
    }

    const fn told(self) -> (&'static str, &'static str) {
        match self {
            Self::NoKubernetesPackage => (
                "the image has no Python package `kubernetes`, so that no job can be launched",
                "use an image with `nvflare[K8S]`, or add the package `kubernetes` to it",
            ),
            Self::NoNvflarePackage => (
                "the image has no Python package `nvflare`",
                "correct `docker_image` or `python_path` in k8s.yaml: they name another image or another Python than FLARE's",
            ),
            Self::NoPackage => ("a Python package is missing in the image", "add the package that the log names to the image"),
            Self::NoKit => (
                "the kit is not on the volume where the parent looks for it",
                "stage the kit (`stage --restart`); one that was copied to a wrong level is moved by `stage --repair --restart`",
            ),
            Self::NotYetValid => ("a certificate is not valid yet", "set the clocks of the nodes: one of them runs behind"),
            Self::Expired => ("a certificate has expired", PROVISION_AGAIN),
            Self::OwnExpired => ("the server refuses this participant's certificate, which has expired", PROVISION_AGAIN),
            Self::OtherServerName => ("the server's certificate does not have the name that the kit calls", SERVER_NAME),
            Self::OtherServerAddress => ("the server's certificate does not have the address that the kit calls", SERVER_NAME),
            Self::OtherProject => ("the server's certificate is not one of this project's", SAME_PROVISIONING),
            Self::CertificateRefused => ("the server refuses this participant's certificate", SAME_PROVISIONING),
            Self::OtherKey => {
                ("the kit's private key does not fit its certificate", "prepare and stage the participant's own kit again")
            }
            Self::UnknownName => {
                ("the server's name does not resolve", "see that the name that the kit calls is known in this cluster's DNS")
            }
            Self::NothingListens => (
                "nothing listens where the server should",
                "see that the server runs, and that its Service has the port that the kit calls",
            ),
        }
    }
}

/// Texts of FLARE, gRPC, `BoringSSL`, `OpenSSL` and Python, in lower case and with spaces for underscores; of one line the first match
/// counts. Those of gRPC were taken from clients of 2.8.3 and 2.9.0 with such kits.
const CAUSES: &[Cause] = &[
    row("no module named 'kubernetes'", CauseKind::NoKubernetesPackage),
    row("no module named 'nvflare'", CauseKind::NoNvflarePackage),
    row("invalid workspace", CauseKind::NoKit),
    row("no module named", CauseKind::NoPackage),
    row("certificate is not yet valid", CauseKind::NotYetValid),
    row("certificate has expired", CauseKind::Expired),
    row("alert certificate expired", CauseKind::OwnExpired),
    row("hostname mismatch", CauseKind::OtherServerName),
    row("ip address mismatch", CauseKind::OtherServerAddress),
    row("hostname verification check failed", CauseKind::OtherServerName),
    row("is not in peer certificate", CauseKind::OtherServerName),
    row("certificate verify failed", CauseKind::OtherProject),
    row("alert unknown ca", CauseKind::CertificateRefused),
    row("alert bad certificate", CauseKind::CertificateRefused),
    row("certificate unknown", CauseKind::CertificateRefused),
    row("invalid private key", CauseKind::OtherKey),
    row("key values mismatch", CauseKind::OtherKey),
    row("dns resolution failed", CauseKind::UnknownName),
    row("name or service not known", CauseKind::UnknownName),
    row("connection refused", CauseKind::NothingListens),
];

/// The last known cause in a log.
pub fn cause(log: &str) -> Option<&'static Cause> {
    log.lines().rev().find_map(of_line)
}

/// The cause in a line.
pub(super) fn of_line(line: &str) -> Option<&'static Cause> {
    let line = line.to_ascii_lowercase().replace('_', " ");
    CAUSES.iter().find(|cause| line.contains(cause.text))
}

/// For tests: lines of clients of 2.8.3 and of Python's `ssl` as parents with such kits wrote them, with the words of the cause and whether it heals.
#[cfg(test)]
pub(super) const LINES: &[(&str, &str, bool)] = &[
    (
        "I1129 01:56:05.702233    1700 ssl_transport_security.cc:2563] Handshake failed with error SSL_ERROR_SSL: error:1000007d:SSL \
         routines:OPENSSL_internal:CERTIFICATE_VERIFY_FAILED: unable to get local issuer certificate",
        "not one of this project's",
        false,
    ),
    (
        "I1129 01:56:31.908119   31510 ssl_transport_security.cc:2563] Handshake failed with error SSL_ERROR_SSL: error:1000007d:SSL \
         routines:OPENSSL_internal:CERTIFICATE_VERIFY_FAILED: certificate has expired",
        "has expired",
        false,
    ),
    (
        "I1129 01:56:31.908119   31510 ssl_transport_security.cc:2563] Handshake failed with error SSL_ERROR_SSL: error:1000007d:SSL \
         routines:OPENSSL_internal:CERTIFICATE_VERIFY_FAILED: certificate is not yet valid",
        "not valid yet",
        true,
    ),
    ("E1129 01:57:19.807942   17313 ssl_transport_security.cc:1569] Invalid private key.", "does not fit its certificate", false),
    ("ssl.SSLError: [X509: KEY_VALUES_MISMATCH] key values mismatch (_ssl.c:4149)", "does not fit its certificate", false),
    (
        "[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: Hostname mismatch, certificate is not valid for 'a'. (_ssl.c:1006)",
        "the name that the kit calls",
        false,
    ),
    ("[SSL: TLSV1_ALERT_UNKNOWN_CA] tlsv1 alert unknown ca (_ssl.c:2580)", "refuses this participant", false),
    ("[SSL: SSLV3_ALERT_CERTIFICATE_EXPIRED] sslv3 alert certificate expired (_ssl.c:2580)", "which has expired", false),
    ("errors resolving nvflare-server:8002: DNS resolution failed", "does not resolve", true),
    ("failed to connect to all addresses; last error: ipv4:10.0.0.1:8002: Connection refused (111)", "nothing listens", true),
    ("ModuleNotFoundError: No module named 'kubernetes'", "no job can be launched", true),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_line_names_its_cause_and_whether_that_heals() {
        for (line, words, heals) in LINES {
            let cause = of_line(line).unwrap_or_else(|| panic!("{line} names a cause"));
            assert!(cause.message.contains(words), "{line}: {}", cause.message);
            assert_eq!(cause.heals, *heals, "{line}");
        }
    }

    #[test]
    fn a_cause_that_names_more_stands_before_one_that_names_less() {
        for (at, cause) in CAUSES.iter().enumerate() {
            assert_eq!(cause.text, cause.text.to_ascii_lowercase().replace('_', " "));
            let hidden = CAUSES[..at].iter().find(|before| cause.text.contains(before.text));
            assert!(hidden.is_none(), "`{}` is never reached", cause.text);
        }
    }
}

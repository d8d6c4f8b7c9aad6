//! The causes in a parent's log for which a participant has not joined.

/// Why a participant has not joined.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cause {
    /// The text in the log.
    text: &'static str,
    /// The cause as a message.
    pub message: &'static str,
    /// What one can do.
    pub hint: &'static str,
    /// Whether a registration may follow without a change of the kit, of the server's kit or of a clock.
    pub heals: bool,
}

const fn row(text: &'static str, message: &'static str, hint: &'static str) -> Cause {
    Cause { text, message, hint, heals: true }
}

/// A cause that stays: the certificates and the key are files of the kits, which no parent changes.
const fn lasting(text: &'static str, message: &'static str, hint: &'static str) -> Cause {
    Cause { heals: false, ..row(text, message, hint) }
}

const SAME_PROVISIONING: &str = "see that both kits come from one provisioning, and that nothing on the way breaks TLS (a proxy with a certificate of its own)";
const PROVISION_AGAIN: &str = "provision the project again; a renewed kit must be staged at every site";
const SERVER_NAME: &str = "add the name that the kit calls to `host_names` of the server in project.yml and provision again, or call the server by a name that it has";
const CLOCKS: &str = "set the clocks of the nodes: one of them runs behind";
const KNOWN_NAME: &str = "see that the name that the kit calls is known in this cluster's DNS";

/// Texts of FLARE, gRPC, `BoringSSL`, `OpenSSL` and Python, in lower case and with spaces for underscores; of one line the first match
/// counts. Those of gRPC were taken from clients of 2.8.3 and 2.9.0 with such kits.
const CAUSES: &[Cause] = &[
    row(
        "no module named 'kubernetes'",
        "the image has no Python package `kubernetes`, so that no job can be launched",
        "use an image with `nvflare[K8S]`, or add the package `kubernetes` to it",
    ),
    row(
        "no module named 'nvflare'",
        "the image has no Python package `nvflare`",
        "correct `docker_image` or `python_path` in k8s.yaml: they name another image or another Python than FLARE's",
    ),
    row(
        "invalid workspace",
        "the kit is not on the volume where the parent looks for it",
        "stage the kit (`stage`); one that was copied to a wrong level is moved by `stage --repair`",
    ),
    row("no module named", "a Python package is missing in the image", "add the package that the log names to the image"),
    row("certificate is not yet valid", "a certificate is not valid yet", CLOCKS),
    lasting("certificate has expired", "a certificate has expired", PROVISION_AGAIN),
    lasting("alert certificate expired", "the server refuses this participant's certificate, which has expired", PROVISION_AGAIN),
    lasting("hostname mismatch", "the server's certificate does not have the name that the kit calls", SERVER_NAME),
    lasting("ip address mismatch", "the server's certificate does not have the address that the kit calls", SERVER_NAME),
    lasting(
        "hostname verification check failed",
        "the server's certificate does not have the name that the kit calls",
        SERVER_NAME,
    ),
    lasting("is not in peer certificate", "the server's certificate does not have the name that the kit calls", SERVER_NAME),
    lasting("certificate verify failed", "the server's certificate is not one of this project's", SAME_PROVISIONING),
    lasting("alert unknown ca", "the server refuses this participant's certificate", SAME_PROVISIONING),
    lasting("alert bad certificate", "the server refuses this participant's certificate", SAME_PROVISIONING),
    lasting("certificate unknown", "the server refuses this participant's certificate", SAME_PROVISIONING),
    lasting(
        "invalid private key",
        "the kit's private key does not fit its certificate",
        "prepare and stage the participant's own kit again",
    ),
    lasting(
        "key values mismatch",
        "the kit's private key does not fit its certificate",
        "prepare and stage the participant's own kit again",
    ),
    row("dns resolution failed", "the server's name does not resolve", KNOWN_NAME),
    row("name or service not known", "the server's name does not resolve", KNOWN_NAME),
    row(
        "connection refused",
        "nothing listens where the server should",
        "see that the server runs, and that its Service has the port that the kit calls",
    ),
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

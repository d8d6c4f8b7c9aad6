//! Reads from a parent's log whether the participant has joined, and if not, why.
//!
//! FLARE has no other sign of it. The lines are those of 2.8.3 and 2.9.0, taken from real parents; a log without any of them is inconclusive.

use std::time::Duration;

use flare_names::Role;
use tokio::time::Instant;

/// A client's line, followed by its name: 2.8 adds ` for project … Token:… SSID:…`, 2.9 ` for project ….`.
const REGISTERED: &str = "Successfully registered client:";

/// The last line of a server's start, in both releases.
const STARTED: &str = "Server started";

/// Whether the participant has joined, according to a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Joined {
    /// A client is registered at its server; a server has started and listens.
    Yes,
    /// It was registered, but according to later lines it has lost its server.
    Lost(&'static Cause),
    /// Not yet; with the cause, if the log shows it.
    No(Option<&'static Cause>),
}

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

/// What the log of a participant's parent says about its registration. `log` is the log, or its end, of the container that runs now.
/// `site` is the name under which a client logs in.
pub fn joined(role: Role, site: &str, log: &str) -> Joined {
    let mut reader = Reader::new(role, site);
    log.lines().for_each(|line| reader.read(line));
    reader.joined()
}

/// Reads a log line by line, while it is written.
#[derive(Debug)]
pub struct Reader {
    role: Role,
    registered: String,
    joined: Joined,
    /// The last line with a cause, which has a time in it.
    line: String,
}

impl Reader {
    /// Starts without any line.
    pub fn new(role: Role, site: &str) -> Self {
        Self { role, registered: format!("{REGISTERED}{site}"), joined: Joined::No(None), line: String::new() }
    }

    /// What the lines so far mean.
    pub const fn joined(&self) -> Joined {
        self.joined
    }

    /// The cause that keeps a client from its server and does not heal, with the last line that shows it. The causes in a server's log
    /// are also those of its clients.
    fn lasting(&self) -> Option<(&'static Cause, &str)> {
        match self.joined {
            Joined::Lost(cause) | Joined::No(Some(cause)) if self.role == Role::Client && !cause.heals => {
                Some((cause, &self.line))
            }
            _ => None,
        }
    }

    /// Reads the next line.
    pub fn read(&mut self, line: &str) {
        let is_sign = match self.role {
            Role::Server => ends_with_words(line, STARTED),
            Role::Client => line.split_once(&self.registered).is_some_and(|(_, behind)| behind.starts_with(" for project ")),
        };
        let cause = of_line(line);
        if cause.is_some() {
            line.clone_into(&mut self.line);
        }
        self.joined = match (is_sign, cause, self.joined) {
            (true, _, _) => Joined::Yes,
            // A server also logs errors of others, which say nothing about the server.
            (false, Some(cause), Joined::Yes | Joined::Lost(_)) if self.role == Role::Client => Joined::Lost(cause),
            (false, Some(cause), Joined::No(_)) => Joined::No(Some(cause)),
            (false, _, joined) => joined,
        };
    }
}

/// How long a client is refused before the wait for its registration ends: a server that is just being replaced may still show its
/// earlier certificate.
const REFUSED: Duration = Duration::from_secs(5);

/// Tells when no more waiting for a client's registration helps.
#[derive(Debug, Default)]
pub struct Patience {
    /// A cause that does not heal, the line that showed it first, and when that was read.
    first: Option<(&'static Cause, String, Instant)>,
}

impl Patience {
    /// Whether the client was refused again for a cause that does not heal, at least 5 s after that was first read. `reader` has
    /// read the log up to `now`. Lines from before do not count: what they say may have been mended since.
    pub fn is_over(&mut self, reader: &Reader, now: Instant) -> bool {
        let Some((cause, line)) = reader.lasting() else {
            self.first = None;
            return false;
        };
        match &self.first {
            Some((known, first, since)) if known.message == cause.message => {
                now.duration_since(*since) >= REFUSED && first != line
            }
            _ => {
                self.first = Some((cause, line.to_owned(), now));
                false
            }
        }
    }
}

/// Whether a line ends with the words, ignoring the sequence that ends its colour.
fn ends_with_words(line: &str, words: &str) -> bool {
    let line = line.trim_end();
    let plain = line.strip_suffix("\u{1b}[0m").unwrap_or(line);
    plain.strip_suffix(words).is_some_and(|before| before.ends_with("- "))
}

/// The last known cause in a log.
pub fn cause(log: &str) -> Option<&'static Cause> {
    log.lines().rev().find_map(of_line)
}

fn of_line(line: &str) -> Option<&'static Cause> {
    let line = line.to_ascii_lowercase().replace('_', " ");
    CAUSES.iter().find(|cause| line.contains(cause.text))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Original lines of parents of 2.8.3, including colours.
    const CLIENT: &str = "\
\u{1b}[38m2026-11-28 21:49:30,463 - CoreCell - INFO - site-1: created backbone external connector to grpc://nvflare-server:8002\u{1b}[0m
\u{1b}[38m2026-11-28 21:49:31,307 - Authenticator - INFO - verified server identity 'nvflare-server'\u{1b}[0m
\u{1b}[38m2026-11-28 21:49:31,366 - FederatedClient - INFO - Successfully registered client:site-1 for project flare-kube cluster tests. Token:T SSID:NA\u{1b}[0m
";
    const SERVER: &str = "\
\u{1b}[38m2026-11-28 21:49:25,539 - ServerDeployer - INFO - deployed FLARE Server.\u{1b}[0m
\u{1b}[38m2026-11-28 21:49:25,543 - hci - INFO - Admin Server is started\u{1b}[0m
\u{1b}[38m2026-11-28 21:49:25,544 - root - INFO - Server started\u{1b}[0m
";
    const REFUSED: &str = "2026-11-28 21:49:30 - x - ERROR - connection refused\n";

    fn client(log: &str) -> Joined {
        joined(Role::Client, "site-1", log)
    }

    #[test]
    fn a_client_has_joined_once_its_own_name_is_registered() {
        assert_eq!(client(CLIENT), Joined::Yes);
        let of_2_9 = "FederatedClient - INFO - Successfully registered client:site-1 for project demo.";
        assert_eq!(client(of_2_9), Joined::Yes);
        for not_it in
            ["", "registered aux handler for topic fed.event", "Successfully registered client:site-10 for project demo.", SERVER]
        {
            assert_eq!(client(not_it), Joined::No(None), "{not_it}");
        }
    }

    #[test]
    fn trouble_counts_until_it_has_joined_and_again_after_that() {
        let Joined::No(Some(cause)) = client(REFUSED) else { panic!("the log names the cause") };
        assert!(cause.message.contains("nothing listens"));
        assert_eq!(client(&format!("{REFUSED}{CLIENT}")), Joined::Yes);
        assert_eq!(client(&format!("{CLIENT}{REFUSED}")), Joined::Lost(cause));
        assert_eq!(client(&format!("{CLIENT}{REFUSED}{CLIENT}")), Joined::Yes);
    }

    #[test]
    fn a_server_has_joined_once_it_is_started_whatever_others_do() {
        let server = |log: &str| joined(Role::Server, "nvflare-server", log);
        assert_eq!(server(SERVER), Joined::Yes);
        assert_eq!(server(&format!("{SERVER}{REFUSED}")), Joined::Yes);
        assert_eq!(server("ServerDeployer - INFO - deployed FLARE Server."), Joined::No(None));
        assert_eq!(server("a job says: Server started by somebody"), Joined::No(None));
    }

    /// Lines of clients of 2.8.3 and of Python's `ssl` as parents with such kits wrote them, with the words of the cause and whether it heals.
    const LINES: &[(&str, &str, bool)] = &[
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
        (
            "E1129 01:57:19.807942   17313 ssl_transport_security.cc:1569] Invalid private key.",
            "does not fit its certificate",
            false,
        ),
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

    #[test]
    fn each_line_names_its_cause_and_whether_that_heals() {
        for (line, words, heals) in LINES {
            let Joined::No(Some(cause)) = client(line) else { panic!("{line} names a cause") };
            assert!(cause.message.contains(words), "{line}: {}", cause.message);
            assert_eq!(cause.heals, *heals, "{line}");
        }
    }

    /// Whether the wait is over when these lines come at these seconds.
    fn is_over(role: Role, lines: &[(u64, &str)]) -> Vec<bool> {
        let (start, mut reader, mut patience) = (Instant::now(), Reader::new(role, "site-1"), Patience::default());
        let mut look = |(second, log): &(u64, &str)| {
            log.lines().for_each(|line| reader.read(line));
            patience.is_over(&reader, start + Duration::from_secs(*second))
        };
        lines.iter().map(&mut look).collect()
    }

    #[test]
    fn a_client_that_is_refused_again_is_waited_for_no_longer() {
        for (line, _, heals) in LINES {
            let (first, second) = (format!("1 {line}"), format!("2 {line}"));
            let looks = is_over(Role::Client, &[(0, &first), (4, &second), (9, "")]);
            assert_eq!(looks, [false, false, !heals], "{line}");
            assert_eq!(
                is_over(Role::Client, &[(0, &first), (4, ""), (60, "")]),
                [false; 3],
                "tried once, and perhaps mended since: {line}"
            );
            assert_eq!(is_over(Role::Server, &[(0, &first), (60, &second)]), [false; 2], "a fault of its clients: {line}");
        }
    }

    #[test]
    fn what_follows_a_refusal_begins_the_patience_again() {
        let (refused, expired) = (LINES[0].0, LINES[1].0);
        assert_eq!(is_over(Role::Client, &[(0, refused), (9, CLIENT), (10, "")]), [false; 3]);
        assert_eq!(is_over(Role::Client, &[(0, refused), (9, REFUSED), (10, &format!("2{refused}"))]), [false; 3]);
        assert_eq!(is_over(Role::Client, &[(0, refused), (9, expired), (15, &format!("2{expired}"))]), [false, false, true]);
        let after_it_was_registered = is_over(Role::Client, &[(0, CLIENT), (1, refused), (9, &format!("2{refused}"))]);
        assert_eq!(after_it_was_registered, [false, false, true]);
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

//! Reads from a parent's log whether the participant has joined, and if not, why.
//!
//! FLARE has no other sign of it. The lines are those of 2.8.3 and 2.9.0, taken from real parents; a log without any of them is inconclusive.

use flare_names::Role;

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
}

const fn row(text: &'static str, message: &'static str, hint: &'static str) -> Cause {
    Cause { text, message, hint }
}

/// Texts of FLARE, gRPC, `OpenSSL` and Python, in lower case; of one line the first match counts.
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
    row(
        "certificate_verify_failed",
        "the certificate of the other side was refused",
        "see that both kits come from one provisioning, that the server's certificate names the host that clients call, and that the \
         image's Python takes both certificates",
    ),
    row(
        "certificate has expired",
        "a certificate has expired",
        "provision the project again; a renewed kit must be staged at every site",
    ),
    row(
        "certificate unknown",
        "the other side refused this participant's certificate",
        "see that both kits come from one provisioning",
    ),
    row(
        "dns resolution failed",
        "the server's name does not resolve",
        "see that the name that the kit calls is known in this cluster's DNS",
    ),
    row(
        "name or service not known",
        "the server's name does not resolve",
        "see that the name that the kit calls is known in this cluster's DNS",
    ),
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
}

impl Reader {
    /// Starts without any line.
    pub fn new(role: Role, site: &str) -> Self {
        Self { role, registered: format!("{REGISTERED}{site}"), joined: Joined::No(None) }
    }

    /// What the lines so far mean.
    pub const fn joined(&self) -> Joined {
        self.joined
    }

    /// Reads the next line.
    pub fn read(&mut self, line: &str) {
        let is_sign = match self.role {
            Role::Server => ends_with_words(line, STARTED),
            Role::Client => line.split_once(&self.registered).is_some_and(|(_, behind)| behind.starts_with(" for project ")),
        };
        self.joined = match (is_sign, of_line(line), self.joined) {
            (true, _, _) => Joined::Yes,
            // A server also logs errors of others, which say nothing about the server.
            (false, Some(cause), Joined::Yes | Joined::Lost(_)) if self.role == Role::Client => Joined::Lost(cause),
            (false, Some(cause), Joined::No(_)) => Joined::No(Some(cause)),
            (false, _, joined) => joined,
        };
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
    let line = line.to_ascii_lowercase();
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

    #[test]
    fn a_cause_that_names_more_stands_before_one_that_names_less() {
        for (at, cause) in CAUSES.iter().enumerate() {
            assert_eq!(cause.text, cause.text.to_ascii_lowercase());
            let hidden = CAUSES[..at].iter().find(|before| cause.text.contains(before.text));
            assert!(hidden.is_none(), "`{}` is never reached", cause.text);
        }
    }
}

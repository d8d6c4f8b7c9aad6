//! Reads a log line by line.

use flare_names::Role;

use super::cause::{Cause, of_line};

/// A client's line, followed by its name: 2.8 adds ` for project … Token:… SSID:…`, 2.9 ` for project ….`.
const REGISTERED: &str = "Successfully registered client:";

/// The last line of a server's start, in both releases.
const STARTED: &str = "Server started";

/// Whether the participant has joined, according to a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Joined {
    /// A client is registered at its server; a server has started and listens.
    Yes,
    /// It was registered, but according to later lines about its connection it has lost its server.
    Lost(&'static Cause),
    /// Not yet; with the cause, if the log shows it.
    No(Option<&'static Cause>),
}

/// What the log of a participant's parent says about its registration. `log` is the log, or its end, of the container that runs now.
/// `site` is the name under which a client logs in.
pub fn joined(role: Role, site: &str, log: &str) -> Joined {
    let mut reader = LogReader::new(role, site);
    log.lines().for_each(|line| reader.read(line));
    reader.joined()
}

/// Reads a log line by line, while it is written.
#[derive(Debug, Clone)]
pub struct LogReader {
    role: Role,
    registered: String,
    joined: Joined,
    /// The last line with the cause, which has a time in it.
    line: String,
}

impl LogReader {
    /// Starts without any line.
    pub fn new(role: Role, site: &str) -> Self {
        Self { role, registered: format!("{REGISTERED}{site}"), joined: Joined::No(None), line: String::new() }
    }

    /// Starts after lines that are no longer there, with a participant that is known to have joined.
    #[must_use]
    pub fn of_known(self, is_known: bool) -> Self {
        Self { joined: if is_known { Joined::Yes } else { self.joined }, ..self }
    }

    /// What the lines so far mean.
    pub const fn joined(&self) -> Joined {
        self.joined
    }

    /// The cause that keeps a client from its server and does not heal, with the last line that shows it. The causes in a server's log
    /// are also those of its clients.
    pub(super) fn lasting(&self) -> Option<(&'static Cause, &str)> {
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
        let joined = match (self.joined, of_line(line)) {
            _ if is_sign => Joined::Yes,
            // A parent also logs errors of its jobs and about the API server, and a server those of others.
            (Joined::Yes | Joined::Lost(_), Some(cause)) if self.role == Role::Client && is_of_link(line) => Joined::Lost(cause),
            // A client does not register again after an outage.
            (Joined::Lost(_), None) if is_of_new_connection(line) => Joined::Yes,
            (Joined::No(_), Some(cause)) => Joined::No(Some(cause)),
            _ => return,
        };
        line.clone_into(&mut self.line);
        self.joined = joined;
    }
}

/// Whether a client's line is about its connection to the server: of gRPC, which the parent uses for nothing else, or of FLARE's
/// connector that calls.
fn is_of_link(line: &str) -> bool {
    ["ssl_transport_security", "failed to connect to all addresses"].iter().any(|text| line.contains(text))
        || (line.contains("Connector [") && line.contains(" ACTIVE "))
}

/// Whether FLARE calls the server anew, as `Connection [CN00002 N/A => server:8002] is created: PID: 1`.
fn is_of_new_connection(line: &str) -> bool {
    line.contains("Connection [") && line.contains(" => ") && line.contains("] is created")
}

/// Whether a line ends with the words, ignoring the sequence that ends its colour.
fn ends_with_words(line: &str, words: &str) -> bool {
    let line = line.trim_end();
    let plain = line.strip_suffix("\u{1b}[0m").unwrap_or(line);
    plain.strip_suffix(words).is_some_and(|before| before.ends_with("- "))
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
    const CLOSED: &str = "conn_manager - ERROR - Connector [CH00001 ACTIVE tcp://nvflare-server:8002] failed with exception \
        ConnectionRefusedError: [Errno 111] Connection refused\n";
    const CREATED: &str = "conn_manager - INFO - Connection [CN00007 N/A => nvflare-server:8002] is created: PID: 1\n";
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
        let lost = format!("{CLIENT}{CLOSED}");
        assert_eq!(client(&lost), Joined::Lost(cause));
        assert_eq!(client(&format!("{lost}{CLIENT}")), Joined::Yes);
        assert_eq!(client(&format!("{lost}{CREATED}")), Joined::Yes, "2.8.3 does not register again");
        assert_eq!(client(&format!("{lost}{CREATED}{CLOSED}")), Joined::Lost(cause));
    }

    #[test]
    fn trouble_of_others_takes_no_registration_back() {
        let others = [
            REFUSED,
            "k8s_launcher - WARNING - HTTPSConnectionPool(host='10.96.0.1', port=443): Max retries exceeded: [Errno 111] Connection refused",
            "job launch - ERROR - ModuleNotFoundError: No module named 'torch'",
            "Connection [CN00003 0:8102 <= 10.0.0.9:41234] is created: PID: 1",
        ];
        for line in others {
            assert_eq!(client(&format!("{CLIENT}{line}\n")), Joined::Yes, "{line}");
        }
        let Joined::Lost(cause) = client(&format!("{CLIENT}{CLOSED}")) else { panic!("it is lost") };
        for line in others {
            assert_eq!(client(&format!("{CLIENT}{CLOSED}{line}\n")), Joined::Lost(cause), "{line}");
        }
    }

    #[test]
    fn a_participant_that_is_known_to_have_joined_needs_no_line_of_it() {
        let known = |log: &str| {
            let mut reader = LogReader::new(Role::Client, "site-1").of_known(true);
            log.lines().for_each(|line| reader.read(line));
            reader.joined()
        };
        assert_eq!(known(""), Joined::Yes);
        assert_eq!(known(REFUSED), Joined::Yes);
        assert!(matches!(known(CLOSED), Joined::Lost(_)));
        assert_eq!(LogReader::new(Role::Client, "site-1").of_known(false).joined(), Joined::No(None));
    }

    #[test]
    fn a_server_has_joined_once_it_is_started_whatever_others_do() {
        let server = |log: &str| joined(Role::Server, "nvflare-server", log);
        assert_eq!(server(SERVER), Joined::Yes);
        assert_eq!(server(&format!("{SERVER}{REFUSED}")), Joined::Yes);
        assert_eq!(server("ServerDeployer - INFO - deployed FLARE Server."), Joined::No(None));
        assert_eq!(server("a job says: Server started by somebody"), Joined::No(None));
    }
}

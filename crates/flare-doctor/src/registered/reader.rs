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
    /// It was registered, but according to later lines it has lost its server.
    Lost(&'static Cause),
    /// Not yet; with the cause, if the log shows it.
    No(Option<&'static Cause>),
}

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
}

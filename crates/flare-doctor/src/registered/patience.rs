//! How long a client that is refused is waited for.

use std::time::Duration;

use tokio::time::Instant;

use super::{cause::Cause, reader::LogReader};

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
    pub fn is_over(&mut self, reader: &LogReader, now: Instant) -> bool {
        let Some((cause, line)) = reader.lasting() else {
            self.first = None;
            return false;
        };
        match &self.first {
            Some((known, first, since)) if known.kind == cause.kind => now.duration_since(*since) >= REFUSED && first != line,
            _ => {
                self.first = Some((cause, line.to_owned(), now));
                false
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use flare_names::Role;

    use super::*;
    use crate::registered::cause::LINES;

    const REGISTERED: &str = "FederatedClient - INFO - Successfully registered client:site-1 for project demo.";
    const CLOSED: &str = "2026-11-28 21:49:30 - x - ERROR - connection refused";

    /// Whether the wait is over when these lines come at these seconds.
    fn is_over(role: Role, lines: &[(u64, &str)]) -> Vec<bool> {
        let (start, mut reader, mut patience) = (Instant::now(), LogReader::new(role, "site-1"), Patience::default());
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
        assert_eq!(is_over(Role::Client, &[(0, refused), (9, REGISTERED), (10, "")]), [false; 3]);
        assert_eq!(is_over(Role::Client, &[(0, refused), (9, CLOSED), (10, &format!("2{refused}"))]), [false; 3]);
        assert_eq!(is_over(Role::Client, &[(0, refused), (9, expired), (15, &format!("2{expired}"))]), [false, false, true]);
        let after_it_was_registered = is_over(Role::Client, &[(0, REGISTERED), (1, refused), (9, &format!("2{refused}"))]);
        assert_eq!(after_it_was_registered, [false, false, true]);
    }
}

//! The result of a check.

use flare_diagnostic::{Diagnostic, Place, for_display};
use serde::Serialize;

/// The severity of a finding, in ascending order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// It was checked and is as expected.
    Ok,
    /// Worth knowing.
    Info,
    /// It could not be checked; the message says why. Never counts as `ok`.
    Unknown,
    /// It works, but perhaps not for long or not for everybody.
    Warning,
    /// It does not work.
    Error,
}

impl Severity {
    /// As it is written in output.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Info => "info",
            Self::Unknown => "unknown",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// One finding of a check. Serialized as in the output of `verify`: `id`, `severity`, `message`, `hint`, `evidence`.
///
/// Text of a cluster or of a log cannot control a terminal or reveal a secret: it is cleaned like that of a [`Diagnostic`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The check's id, which never changes its meaning.
    pub id: &'static str,
    /// Its severity.
    pub severity: Severity,
    /// What was found, for people.
    pub message: String,
    /// What one can do about it; every error and every warning has one.
    pub hint: Option<String>,
    /// The evidence for the message: lines of a log, texts of the cluster. May be empty.
    pub evidence: Vec<String>,
    /// The place in a file of the kit, if it has one. In output it is evidence. Boxed, since findings are also errors, which are kept small.
    #[serde(skip)]
    pub place: Option<Box<Place>>,
}

impl Finding {
    /// Makes a finding of any severity.
    pub fn new(id: &'static str, severity: Severity, message: impl Into<String>) -> Self {
        Self { id, severity, message: for_display(&message.into()), hint: None, evidence: Vec::new(), place: None }
    }

    /// A finding about something that does not work, with a hint.
    pub fn error(id: &'static str, message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::new(id, Severity::Error, message).hint(hint)
    }

    /// A finding about something that may not work for long or for everybody, with a hint.
    pub fn warning(id: &'static str, message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::new(id, Severity::Warning, message).hint(hint)
    }

    /// A finding about something that is as expected.
    pub fn ok(id: &'static str, message: impl Into<String>) -> Self {
        Self::new(id, Severity::Ok, message)
    }

    /// A finding about something that could not be checked, with the reason.
    pub fn unknown(id: &'static str, what: &str, why: &Diagnostic) -> Self {
        let found = Self::new(id, Severity::Unknown, format!("{what} was not checked: {}", why.message));
        Self { hint: why.hint.clone(), ..found }
    }

    /// A diagnostic of another crate as a finding: a warning as a warning, an error as an error.
    pub fn of(id: &'static str, diagnostic: &Diagnostic) -> Self {
        let severity = match diagnostic.severity {
            flare_diagnostic::Severity::Error => Severity::Error,
            flare_diagnostic::Severity::Warning => Severity::Warning,
        };
        let found = Self::new(id, severity, diagnostic.message.clone());
        let place = diagnostic.place.clone().map(Box::new);
        let shown = place.iter().map(ToString::to_string).collect::<Vec<_>>();
        Self { hint: diagnostic.hint.clone(), place, ..found }.evidence(shown)
    }

    /// Sets the hint.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(for_display(&hint.into()));
        self
    }

    /// Adds evidence; empty lines are left out.
    #[must_use]
    pub fn evidence(mut self, lines: impl IntoIterator<Item = impl AsRef<str>>) -> Self {
        let lines = lines.into_iter().map(|line| log_line(line.as_ref().trim_end())).filter(|line| !line.is_empty());
        self.evidence.extend(lines);
        self
    }
}

/// The number of findings of each severity.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// As it should be.
    pub ok: usize,
    /// Worth knowing.
    pub info: usize,
    /// Not looked at.
    pub unknown: usize,
    /// May not work for long or for everybody.
    pub warning: usize,
    /// Does not work.
    pub error: usize,
}

impl Counts {
    /// Counts findings.
    pub fn of(findings: &[Finding]) -> Self {
        let count = |severity| findings.iter().filter(|finding| finding.severity == severity).count();
        Self {
            ok: count(Severity::Ok),
            info: count(Severity::Info),
            unknown: count(Severity::Unknown),
            warning: count(Severity::Warning),
            error: count(Severity::Error),
        }
    }
}

/// A line of a log in a form that is safe to show: without FLARE's colours, and with session tokens, which some releases log, hidden
/// like other secrets.
pub fn log_line(line: &str) -> String {
    for_display(&without_tokens(&without_colours(line)))
}

/// Without the sequences that select a colour: `ESC [ … m`.
fn without_colours(line: &str) -> String {
    const BEGIN: &str = "\u{1b}[";
    let mut parts = line.split(BEGIN);
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let behind = part.trim_start_matches(|character: char| character.is_ascii_digit() || character == ';');
        match behind.strip_prefix('m') {
            Some(behind) => plain.push_str(behind),
            None => plain.extend([BEGIN, part]),
        }
    }
    plain
}

/// Without the word after each `Token:`.
fn without_tokens(line: &str) -> String {
    const TOKEN: &str = "token:";
    let small = line.to_ascii_lowercase();
    let mut shown = String::new();
    let mut from = 0;
    while let Some(at) = small[from..].find(TOKEN) {
        let value = from + at + TOKEN.len();
        shown.push_str(&line[from..value]);
        let token = line[value..].trim_start();
        let end = token.find(char::is_whitespace).unwrap_or(token.len());
        if end > 0 {
            shown.push_str(" (hidden)");
        }
        from = line.len() - token.len() + end;
    }
    shown + &line[from..]
}

/// A number of times as text.
pub(crate) fn times(number: i32) -> String {
    if number == 1 { "once".to_owned() } else { format!("{number} times") }
}

#[cfg(test)]
mod tests {
    use flare_diagnostic::Code;

    use super::*;

    #[test]
    fn neither_a_token_of_a_session_nor_a_colour_is_shown() {
        let line = "\u{1b}[38m12:00 - FederatedClient - INFO - Successfully registered client:site-1 for project demo. Token:0a1b-2c \
                    SSID:NA\u{1b}[0m";
        let shown = log_line(line);
        let expected =
            "12:00 - FederatedClient - INFO - Successfully registered client:site-1 for project demo. Token: (hidden) SSID:NA";
        assert_eq!(shown, expected);
        assert_eq!(log_line("joined. Sent token: 924560b9.  Total clients: 1"), "joined. Sent token: (hidden)  Total clients: 1");
        for cut in ["Token:", "a Token: ", "Token: x", "Token:x token:y", "\u{1b}[", "é token:x"] {
            assert!(!log_line(cut).contains(['x', 'y', '\u{1b}']), "{cut}");
        }
    }

    #[test]
    fn text_of_a_cluster_cannot_steer_a_terminal() {
        let finding = Finding::error("D81", "a\u{1b}[2Jb", "c\nd").evidence(["\u{7}bell", "", "  "]);
        assert!(!format!("{finding:?}").contains("\\u{1b}[") || finding.message.contains("\\u{1b}"), "{finding:?}");
        assert_eq!(finding.evidence.len(), 1);
        assert!(finding.evidence[0].chars().all(|character| !character.is_control()));
        assert!(finding.message.chars().chain(finding.hint.iter().flat_map(|hint| hint.chars())).all(|c| !c.is_control()));
    }

    #[test]
    fn the_place_of_a_diagnostic_is_kept_and_shown_as_evidence() {
        let diagnostic = Diagnostic::error(Code::InvalidLaunchRequest, "wrong").at(Place::file("local/study_data.yaml"));
        let finding = Finding::of("D47", &diagnostic);
        assert_eq!(
            (finding.place.as_deref(), finding.evidence.as_slice()),
            (diagnostic.place.as_ref(), &["local/study_data.yaml".to_owned()][..])
        );
        assert!(serde_json::to_value(&finding).unwrap().get("place").is_none());
    }

    #[test]
    fn findings_are_counted_by_weight() {
        let findings = [Finding::ok("D40", "a"), Finding::error("D41", "b", "c"), Finding::error("D42", "b", "c")];
        assert_eq!(Counts::of(&findings), Counts { ok: 1, error: 2, ..Counts::default() });
    }
}

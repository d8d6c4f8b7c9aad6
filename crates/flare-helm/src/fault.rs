//! Faults of Helm. Helm's own messages are passed on to the user; nothing is decided by them.

use std::time::Duration;

use flare_diagnostic::{Code, Diagnostic, printable};

/// The maximum number of characters of Helm's message that are passed on.
const LONGEST: usize = 1200;

/// The fault that Helm failed. `hidden` are texts that no message shows.
pub(crate) fn failed(what: &str, said: &[u8], hidden: &[String]) -> Diagnostic {
    let said = words(&String::from_utf8_lossy(said), hidden);
    Diagnostic::error(Code::HelmFailed, format!("Helm could not {what}: {said}"))
        .hint("mend what Helm's own message names, then run the same command again")
}

/// The fault that Helm's output is not in the expected format.
pub(crate) fn unreadable(what: &str) -> Diagnostic {
    Diagnostic::error(Code::HelmFailed, format!("what Helm printed cannot be read: it was to {what}"))
        .hint("name another Helm 3 or 4 with `--helm`; a plugin or wrapper may have changed what it prints")
}

pub(crate) fn not_run(what: &str, error: &std::io::Error) -> Diagnostic {
    Diagnostic::error(Code::HelmFailed, format!("Helm could not be run to {what}: {}", error.kind()))
        .hint("see that the program can be run, then run the same command again")
}

pub(crate) fn timed_out(what: &str, time: Duration) -> Diagnostic {
    Diagnostic::error(Code::TimedOut, format!("Helm did not {what} within {:.0} s, and was ended", time.as_secs_f64()))
        .hint("see whether this machine reaches the cluster, or give it more time with `--timeout`")
}

pub(crate) fn interrupted() -> Diagnostic {
    Diagnostic::error(Code::Interrupted, "interrupted; Helm was ended, or not begun").hint("run the same command again")
}

/// Helm's last error, on one line, without hidden texts.
fn words(said: &str, hidden: &[String]) -> String {
    let said = said.trim();
    // Warnings come before the error.
    let error = said.rsplit_once("Error: ").map_or(said, |(_, error)| error);
    let lines = error.lines().map(str::trim).filter(|line| !line.is_empty());
    let joined = lines.collect::<Vec<_>>().join("; ");
    let mut shown = hide(&joined, hidden);
    if shown.is_empty() {
        "it said nothing".clone_into(&mut shown);
    }
    match shown.char_indices().nth(LONGEST) {
        Some((cut, _)) => format!("{}…", printable(&shown[..cut])),
        None => printable(&shown).into_owned(),
    }
}

/// The text without hidden texts, the longest first, since one may be a part of another.
fn hide(text: &str, hidden: &[String]) -> String {
    let mut hidden: Vec<&str> = hidden.iter().map(String::as_str).filter(|text| !text.is_empty()).collect();
    hidden.sort_by_key(|text| std::cmp::Reverse(text.len()));
    hidden.into_iter().fold(text.to_owned(), |text, secret| text.replace(secret, "(hidden)"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn helms_own_error_is_passed_on_without_what_is_hidden() {
        let said = b"WARNING: Kubernetes configuration file is group-readable\nError: UPGRADE FAILED: parsing\n  a: hunter22 is not a number\n";
        let hidden = ["hunter2".to_owned(), "hunter22".to_owned(), String::new()];
        let fault = failed("upgrade the release `r`", said, &hidden);
        assert_eq!(fault.code, Code::HelmFailed);
        assert_eq!(fault.message, "Helm could not upgrade the release `r`: UPGRADE FAILED: parsing; a: (hidden) is not a number");
        assert!(fault.hint.is_some());
    }

    #[test]
    fn a_long_or_empty_error_is_a_sentence_all_the_same() {
        assert!(failed("x", b"", &[]).message.ends_with("it said nothing"));
        let long = failed("x", "é".repeat(5000).as_bytes(), &[]).message;
        assert!(long.ends_with('…') && long.chars().count() < LONGEST + 50);
    }
}

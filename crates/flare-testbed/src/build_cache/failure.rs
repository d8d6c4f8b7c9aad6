//! Hints for a step that failed: a program's output is searched for causes that the user can remove.

use std::{fs, path::Path};

use flare_diagnostic::{Code, Diagnostic};

/// A cause that the user can remove.
struct Cause {
    /// Texts in a program's output, in lower case.
    texts: &'static [&'static str],
    /// What shows it where the output cannot: in the directory of the log.
    shown_by: Option<fn(&Path) -> bool>,
    /// What it is, for people.
    text: &'static str,
    hint: &'static str,
}

const fn row(texts: &'static [&'static str], text: &'static str, hint: &'static str) -> Cause {
    Cause { texts, shown_by: None, text, hint }
}

/// Programs of others say what failed only in sentences.
const CAUSES: [Cause; 6] = [
    Cause {
        shown_by: Some(is_full),
        ..row(
            &["no space left on device", "disk quota exceeded"],
            "the disk is full",
            "free some disk, and run again: what was finished is kept",
        )
    },
    row(
        &["requires go >=", "must match format", "unknown directive: tool", "toolchain not available"],
        "Go is too old",
        "install a later Go (https://go.dev/dl), or let it fetch one with GOTOOLCHAIN=auto",
    ),
    row(
        &["signal: killed", "cannot allocate memory", "out of memory"],
        "there is not enough memory",
        "end other programs, or give the machine more memory (4 GiB are enough), and run again",
    ),
    row(
        &["checksum mismatch", "do not match these packages", "verification failed"],
        "what was downloaded is not what it should be",
        "look whether a proxy changes downloads; the pinned versions never change",
    ),
    row(
        &["certificate verify failed", "certificate signed by unknown authority", "x509:"],
        "the network's certificate is not trusted",
        "name your proxy's authority with SSL_CERT_FILE, and run again",
    ),
    row(
        &[
            "dial tcp",
            "no such host",
            "i/o timeout",
            "tls handshake timeout",
            "could not resolve",
            "temporary failure",
            "failed to establish a new connection",
            "connection timed out",
            "connection refused",
            "could not connect",
            "network is unreachable",
            "module lookup disabled",
            "failed to fetch",
        ],
        "the network does not answer",
        "check the network and its proxy (HTTPS_PROXY, GOPROXY, PIP_INDEX_URL), and run again: what was finished is kept",
    ),
];

/// Whether a disk has so little space that a log could not report it.
fn is_full(directory: &Path) -> bool {
    rustix::fs::statvfs(directory).is_ok_and(|found| found.f_bavail * found.f_frsize < 1 << 20)
}

/// How many lines at the end of a log are shown.
const SHOWN: usize = 5;

/// How many characters of a line are shown.
const WIDTH: usize = 200;

/// The start of a line, because some programs print very long ones.
fn start(line: &str) -> String {
    match line.char_indices().nth(WIDTH) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line.to_owned(),
    }
}

/// The fault of a program that failed, with the last lines of its output.
pub(crate) fn failed_run(what: &str, end: &str, log: &Path) -> Diagnostic {
    let said = String::from_utf8_lossy(&fs::read(log).unwrap_or_default()).into_owned();
    let lines: Vec<_> = said.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let last: Vec<_> = lines[lines.len().saturating_sub(SHOWN)..].iter().map(|line| start(line)).collect();
    let last = last.join(" | ");
    let (log_directory, log) = (log.parent().unwrap_or(log), log.display());
    // Programs continue after a fault, so its line may be far from the end.
    let lower = lines[lines.len().saturating_sub(200)..].join("\n").to_lowercase();
    let is_cause = |one: &&Cause| {
        one.texts.iter().any(|text| lower.contains(text)) || one.shown_by.is_some_and(|is_shown| is_shown(log_directory))
    };
    match CAUSES.iter().find(is_cause) {
        Some(Cause { text, hint, .. }) => {
            Diagnostic::error(Code::MachineNotReady, format!("{what} cannot be made: {text} ({end}; {last})"))
                .hint(format!("{hint}; all that was said is in `{log}`"))
        }
        None => Diagnostic::error(Code::ToolFailed, format!("{what} cannot be made: {end}; the last lines: {last}"))
            .hint(format!("read `{log}`, and run again: what was finished is kept")),
    }
}

#[cfg(test)]
mod tests {
    use flare_diagnostic::Code;

    use super::failed_run;

    #[test]
    fn a_line_that_is_a_page_is_cut() {
        let directory = tempfile::tempdir().unwrap();
        let log = directory.path().join("log");
        std::fs::write(&log, "ä".repeat(5000)).unwrap();
        assert!(failed_run("CoreDNS", "exit 1", &log).message.len() < 600);
    }

    #[test]
    fn causes_that_people_can_mend_are_told_apart_from_others() {
        let directory = tempfile::tempdir().unwrap();
        let log = directory.path().join("log");
        let cases = [
            ("write /tmp/x: no space left on device", Code::MachineNotReady, "the disk is full"),
            ("go: go.mod requires go >= 1.26.0 (running go 1.24.1; GOTOOLCHAIN=local)", Code::MachineNotReady, "Go is too old"),
            ("dial tcp: lookup proxy.golang.org: no such host", Code::MachineNotReady, "the network does not answer"),
            ("E: Temporary failure resolving 'deb.debian.org'", Code::MachineNotReady, "the network does not answer"),
            (
                "tls: failed to verify certificate: x509: certificate signed by unknown authority",
                Code::MachineNotReady,
                "not trusted",
            ),
            ("verifying k8s.io/kubernetes: checksum mismatch", Code::MachineNotReady, "not what it should be"),
            ("/usr/local/go/pkg/tool/link: signal: killed", Code::MachineNotReady, "not enough memory"),
            ("./main.go:7:1: syntax error", Code::ToolFailed, "syntax error"),
            ("", Code::ToolFailed, "exit 1"),
        ];
        for (said, code, expected) in cases {
            std::fs::write(&log, format!("started\n{said}\n\nended\n")).unwrap();
            let fault = failed_run("CoreDNS", "exit 1", &log);
            assert_eq!(fault.code, code, "{said}");
            assert!(fault.message.contains(expected), "{fault:?}");
            assert!(fault.hint.unwrap().contains(log.to_str().unwrap()));
        }
    }
}

//! Which strings can be written without quotes in block YAML.

use std::borrow::Cow;

use crate::{Meaning, Reading, Scalar, Style, quote};

/// A string as a value of block YAML: plain if every reader takes it for this string, otherwise quoted.
pub fn scalar(text: &str) -> Cow<'_, str> {
    if is_plain(text) { text.into() } else { quote(text).into() }
}

/// A string as a key of block YAML, likewise.
pub fn key(name: &str) -> Cow<'_, str> {
    // A key must end within 1024 characters of its start.
    if name.len() <= 128 { scalar(name) } else { quote(name).into() }
}

/// Whether a string may stand without quotes in block YAML.
fn is_plain(text: &str) -> bool {
    let printable = |c: char| c == ' ' || c.is_ascii_graphic() || (!c.is_ascii() && c.is_alphabetic());
    text.chars().all(printable)
        && begins_plain(text)
        && !text.ends_with([' ', ':'])
        && !text.contains(": ")
        && !text.contains(" #")
        && !is_special(text)
}

/// Whether the first characters have no special meaning in YAML.
fn begins_plain(text: &str) -> bool {
    let mut characters = text.chars();
    match characters.next() {
        Some('_' | '/' | '$' | '(' | '+' | '^' | ';') => true,
        Some('.') => !text.starts_with("..."),
        // `-m` and `--flag`; neither a list nor `---`.
        Some('-') => characters.find(|c| *c != '-').is_some_and(|c| c.is_ascii_alphabetic()) && !text.starts_with("---"),
        Some(first) => first.is_alphanumeric(),
        None => false,
    }
}

/// Whether some reader takes an unquoted text for anything but a string: `PyYAML`, a reader of YAML 1.2, or the Go library
/// of Helm and kubectl, whose numbers are those of Go (`0X1F`, `1_000`) and whose booleans include `y` and `n`.
fn is_special(text: &str) -> bool {
    let scalar = Scalar { text: text.to_owned(), style: Style::Plain };
    scalar.reading() != Reading::Same(Meaning::String) || matches!(text, "y" | "Y" | "n" | "N") || is_number_of_go(text)
}

fn is_number_of_go(text: &str) -> bool {
    if !text.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '+' | '-' | '.')) {
        return false;
    }
    let bare: String = text.chars().filter(|c| *c != '_').flat_map(char::to_lowercase).collect();
    let unsigned = bare.trim_start_matches(['+', '-']);
    let digits = |prefix: &str| unsigned.strip_prefix(prefix).is_some_and(|rest| rest.bytes().all(|b| b.is_ascii_hexdigit()));
    let date = text.split(['-', 'T', 't', ' ']).take(3).filter(|part| part.bytes().all(|b| b.is_ascii_digit())).count() == 3;
    ["0x", "0o", "0b"].into_iter().any(digits) || unsigned.parse::<f64>().is_ok() || date
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_write_plain_stands_plain() {
        for text in [
            "Pod",
            "v1",
            "nvflare",
            "app.kubernetes.io/name",
            "/var/tmp/nvflare",
            "500m",
            "8Gi",
            "registry:5000/nvflare:2.8.3",
            "-m",
            "--set",
            "nvflare.private.fed.app.client.worker_process",
            "a b",
            "$(POD_NAME)",
            "10.0.0.1",
            "Grüße",
            "a#b",
            "sha256:abc",
            "NET_ADMIN",
            "http://proxy:3128",
            "yEs",
            "2.8.3",
        ] {
            assert_eq!(scalar(text), text);
        }
    }

    const MISREAD: &[&str] = &[
        "",
        " ",
        "yes",
        "No",
        "on",
        "y",
        "N",
        "null",
        "~",
        "true",
        "1",
        "1.5",
        "1e3",
        "0644",
        "0x1F",
        "0X1f",
        "0o17",
        "0B1",
        "1_000",
        "1:30",
        ".5",
        "+1",
        "-1",
        ".inf",
        "2026-01-01",
        "2026-1-1",
        "<<",
        "=",
        "-",
        "---",
        "...",
        "- a",
        "? a",
        "a: b",
        "a:",
        "a #b",
        "#a",
        "&a",
        "*a",
        "!a",
        "%a",
        "@a",
        "`a",
        "|",
        ">",
        "[a]",
        "{a}",
        "{{ .x }}",
        "'a'",
        "\"a\"",
        " a",
        "a ",
        "a\nb",
        "a\tb",
        "\u{feff}a",
        "a\u{2028}b",
        "a\u{a0}b",
    ];

    #[test]
    fn what_some_reader_takes_for_something_else_is_quoted() {
        for text in MISREAD {
            assert_eq!(scalar(text), quote(text));
        }
    }
}

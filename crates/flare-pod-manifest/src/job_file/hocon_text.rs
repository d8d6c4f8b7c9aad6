//! HOCON as text: what must not be read, and what FLARE's parser reads differently from the specification.

/// Why a document is not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Misread {
    /// Another file, which the server would resolve on its own machine.
    Include,
    /// An unquoted `500m` or `5 days`: a duration for pyhocon, with which no job can be submitted.
    Period,
    /// An unquoted `TRUE` or `.5`: a word for the specification, another value for pyhocon.
    Scalar,
    /// A `//` inside an unquoted word: a comment for the specification, a part of the word for pyhocon.
    Slashes,
    /// `\u00e9` or `\/` in quotes, which pyhocon leaves as it is.
    Escape,
    /// `a."b".c` as a key, which pyhocon cannot read.
    QuotedPath,
    /// A byte order mark, which pyhocon cannot read.
    Mark,
}

impl Misread {
    pub(super) const fn what_and_hint(self) -> (&'static str, &'static str) {
        match self {
            Self::Include => ("includes another file, which is not read here", "write the included keys into this file"),
            Self::Period => (
                "holds an unquoted amount that FLARE takes for a span of time, and then refuses the job",
                "put it in quotes, as in `cpu = \"500m\"`",
            ),
            Self::Scalar => (
                "holds an unquoted word that HOCON readers take for different values",
                "put it in quotes, or write `true` or `0.5`",
            ),
            Self::Slashes => ("holds `//` inside an unquoted word, which HOCON readers read differently", "put it in quotes"),
            Self::Escape => (
                "holds an escape in quotes that FLARE does not translate",
                "write the character itself, or put what is not an escape in three quotes on each side",
            ),
            Self::QuotedPath => {
                ("has a key with quotes between points, which FLARE cannot read", "write nested blocks: `a { \"b\" { … } }`")
            }
            Self::Mark => ("begins with a byte order mark, which FLARE cannot read", "save it as UTF-8 without one"),
        }
    }
}

/// The first thing that is refused, and its offset.
pub(super) fn misread(text: &str) -> Option<(usize, Misread)> {
    if text.starts_with('\u{feff}') {
        return Some((0, Misread::Mark));
    }
    let mut at = 0;
    while at < text.len() {
        let rest = &text[at..];
        let first = rest.chars().next()?;
        at += match first {
            '"' => {
                let length = quoted_length(rest);
                if !rest.starts_with("\"\"\"") && has_other_escape(&rest[..length]) {
                    return Some((at, Misread::Escape));
                }
                if text[..at].ends_with('.') || rest[length..].starts_with('.') {
                    return Some((at, Misread::QuotedPath));
                }
                length
            }
            '#' => line_length(rest),
            '/' if rest.starts_with("//") => line_length(rest),
            c if c.is_whitespace() || is_structure(c) => c.len_utf8(),
            _ => {
                let word = unquoted(rest);
                if let Some(misread) = misread_word(word, &rest[word.len()..]) {
                    return Some((at, misread));
                }
                word.len().max(first.len_utf8())
            }
        };
    }
    None
}

const fn is_structure(c: char) -> bool {
    matches!(c, '{' | '}' | '[' | ']' | ',' | ':' | '=' | '+')
}

/// Unquoted text up to what ends a value: a line, a comment, a quote, or structure.
fn unquoted(text: &str) -> &str {
    let end = text.char_indices().find(|(_, c)| is_structure(*c) || matches!(c, '\n' | '"' | '#'));
    let word = end.map_or(text, |(end, _)| &text[..end]);
    // A comment begins after a space; inside a word the two readings differ.
    word.find(" //").map_or(word, |comment| &word[..comment]).trim_end()
}

fn misread_word(word: &str, after: &str) -> Option<Misread> {
    const WORD: &str = "include";
    if let Some(rest) = word.strip_prefix(WORD) {
        let rest = rest.trim_start();
        let names_kind = ["required", "file", "url", "classpath", "package"].iter().any(|kind| rest.starts_with(kind));
        if names_kind || (rest.is_empty() && after.trim_start().starts_with('"')) {
            return Some(Misread::Include);
        }
    }
    if word.contains("//") {
        return Some(Misread::Slashes);
    }
    if is_period(word) {
        return Some(Misread::Period);
    }
    is_other_scalar(word).then_some(Misread::Scalar)
}

/// Digits, spaces and a unit of pyhocon at the start.
fn is_period(word: &str) -> bool {
    const UNITS: [&str; 36] = [
        "ns",
        "nano",
        "nanos",
        "nanosecond",
        "nanoseconds",
        "us",
        "micro",
        "micros",
        "microsecond",
        "microseconds",
        "ms",
        "milli",
        "millis",
        "millisecond",
        "milliseconds",
        "s",
        "second",
        "seconds",
        "m",
        "minute",
        "minutes",
        "h",
        "hour",
        "hours",
        "w",
        "week",
        "weeks",
        "d",
        "day",
        "days",
        "mo",
        "month",
        "months",
        "y",
        "year",
        "years",
    ];
    let unit = word.trim_start_matches(|c: char| c.is_ascii_digit());
    if unit.len() == word.len() {
        return false;
    }
    let unit = unit.trim_start_matches(' ');
    let end = unit.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(unit.len());
    UNITS.contains(&&unit[..end])
}

/// Whether a word is `true`, `false` or `null` in another spelling, or a number that JSON does not have.
fn is_other_scalar(word: &str) -> bool {
    let is_keyword = ["true", "false", "null"].iter().any(|keyword| word.eq_ignore_ascii_case(keyword) && word != *keyword);
    let is_number = word.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '.' | '-')) && word.parse::<f64>().is_ok();
    is_keyword
        || (is_number
            && serde_json::from_str::<serde_json::Number>(word.trim_start_matches('0')).is_err()
            && !word.bytes().all(|b| b.is_ascii_digit()))
}

/// Whether there is an escape that pyhocon does not know.
fn has_other_escape(quoted: &str) -> bool {
    let mut bytes = quoted.bytes();
    while let Some(byte) = bytes.next() {
        if byte == b'\\' && bytes.next().is_some_and(|escaped| !matches!(escaped, b'"' | b'\\' | b'n' | b't' | b'r')) {
            return true;
        }
    }
    false
}

fn line_length(text: &str) -> usize {
    text.find('\n').unwrap_or(text.len())
}

/// The length of a quoted string at the start of `text`, including its quotes.
fn quoted_length(text: &str) -> usize {
    if let Some(rest) = text.strip_prefix("\"\"\"") {
        return rest.find("\"\"\"").map_or(text.len(), |end| 3 + end + 3);
    }
    let mut escaped = false;
    for (index, byte) in text.bytes().enumerate().skip(1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' | b'\n' => return index + 1,
            _ => {}
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_read_differently_is_found_and_what_is_quoted_is_not() {
        for (text, expected) in [
            ("include \"a.conf\"", Some((0, Misread::Include))),
            ("a { include required(file(\"/etc/passwd\")) }", Some((4, Misread::Include))),
            ("a: 1\n  include\tfile(\"x\")", Some((7, Misread::Include))),
            ("include\n\"a\"", Some((0, Misread::Include))),
            ("name: \"include \\\"a\\\"\"", None),
            ("# include \"a\"\nname: x", None),
            ("name: please include this", None),
            ("my-include = \"a\"", None),
            ("text: \"\"\"\ninclude \"a\"\"\"\"", None),
            ("cpu = 500m", Some((6, Misread::Period))),
            ("cpu = \"500m\"", None),
            ("t: 5 days // why", Some((3, Misread::Period))),
            ("memory = 512k", None),
            ("memory = 8Gi", None),
            ("a = TRUE", Some((4, Misread::Scalar))),
            ("a = true, b = null", None),
            ("a = .5", Some((4, Misread::Scalar))),
            ("a = -0.5, b = 1e3, c = 007, d = 1.2.3", None),
            ("python_path = a//b", Some((14, Misread::Slashes))),
            ("image = x // y", None),
            ("image = \"\\u00e9\"", Some((8, Misread::Escape))),
            ("image = \"a\\\\u00e9\"", None),
            ("a.\"b\".c = 1", Some((2, Misread::QuotedPath))),
            ("\"a\".b = 1", Some((0, Misread::QuotedPath))),
            ("a = \"b\"", None),
            ("\u{feff}a = 1", Some((0, Misread::Mark))),
            ("é = ü", None),
        ] {
            assert_eq!(misread(text), expected, "{text}");
        }
    }
}

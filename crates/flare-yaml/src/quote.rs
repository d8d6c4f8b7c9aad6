//! Writes one string such that every YAML reader returns it unchanged.

use std::fmt::Write as _;

/// Writes a string in double quotes, with the escapes that JSON, YAML 1.1 and YAML 1.2 share, so that Helm, `PyYAML` and
/// every other reader see the same string, never a number, a boolean or a date (defect 9).
///
/// ```
/// assert_eq!(flare_yaml::quote("no"), r#""no""#);
/// assert_eq!(flare_yaml::quote("a\tb\u{85}"), r#""a\tb\u0085""#);
/// ```
pub fn quote(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for character in text.chars() {
        match character {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            // Line breaks of YAML 1.1, the byte order mark and non-characters: each is folded or refused by some reader.
            '\0'..='\u{1f}' | '\u{7f}'..='\u{9f}' | '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}' => {
                // Writing into a String cannot fail.
                let _ = write!(quoted, "\\u{:04x}", u32::from(character));
            }
            other => quoted.push(other),
        }
    }
    quoted.push('"');
    quoted
}

//! Foreign text in messages: names of files and values of users must not control a terminal.

use std::{borrow::Cow, fmt::Write as _};

use crate::without_secrets;

/// The text with everything that a terminal would act on, or would not show, written as an escape: control characters, line
/// separators and the marks that change the direction of writing. Everything else stays, including quotes and backslashes.
pub fn printable(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_hidden) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        if is_hidden(character) {
            // `\n` and the like, otherwise `\u{202e}`.
            let _ = write!(shown, "{}", character.escape_default());
        } else {
            shown.push(character);
        }
    }
    Cow::Owned(shown)
}

/// Foreign text in the form that is safe to show: without what looks like a secret, and escaped by [`printable`]. Messages and hints
/// of a [`Diagnostic`](crate::Diagnostic) have it already; all other texts of a cluster, a program or a log go through this function.
///
/// ```
/// assert_eq!(flare_diagnostic::for_display("`?user=jane&Api_Key=abc`\n"), "`?user=jane&Api_Key=(hidden)`\\n");
/// ```
pub fn for_display(text: &str) -> String {
    printable(&without_secrets(text)).into_owned()
}

/// Foreign text as a part of a message: without what looks like a secret, escaped by [`printable`], and cut after 80
/// characters. All names, keys and values that messages quote go through this function.
pub fn shown(text: &str) -> String {
    const LONGEST: usize = 80;
    // Before the cut: half a key would no longer look like one.
    let text = without_secrets(text);
    match text.char_indices().nth(LONGEST) {
        None => printable(&text).into_owned(),
        Some((cut, _)) => format!("{}…", printable(&text[..cut])),
    }
}

fn is_hidden(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_acts_on_is_escaped_and_the_rest_stays() {
        assert_eq!(printable("a\"b'\\ ä 中 😀"), "a\"b'\\ ä 中 😀");
        assert_eq!(printable("\u{1b}[31mred\r\n\t\0"), "\\u{1b}[31mred\\r\\n\\t\\u{0}");
        assert_eq!(printable("abc\u{202e}def\u{85}\u{2028}"), "abc\\u{202e}def\\u{85}\\u{2028}");
        assert!(matches!(printable("plain"), Cow::Borrowed(_)));
    }

    #[test]
    fn a_text_for_display_has_neither_secrets_nor_control_characters() {
        assert_eq!(for_display("`?user=jane&Api_Key=abc`\u{1b}[2J"), "`?user=jane&Api_Key=(hidden)`\\u{1b}[2J");
        assert_eq!(for_display(&"é".repeat(81)), "é".repeat(81), "nothing is cut");
    }

    #[test]
    fn a_long_text_is_cut_between_characters() {
        assert_eq!(shown(&"é".repeat(80)), "é".repeat(80));
        assert_eq!(shown(&"é".repeat(81)), format!("{}…", "é".repeat(80)));
        assert_eq!(shown("a\nb\u{fff9}"), "a\\nb\\u{fff9}");
    }
}

//! Foreign text on the page. Only these types carry it, so that none is shown with its control characters.

use std::borrow::Cow;

use flare_diagnostic::printable;
use maud::{Markup, Render, html};
use serde::{Deserialize, Deserializer};

/// A text of the document: what would not be visible, or would turn the direction of writing, is an escape. maud escapes HTML.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Text(String);

impl Text {
    /// A text that is not from the document.
    pub(crate) fn new(text: &str) -> Self {
        Self(printable(text).into_owned())
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// A sentence: values in backticks are shown as code.
    pub(crate) fn prose(&self) -> Markup {
        let parts: Vec<_> = self.0.split('`').collect();
        // An odd number of backticks pairs nothing for certain.
        if parts.len() % 2 == 0 {
            return html! { (self) };
        }
        html! {
            @for (number, part) in parts.iter().enumerate() {
                @if number % 2 == 0 { (part) } @else { code { (part) } }
            }
        }
    }

    /// A state or severity as words: `not_begun` is "not begun".
    pub(crate) fn words(&self) -> Cow<'_, str> {
        if self.0.contains('_') { Cow::Owned(self.0.replace('_', " ")) } else { Cow::Borrowed(&self.0) }
    }
}

impl Render for Text {
    fn render_to(&self, buffer: &mut String) {
        self.0.render_to(buffer);
    }
}

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self::new(&String::deserialize(deserializer)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_in_backticks_are_code_and_everything_is_escaped() {
        let prose = |text: &str| Text::new(text).prose().into_string();
        assert_eq!(prose("no `a<b>` & no `\u{202e}c`"), "no <code>a&lt;b&gt;</code> &amp; no <code>\\u{202e}c</code>");
        assert_eq!(prose("a ` b"), "a ` b");
        assert_eq!(prose("`<script>`"), "<code>&lt;script&gt;</code>");
        assert_eq!(prose("two\nlines"), "two\\nlines");
    }
}

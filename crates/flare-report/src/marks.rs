//! How the words for states and severities look. Each mark has a sign and its word, so that nothing is said by colour alone.

use maud::{Markup, html};

use crate::text::Text;

/// How something turned out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Tone {
    /// It says nothing about success.
    Quiet,
    /// As it should be.
    Good,
    /// Somebody should look at it.
    Attention,
    /// It failed.
    Bad,
}

impl Tone {
    /// The tone of a state of a step, or of the severity of a finding.
    pub(crate) fn of(word: &str) -> Self {
        match word {
            "ok" | "done" | "unchanged" => Self::Good,
            "warning" | "unknown" | "running" => Self::Attention,
            "error" | "failed" => Self::Bad,
            _ => Self::Quiet,
        }
    }

    /// The class of the style sheet.
    pub(crate) const fn class(self) -> &'static str {
        match self {
            Self::Quiet => "quiet",
            Self::Good => "good",
            Self::Attention => "attention",
            Self::Bad => "bad",
        }
    }

    const fn sign(self) -> &'static str {
        match self {
            Self::Quiet => "–",
            Self::Good => "✓",
            Self::Attention => "!",
            Self::Bad => "✗",
        }
    }

    /// The sign alone, for what has its words beside it.
    pub(crate) fn shown(self) -> Markup {
        html! { span.sign aria-hidden="true" { (self.sign()) } }
    }
}

/// A word of the document with its mark.
pub(crate) fn mark(word: &Text) -> Markup {
    let tone = Tone::of(word.as_str());
    html! { span.mark.(tone.class()) { (tone.shown()) " " (word.words()) } }
}

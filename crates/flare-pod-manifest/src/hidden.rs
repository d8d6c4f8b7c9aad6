//! The tokens of a request, to be taken out of whatever a job or a cluster prints.

use std::borrow::Cow;

use crate::{request::LaunchRequest, token::Token};

/// A shorter text is no token, and would be found in any sentence.
const SHORTEST: usize = 6;

/// Stands where a token stood.
const MARK: &str = "(hidden)";

/// The tokens of a launch request. Its `Debug` form does not show them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Hidden(Vec<Token>);

impl Hidden {
    pub(crate) fn of(request: &LaunchRequest) -> Self {
        let all = request.process_args.secret.iter().chain(std::iter::once(&request.transfer_token));
        let mut tokens: Vec<_> = all.filter(|token| token.expose().len() >= SHORTEST).cloned().collect();
        // One token may be the beginning of another.
        tokens.sort_by_key(|token| std::cmp::Reverse(token.expose().len()));
        Self(tokens)
    }

    /// The text without any of the tokens.
    pub fn hide<'text>(&self, text: &'text str) -> Cow<'text, str> {
        self.0.iter().fold(Cow::Borrowed(text), |text, token| {
            if text.contains(token.expose()) { Cow::Owned(text.replace(token.expose(), MARK)) } else { text }
        })
    }
}

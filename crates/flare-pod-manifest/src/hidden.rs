//! The tokens of a job, to be taken out of whatever it or a cluster prints.

use std::borrow::Cow;

use crate::{credentials, request::LaunchRequest, token::Token};

/// A shorter text is not a token, and would be found in any sentence.
const SHORTEST: usize = 6;

/// Stands where a token stood.
const MARK: &str = "(hidden)";

/// The flags of FLARE's job processes before the values that authenticate a job: token, signature and session id.
const FLAGS: [&str; 4] = ["-t", "-ts", "-d", "--ssid"];

/// The tokens of a job. The `Debug` form does not show them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Hidden(Vec<Token>);

impl Hidden {
    pub(crate) fn of(request: &LaunchRequest) -> Self {
        let all = request.process_args.secret.iter().chain(std::iter::once(&request.transfer_token));
        Self::those(all.cloned())
    }

    /// The tokens of a process that another run started, as far as its command line and its variables (name and value) contain them.
    pub fn of_process<'text>(args: &'text [String], env: impl IntoIterator<Item = (&'text str, &'text str)>) -> Self {
        let flagged = args.iter().zip(args.iter().skip(1)).filter(|(flag, _)| FLAGS.contains(&flag.as_str()));
        let named = env.into_iter().filter(|(name, _)| credentials::is_variable(name));
        Self::those(flagged.map(|(_, value)| Token::new(value)).chain(named.map(|(_, value)| Token::new(value))))
    }

    /// The values of a Secret with the credentials of a job. One that is not text is not a token.
    pub fn of_secret(values: impl IntoIterator<Item = Vec<u8>>) -> Self {
        Self::those(values.into_iter().filter_map(|value| String::from_utf8(value).ok()).map(Token::new))
    }

    /// These tokens and others.
    #[must_use]
    pub fn and(self, others: Self) -> Self {
        Self::those(self.0.into_iter().chain(others.0))
    }

    fn those(tokens: impl Iterator<Item = Token>) -> Self {
        let mut tokens: Vec<_> = tokens.filter(|token| token.expose().len() >= SHORTEST).collect();
        // One token may be the beginning of another.
        tokens.sort_by(|one, other| {
            let (one, other) = (one.expose(), other.expose());
            other.len().cmp(&one.len()).then_with(|| one.cmp(other))
        });
        tokens.dedup();
        Self(tokens)
    }

    /// The text without any of the tokens.
    pub fn hide<'text>(&self, text: &'text str) -> Cow<'text, str> {
        self.0.iter().fold(Cow::Borrowed(text), |text, token| {
            if text.contains(token.expose()) { Cow::Owned(text.replace(token.expose(), MARK)) } else { text }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tokens_of_a_running_process_are_found_and_nothing_else_of_it() {
        let args = "-u -m worker -m /workspace/site-1 -t token-1 -ts signature-of-token-1 -d session-1 -n job-1 --set a=b -t";
        let args: Vec<String> = args.split(' ').map(str::to_owned).collect();
        let env = [("PYTHONPATH", "/workspace/custom"), ("NVFL_WORKSPACE_TRANSFER_TOKEN", "transfer-1")];
        let hidden =
            Hidden::of_process(&args, env).and(Hidden::of_secret([b"secret-1".to_vec(), vec![255; 9], b"short".to_vec()]));
        let text = "token-1 signature-of-token-1 session-1 transfer-1 secret-1 job-1 worker /workspace/custom short a=b";
        let shown = "(hidden) (hidden) (hidden) (hidden) (hidden) job-1 worker /workspace/custom short a=b";
        assert_eq!(hidden.hide(text), shown);
        assert!(!format!("{hidden:?}").contains("-1"), "{hidden:?}");
    }
}

//! Removes from a text what looks like a key or a credential, so that no message can show one.
//!
//! [`Diagnostic`](crate::Diagnostic) does this with every message and hint. Other code that shows text of files, such as a
//! difference between two of them, calls [`without_secrets`] itself.

use std::borrow::Cow;

/// What is shown in place of removed text.
const REMOVED: &str = "(hidden)";

/// The text without PEM blocks, long base64, user names and passwords in URLs and image references, and values that are
/// assigned to a word such as `password=`.
///
/// Digests (`sha256:…`, and hexadecimal digits in general), paths and ordinary words stay.
pub fn without_secrets(text: &str) -> Cow<'_, str> {
    let mut text = Cow::Borrowed(text);
    for remove in [remove_pem, remove_credentials, remove_assignments, remove_base64] {
        if let Some(removed) = remove(&text) {
            text = Cow::Owned(removed);
        }
    }
    text
}

/// Removes each `-----BEGIN …` up to the end of its `-----END …-----`, or of the quotation or the text if it was cut off.
fn remove_pem(text: &str) -> Option<String> {
    let mut found = None;
    let mut rest = text;
    while let Some(begin) = pem_begin(rest) {
        let kept: &mut String = found.get_or_insert_default();
        kept.push_str(&rest[..begin]);
        kept.push_str(REMOVED);
        let block = &rest[begin..];
        rest = &block[pem_length(block)..];
    }
    found.map(|kept| kept + rest)
}

fn pem_begin(text: &str) -> Option<usize> {
    text.match_indices("BEGIN ").find_map(|(at, _)| {
        let before = text[..at].trim_end_matches(' ');
        let dashes = before.len() - before.trim_end_matches('-').len();
        (dashes >= 4).then(|| before.len() - dashes)
    })
}

fn pem_length(block: &str) -> usize {
    let quotation = block.find('`').unwrap_or(block.len());
    let Some(end) = block.find("-END ").or_else(|| block.find("- END ")) else { return quotation };
    let label = end + "- END ".len();
    // The label and the dashes after it belong to the block.
    let behind = block[label.min(block.len())..].find('-').map_or(block.len(), |dashes| {
        let dashes = label + dashes;
        dashes + block[dashes..].len() - block[dashes..].trim_start_matches('-').len()
    });
    if quotation < end { quotation } else { behind }
}

/// Removes `user:password` before an `@`, and any user before the `@` of a URL.
fn remove_credentials(text: &str) -> Option<String> {
    replace_words(
        text,
        |character| character.is_whitespace() || character == '`',
        |word| {
            let at = word.match_indices('@').map(|(at, _)| at).rfind(|at| !is_digest(&word[at + 1..]))?;
            let before = &word[..at];
            let scheme = before.find("://").map(|scheme| scheme + "://".len());
            let start =
                scheme.unwrap_or_else(|| before.len() - before.trim_start_matches(|c: char| "\"'([{<=,".contains(c)).len());
            let (user, password) = before[start..].split_once(':').unwrap_or_default();
            let is_credential = scheme.is_some() && start < at || !user.is_empty() && !password.is_empty();
            is_credential.then(|| format!("{}{REMOVED}{}", &word[..start], &word[at..]))
        },
    )
}

/// Whether this is what follows the `@` of an image reference with a digest: `sha256:…`, even with wrong digits, or the word `digest`
/// of a hint.
fn is_digest(text: &str) -> bool {
    let (algorithm, digits) = text.split_once(':').unwrap_or((text, ""));
    let hexadecimal = digits.bytes().take_while(u8::is_ascii_hexdigit).count();
    let known = ["sha", "digest"].iter().any(|known| algorithm.starts_with(known));
    known || !algorithm.is_empty() && !algorithm.contains('.') && hexadecimal >= 16
}

/// What names of secrets contain, in lower case and without separators.
const SECRET_NAMES: [&str; 9] =
    ["password", "passwd", "passphrase", "token", "secret", "apikey", "accesskey", "privatekey", "private"];

/// Whether a key of a file sounds like that of a secret: it contains a word such as `password`, `token` or `api_key`, in any spelling.
pub fn is_secret_name(name: &str) -> bool {
    let plain = plain(name);
    SECRET_NAMES.iter().any(|word| plain.contains(word))
}

/// A name without what its spellings differ in: `API-Key` as `apikey`.
fn plain(name: &str) -> String {
    name.chars().filter(char::is_ascii_alphanumeric).map(|character| character.to_ascii_lowercase()).collect()
}

/// Removes the value after `password=` and the like, also in the query of a URL. The word must be the last of the name: `secretName=` is
/// followed by the name of a Secret, which a message needs.
fn remove_assignments(text: &str) -> Option<String> {
    let ends = |character: char| character.is_whitespace() || "`&;,".contains(character);
    replace_words(text, ends, |word| {
        let (name, value) = word.split_once('=')?;
        let plain = plain(name);
        let named = SECRET_NAMES.iter().any(|word| plain.ends_with(word));
        (named && !value.trim_matches(['"', '\'']).is_empty()).then(|| format!("{name}={REMOVED}"))
    })
}

/// Replaces the words between separators for which `change` returns another text. `None` if none was changed.
fn replace_words(text: &str, is_separator: impl Fn(char) -> bool, change: impl Fn(&str) -> Option<String>) -> Option<String> {
    let mut changed = false;
    let mut kept = String::new();
    let mut rest = text;
    while !rest.is_empty() {
        let (word, behind) = rest.split_at(rest.find(&is_separator).unwrap_or(rest.len()));
        match change(word) {
            Some(other) => {
                changed = true;
                kept.push_str(&other);
            }
            None => kept.push_str(word),
        }
        let separator = behind.chars().next().map_or(0, char::len_utf8);
        kept.push_str(&behind[..separator]);
        rest = &behind[separator..];
    }
    changed.then_some(kept)
}

/// Removes long runs of base64, with the shorter lines that follow one.
fn remove_base64(text: &str) -> Option<String> {
    let mut changed = false;
    let mut kept = String::new();
    let mut rest = text;
    while let Some(start) = rest.find(is_base64) {
        kept.push_str(&rest[..start]);
        rest = &rest[start..];
        let (run, behind) = split_run(rest);
        if is_key_material(run) {
            changed = true;
            kept.push_str(REMOVED);
            rest = without_continuation(behind);
        } else {
            kept.push_str(run);
            rest = behind;
        }
    }
    changed.then(|| kept + rest)
}

fn is_base64(character: char) -> bool {
    character.is_ascii_alphanumeric() || "+/=-_".contains(character)
}

fn split_run(text: &str) -> (&str, &str) {
    text.split_at(text.find(|character| !is_base64(character)).unwrap_or(text.len()))
}

/// The rest after the lines that follow a removed one: a block's last line is too short to be recognised by itself.
fn without_continuation(text: &str) -> &str {
    let mut rest = text;
    loop {
        let mut next = rest.trim_start_matches([' ', '\n', '\r', '\t']);
        while let Some(behind) = next.strip_prefix("\\n").or_else(|| next.strip_prefix("\\r")) {
            next = behind.trim_start_matches(' ');
        }
        let (run, behind) = split_run(next);
        if next.len() == rest.len() || run.len() < 4 || !(Letters::of(run).is_mixed() || run.ends_with('=')) {
            return rest;
        }
        rest = behind;
    }
}

/// Whether a run of base64 characters is random enough to be a key. Words, paths and names in any spelling change between
/// upper case, lower case and digits far less often; digests are written in lower case.
fn is_key_material(run: &str) -> bool {
    let whole = Letters::of(run);
    let long_and_random = whole.count >= 56 && whole.has_all() && whole.changes * 100 >= whole.count * 45;
    long_and_random
        || run
            .split(['/', '-', '_'])
            .map(Letters::of)
            .any(|part| part.has_all() && (part.count >= 40 || part.count >= 24 && part.changes * 100 >= part.count * 30))
}

/// The kinds of letters in a run.
#[derive(Debug, Default)]
struct Letters {
    count: usize,
    upper: usize,
    lower: usize,
    digits: usize,
    /// How often the kind changes from one letter to the next.
    changes: usize,
}

impl Letters {
    fn of(run: &str) -> Self {
        let mut letters = Self::default();
        let mut before = None;
        for byte in run.bytes() {
            let kind = match byte {
                b'A'..=b'Z' => &mut letters.upper,
                b'a'..=b'z' => &mut letters.lower,
                b'0'..=b'9' => &mut letters.digits,
                _ => {
                    letters.count += usize::from(byte == b'+');
                    continue;
                }
            };
            *kind += 1;
            letters.count += 1;
            let kind = (byte.is_ascii_uppercase(), byte.is_ascii_digit());
            letters.changes += usize::from(before.is_some_and(|before| before != kind));
            before = Some(kind);
        }
        letters
    }

    fn has_all(&self) -> bool {
        self.upper > 0 && self.lower > 0 && self.digits > 0
    }

    fn is_mixed(&self) -> bool {
        [self.upper, self.lower, self.digits].iter().filter(|count| **count > 0).count() > 1
    }
}

#[cfg(test)]
mod tests {
    use super::{is_secret_name, without_secrets};

    /// Characters of a real RSA key, made for this test.
    const LINE: &str = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7VJTUt9Us8cKj";

    #[test]
    fn keys_and_credentials_are_removed() {
        for (text, expected) in [
            (
                format!("found `-----BEGIN PRIVATE KEY-----\n{LINE}\nabcd=\n-----END PRIVATE KEY-----` here"),
                "found `(hidden)` here",
            ),
            (format!("found `-----BEGIN RSA PRIVATE KEY----- {LINE}…` here"), "found `(hidden)` here"),
            ("found `---- BEGIN SSH2 ENCRYPTED PRIVATE KEY ----\nComment`".to_owned(), "found `(hidden)`"),
            ("two -----BEGIN A-----x-----END A----- and -----BEGIN B-----y".to_owned(), "two (hidden) and (hidden)"),
            (format!("`{LINE}` is not a mapping"), "`(hidden)` is not a mapping"),
            (format!("`{LINE}\n{LINE}\nKg9w==\n` is not a mapping"), "`(hidden)\n` is not a mapping"),
            (format!("`{LINE}\\nxY9w\\n`"), "`(hidden)\\n`"),
            ("`QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVo=`".to_owned(), "`(hidden)`"),
            ("token eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.x".to_owned(), "token (hidden).(hidden).x"),
            ("`https://jane:pa:ss@w/ord@example.org/x`".to_owned(), "`https://(hidden)@example.org/x`"),
            ("`https://ghp_abc@example.org`".to_owned(), "`https://(hidden)@example.org`"),
            ("`jane:hunter2@registry.example.org/nvflare:2.8.3`".to_owned(), "`(hidden)@registry.example.org/nvflare:2.8.3`"),
            (
                format!("`u:p@example.org/nvflare@sha256:{}`", "0a".repeat(32)),
                "`(hidden)@example.org/nvflare@sha256:0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a`",
            ),
            ("`?user=jane&Api_Key=abc&x=1`".to_owned(), "`?user=jane&Api_Key=(hidden)&x=1`"),
        ] {
            assert_eq!(without_secrets(&text), expected);
            assert_eq!(without_secrets(expected), expected, "what was removed once stays so");
        }
    }

    #[test]
    fn a_key_that_names_a_secret_is_known_in_every_spelling() {
        for name in ["api_key", "API-Key", "client.private", "token_file", "db password", "accessKey", "passphrase"] {
            assert!(is_secret_name(name), "{name}");
        }
        for name in ["key", "id", "host", "public_key", ""] {
            assert!(!is_secret_name(name), "{name}");
        }
    }

    #[test]
    fn what_people_must_read_stays() {
        for text in [
            "registry.example.org:5000/nvflare/nvflare:2.8.3@sha256:00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff",
            "`nvflare:2.8@sha256` has no digest",
            "use `[registry[:port]/]repository[:tag][@digest]`",
            "jane.doe@hospital.example.org is not a host name",
            "/Users/Jane/Documents/Projects/FederatedLearning2026/workspace/prod_00/Site-1/startup/fed_client.json",
            "requiredDuringSchedulingIgnoredDuringExecution, preferredDuringSchedulingIgnoredDuringExecution",
            "6f1e2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d5e6f708192a3b4c5d6e7f8",
            "f81d4fae-7dec-11d0-a765-00a0c91e6bf6",
            "nvflare.app_opt.job_launcher.k8s_launcher.ClientK8sJobLauncher",
            "nvflare-startup-a-very-long-name-of-a-participant-c828b91c-c828b91c",
            "the kit `Site_1-With-A-Long-Name-2026-Berlin-Mitte-Charite-01` has no `startup/client.key`",
            "MY_VERY_LONG_ENVIRONMENT_VARIABLE_WITH_2_DIGITS_AND_MORE",
            "`secret=` and `password:` are words",
            "set `--set workspaceConfig.startup.secretName=nvflare-startup`",
            "localhost:8102 and tcp://nvflare-server:8102",
            "",
        ] {
            assert_eq!(without_secrets(text), text);
        }
    }
}

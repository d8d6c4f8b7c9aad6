//! The two naming rules as pure functions.

use sha2::{Digest, Sha256};

/// The first 8 hex digits of SHA-256 over the raw name's UTF-8 bytes, which keep two raw names apart.
pub fn digest8(raw: &str) -> String {
    use std::fmt::Write as _;
    let digest = Sha256::digest(raw.as_bytes());
    digest[..4].iter().fold(String::with_capacity(8), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// FLARE's *stable* rule: Service and Deployment (limit 63), Helm release (53), staged objects of 2.9 (63).
///
/// A name that already matches `[a-z]([-a-z0-9]*[a-z0-9])?` within the limit stays as it is. Any other is lower-cased,
/// characters outside `[a-z0-9-]` become `-`, runs of `-` become one, ends are trimmed; an empty name becomes `site`, one that
/// does not start with a letter is prefixed with `site-`; then it is shortened and the digest of the *raw* name is appended, so
/// that two raw names never collide.
///
/// `limit` is in bytes and must leave room for a letter, `-` and the digest: at least 10.
///
/// ```
/// assert_eq!(flare_names::stable("site-1", 63), "site-1");
/// assert_eq!(flare_names::stable("1site", 63), "site-1site-1b6b9b23");
/// ```
pub fn stable(raw: &str, limit: usize) -> String {
    if raw.len() <= limit && is_stable(raw) {
        return raw.to_owned();
    }
    let mut name = String::with_capacity(raw.len() + 5);
    for character in raw.to_lowercase().chars() {
        let kept = if matches!(character, 'a'..='z' | '0'..='9') { character } else { '-' };
        if kept != '-' || !name.ends_with('-') {
            name.push(kept);
        }
    }
    let mut name = name.trim_matches('-').to_owned();
    if name.is_empty() {
        name.push_str("site");
    }
    if !name.starts_with(|c: char| c.is_ascii_lowercase()) {
        name.insert_str(0, "site-");
    }
    with_digest(&name, raw, limit, "site")
}

/// FLARE's *site name for Secrets* rule: Secrets (limit 47), suffix of job pods (20), volumes (63).
///
/// The digest is always appended. The name is lower-cased, characters outside `[a-z0-9-]` are *dropped*, ends are trimmed; an
/// empty name becomes `site`, a leading digit is prefixed with `s`.
///
/// `limit` is in bytes, at least 10.
///
/// ```
/// assert_eq!(flare_names::hashed("server", 47), "server-b3eacd33");
/// ```
pub fn hashed(raw: &str, limit: usize) -> String {
    let kept: String = raw.to_lowercase().chars().filter(|c| matches!(c, 'a'..='z' | '0'..='9' | '-')).collect();
    let mut name = kept.trim_matches('-').to_owned();
    if name.is_empty() {
        name.push_str("site");
    }
    if name.starts_with(|c: char| c.is_ascii_digit()) {
        name.insert(0, 's');
    }
    with_digest(&name, raw, limit, "site")
}

fn is_stable(raw: &str) -> bool {
    let bytes = raw.as_bytes();
    let inner = |byte: &u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-');
    bytes.first().is_some_and(u8::is_ascii_lowercase) && bytes.iter().all(inner) && !bytes.ends_with(b"-")
}

/// `name` is ASCII here, so it can be cut at any byte.
fn with_digest(name: &str, raw: &str, limit: usize, when_empty: &str) -> String {
    let cut = name[..name.len().min(limit.saturating_sub(9))].trim_end_matches('-');
    let cut = if cut.is_empty() { when_empty } else { cut };
    format!("{cut}-{}", digest8(raw))
}

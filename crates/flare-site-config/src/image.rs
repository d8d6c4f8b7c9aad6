//! Image references, as the grammar of distribution has them (`distribution/reference`), without regular expressions.
//!
//! Unlike other parsers it fills in nothing: no `docker.io`, no `library/`, no `latest`, so that what was written can be
//! distinguished from what was not.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// The longest repository, registry included, in bytes.
const LONGEST_REPOSITORY: usize = 255;
/// The longest tag, in bytes.
const LONGEST_TAG: usize = 128;

/// A parsed image reference. `Display` gives back the text that was parsed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageReference {
    /// Everything before tag and digest, the registry with its port included: `registry:5000/nvflare/nvflare`.
    pub repository: String,
    /// The tag, without `:`.
    pub tag: Option<String>,
    /// The digest with its algorithm: `sha256:…`.
    pub digest: Option<String>,
}

/// Why a text is not an image reference.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ImageError {
    /// There is no repository.
    Empty,
    /// The repository has upper case after the registry.
    UpperCase,
    /// The repository breaks the grammar.
    Repository,
    /// The repository is too long.
    TooLong,
    /// The tag breaks the grammar.
    Tag,
    /// The digest breaks the grammar.
    Digest,
    /// The digest does not have the length of its algorithm, or is not lower-case hexadecimal.
    DigestLength {
        /// The hexadecimal digits that the algorithm has.
        expected: usize,
    },
    /// 64 hexadecimal digits: an image's id, which is not a name.
    Identifier,
}

impl fmt::Display for ImageError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => formatter.write_str("the repository is missing"),
            Self::UpperCase => formatter.write_str("the repository must be lower case"),
            Self::Repository => formatter.write_str("the repository is not well formed"),
            Self::TooLong => write!(formatter, "the repository is longer than {LONGEST_REPOSITORY} characters"),
            Self::Tag => write!(
                formatter,
                "the tag is not of at most {LONGEST_TAG} letters, digits, `_`, `.` and `-`, the first no `.` or `-`"
            ),
            Self::Digest => formatter.write_str("the digest is not an algorithm, `:` and hexadecimal digits"),
            Self::DigestLength { expected } => write!(formatter, "the digest must have {expected} lower-case hexadecimal digits"),
            Self::Identifier => formatter.write_str("64 hexadecimal digits are an image's id and no name"),
        }
    }
}

impl std::error::Error for ImageError {}

impl FromStr for ImageReference {
    type Err = ImageError;

    fn from_str(text: &str) -> Result<Self, ImageError> {
        if text.len() == 64 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')) {
            return Err(ImageError::Identifier);
        }
        let (name, digest) = match text.split_once('@') {
            Some((name, digest)) => (name, Some(digest)),
            None => (text, None),
        };
        if let Some(digest) = digest {
            check_digest(digest)?;
        }
        // A colon in the last component begins the tag; an earlier one begins the registry's port.
        let last_part = name.rfind('/').map_or(0, |at| at + 1);
        let (repository, tag) = match name[last_part..].find(':') {
            Some(colon) => (&name[..last_part + colon], Some(&name[last_part + colon + 1..])),
            None => (name, None),
        };
        check_repository(repository)?;
        if let Some(tag) = tag {
            check_tag(tag)?;
        }
        Ok(Self { repository: repository.to_owned(), tag: tag.map(str::to_owned), digest: digest.map(str::to_owned) })
    }
}

fn check_repository(repository: &str) -> Result<(), ImageError> {
    if repository.is_empty() {
        return Err(ImageError::Empty);
    }
    if repository.len() > LONGEST_REPOSITORY {
        return Err(ImageError::TooLong);
    }
    if is_path(repository) {
        return Ok(());
    }
    let path = repository.split_once('/').map_or(repository, |(_, path)| path);
    let is_registry = registry_of(repository).is_some();
    if is_registry && is_path(path) {
        return Ok(());
    }
    let lower = path.to_ascii_lowercase();
    let path_alone = is_registry || !repository.contains('/');
    if lower != path && ((path_alone && is_path(&lower)) || is_path(&repository.to_ascii_lowercase())) {
        return Err(ImageError::UpperCase);
    }
    Err(ImageError::Repository)
}

/// Whether the first component is a host: it has a `.`, a `:` or upper case, or is `localhost`; an `IPv6` address is in brackets.
fn is_registry(text: &str) -> bool {
    if let Some(rest) = text.strip_prefix('[') {
        let Some((address, port)) = rest.split_once(']') else { return false };
        let digits = !address.is_empty() && address.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b':');
        return digits && (port.is_empty() || port.strip_prefix(':').is_some_and(is_port));
    }
    let (host, port) = match text.split_once(':') {
        Some((host, port)) => (host, Some(port)),
        None => (text, None),
    };
    let looks_like_one =
        port.is_some() || host == "localhost" || host.contains('.') || host.bytes().any(|byte| byte.is_ascii_uppercase());
    looks_like_one && port.is_none_or(is_port) && host.split('.').all(is_host_part)
}

fn is_port(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_host_part(part: &str) -> bool {
    !part.is_empty()
        && !part.starts_with('-')
        && !part.ends_with('-')
        && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

fn is_path(text: &str) -> bool {
    text.split('/').all(is_path_component)
}

/// Lower-case letters and digits, joined by `.`, `_`, `__` or any number of `-`.
fn is_path_component(component: &str) -> bool {
    let alphanumeric = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let mut rest = component;
    loop {
        let separator = rest.trim_start_matches(alphanumeric);
        if separator.len() == rest.len() {
            return false;
        }
        if separator.is_empty() {
            return true;
        }
        rest = separator.trim_start_matches(['.', '_', '-']);
        let separator = &separator[..separator.len() - rest.len()];
        if !(matches!(separator, "." | "_" | "__") || separator.bytes().all(|byte| byte == b'-')) {
            return false;
        }
    }
}

fn check_tag(tag: &str) -> Result<(), ImageError> {
    let word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    let fits = tag.bytes().next().is_some_and(word) && tag.bytes().all(|byte| word(byte) || matches!(byte, b'.' | b'-'));
    if fits && tag.len() <= LONGEST_TAG { Ok(()) } else { Err(ImageError::Tag) }
}

fn check_digest(digest: &str) -> Result<(), ImageError> {
    let (algorithm, hex) = digest.split_once(':').ok_or(ImageError::Digest)?;
    let component =
        |part: &str| part.starts_with(|c: char| c.is_ascii_alphabetic()) && part.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if !algorithm.split(['+', '.', '-', '_']).all(component) || !hex.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(ImageError::Digest);
    }
    let expected = match algorithm {
        "sha256" => 64,
        "sha384" => 96,
        "sha512" => 128,
        _ if hex.len() >= 32 => return Ok(()),
        _ => return Err(ImageError::Digest),
    };
    let lower = !hex.bytes().any(|byte| byte.is_ascii_uppercase());
    if hex.len() == expected && lower { Ok(()) } else { Err(ImageError::DigestLength { expected }) }
}

impl ImageReference {
    /// The registry that the reference names, with its port; `None` if it names none, which means Docker Hub.
    ///
    /// ```
    /// let image: flare_site_config::image::ImageReference = "Registry:5000/nvflare/nvflare:2.8.3".parse().unwrap();
    /// assert_eq!(image.registry(), Some("Registry:5000"));
    /// ```
    pub fn registry(&self) -> Option<&str> {
        registry_of(&self.repository)
    }
}

/// The registry with which an image's name begins: its first component, if that is a host. Tag and digest may follow.
pub fn registry_of(name: &str) -> Option<&str> {
    name.split_once('/').map(|(first, _)| first).filter(|first| is_registry(first))
}

impl fmt::Display for ImageReference {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.repository)?;
        if let Some(tag) = &self.tag {
            write!(formatter, ":{tag}")?;
        }
        if let Some(digest) = &self.digest {
            write!(formatter, "@{digest}")?;
        }
        Ok(())
    }
}

//! The format of the manifest: lines of JSON, each with one key that says what the line describes.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

use crate::KitOwner;

/// The path of the manifest in the tar file.
pub const MANIFEST: &str = ".flare-kube-backup.jsonl";

/// The version of the format that this release writes, and the newest one that it reads.
pub(crate) const FORMAT_VERSION: u64 = 1;

/// The size of the blocks in which files are read, in bytes.
pub(crate) const BLOCK: usize = 1 << 20;

/// A path below the workspace volume, as bytes, since a name need not be UTF-8.
///
/// In JSON it is text; a path that is not UTF-8 or begins like this escape is `bytes:` and hex digits.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct PathBytes(pub(crate) Vec<u8>);

const ESCAPE: &str = "bytes:";

impl PathBytes {
    /// The path for messages.
    pub(crate) fn shown(&self) -> String {
        String::from_utf8_lossy(&self.0).into_owned()
    }

    /// Whether it is a valid path below a volume: relative, without `..`.
    fn is_sound(&self) -> bool {
        !self.0.contains(&0) && self.0.split(|byte| *byte == b'/').all(|part| !matches!(part, b"" | b"." | b".."))
    }
}

impl fmt::Debug for PathBytes {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:?}", self.shown())
    }
}

impl Serialize for PathBytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match std::str::from_utf8(&self.0) {
            Ok(text) if !text.starts_with(ESCAPE) => serializer.serialize_str(text),
            _ => {
                let digits: String = self.0.iter().map(|byte| format!("{byte:02x}")).collect();
                serializer.serialize_str(&format!("{ESCAPE}{digits}"))
            }
        }
    }
}

impl<'de> Deserialize<'de> for PathBytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let bytes = match text.strip_prefix(ESCAPE) {
            None => Some(text.into_bytes()),
            Some(digits) => {
                digits.as_bytes().chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect()
            }
        };
        bytes.map(Self).ok_or_else(|| D::Error::custom("no path"))
    }
}

/// The owner of a backup, and where it was created.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Head {
    pub(crate) format_version: u64,
    /// The release of flare-kube that created it.
    pub(crate) flare_kube: String,
    pub(crate) owner: KitOwner,
    pub(crate) namespace: String,
    pub(crate) claim: String,
    /// Whether it contains `startup/`, `local/` and private keys.
    pub(crate) keys: bool,
}

/// The number of files and their total size.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Total {
    pub(crate) files: u64,
    pub(crate) bytes: u64,
}

/// One line of the manifest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Line {
    /// The first line.
    Backup(Head),
    /// What is restored as a whole; the entries up to the next item belong to it. `what` is the name in `--what`.
    Item {
        path: PathBytes,
        what: String,
    },
    Directory {
        path: PathBytes,
        mode: u32,
        mtime: u64,
    },
    File {
        path: PathBytes,
        mode: u32,
        mtime: u64,
        size: u64,
        sha256: String,
    },
    /// A symbolic link.
    Link {
        path: PathBytes,
        target: LinkTarget,
        mtime: u64,
    },
    /// A path that was not saved, and why.
    LeftOut {
        path: PathBytes,
        why: String,
    },
    /// The last line.
    End(Total),
}

/// The target of a symbolic link: any bytes, in JSON like a path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct LinkTarget(pub(crate) PathBytes);

impl Line {
    /// The path of the line's entry in the tar file.
    pub(crate) fn entry(&self) -> Option<&PathBytes> {
        match self {
            Self::Directory { path, .. } | Self::File { path, .. } | Self::Link { path, .. } => Some(path),
            _ => None,
        }
    }

    /// Whether all its paths are valid.
    pub(crate) fn is_sound(&self) -> bool {
        match self {
            Self::Item { path, .. } => path.is_sound(),
            other => other.entry().is_none_or(PathBytes::is_sound),
        }
    }

    pub(crate) fn write(&self) -> Vec<u8> {
        let mut line = serde_json::to_vec(self).expect("every field above has a meaning in JSON");
        line.push(b'\n');
        line
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_path_comes_back_as_it_was() {
        for path in [&b"a/b"[..], b"line\nfeed", b"\xff\xfe", b"bytes:61", b"-x", "ü".as_bytes()] {
            let line = Line::Item { path: PathBytes(path.to_vec()), what: "jobs".to_owned() };
            let written = line.write();
            assert_eq!(written.iter().position(|byte| *byte == b'\n'), Some(written.len() - 1));
            assert_eq!(serde_json::from_slice::<Line>(&written).expect("it can be read"), line);
        }
        for wrong in [r#"{"item":{"path":"bytes:zz","what":"jobs"}}"#, r#"{"item":{"path":"bytes:ü","what":"jobs"}}"#] {
            assert!(serde_json::from_str::<Line>(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_path_that_leads_elsewhere_is_not_sound() {
        for (path, sound) in
            [("a/b", true), ("", false), ("/a", false), ("a//b", false), ("../a", false), ("a/.", false), ("a\0", false)]
        {
            let path = PathBytes(path.as_bytes().to_vec());
            assert_eq!(Line::Item { path: path.clone(), what: String::new() }.is_sound(), sound, "{path:?}");
        }
    }
}

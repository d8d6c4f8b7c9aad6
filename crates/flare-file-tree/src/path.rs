//! Paths below a directory.

use std::{
    cmp::Ordering,
    fmt,
    os::unix::ffi::OsStrExt as _,
    path::{Component, Path, PathBuf},
    sync::Arc,
};

/// A path below a directory: relative, not empty, without `.`, `..` and NUL, in its shortest form. Ordered component by
/// component, so that `a/b` comes before `a-b`, as FLARE's staging sorts. Names need not be UTF-8. Copies share their text.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RelativePath(Arc<Path>);

/// A path that is absolute, is empty, leads out of its directory or contains a NUL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidPath(pub PathBuf);

impl fmt::Display for InvalidPath {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "`{}` is not a path below a directory", flare_diagnostic::printable(&self.0.to_string_lossy()))
    }
}

impl std::error::Error for InvalidPath {}

impl RelativePath {
    /// Accepts a path that stays below its directory; double slashes, a slash at the end and inner `.` are dropped.
    pub fn new(path: impl Into<PathBuf>) -> Result<Self, InvalidPath> {
        let path = path.into();
        let inside = path.components().all(|component| matches!(component, Component::Normal(_)));
        if !inside || path.components().next().is_none() || path.as_os_str().as_bytes().contains(&0) {
            return Err(InvalidPath(path));
        }
        // Equal paths must have equal bytes, because digests are computed over bytes.
        let shortest: PathBuf = path.components().collect();
        Ok(Self(shortest.into()))
    }

    /// A path written in the source code.
    ///
    /// # Panics
    /// If the text is not such a path, which the first test that reaches it shows.
    pub fn literal(path: &'static str) -> Self {
        Self::new(path).expect("a literal path is relative and stays inside")
    }

    /// The path.
    pub fn as_path(&self) -> &Path {
        &self.0
    }

    /// The path in bytes, as on disk.
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_os_str().as_bytes()
    }

    /// The path of something below this one.
    #[must_use]
    pub fn join(&self, below: &Self) -> Self {
        Self(self.0.join(&below.0).into())
    }

    /// The path relative to a directory; `None` if it is not below that directory, or is that directory.
    pub fn below(&self, directory: &Path) -> Option<Self> {
        let rest = self.0.strip_prefix(directory).ok()?;
        Self::new(rest).ok()
    }

    /// The last name.
    pub(crate) fn name(&self) -> &std::ffi::OsStr {
        self.0.file_name().unwrap_or_default()
    }

    /// How many names the path has, at least one.
    pub(crate) fn depth(&self) -> usize {
        self.0.components().count()
    }
}

/// As [`Path`] compares, which splits both paths anew each time; in the shortest form the bytes decide, a separator before all others.
impl Ord for RelativePath {
    fn cmp(&self, other: &Self) -> Ordering {
        let (one, two) = (self.as_bytes(), other.as_bytes());
        let rank = |byte: &u8| if *byte == b'/' { 0 } else { *byte };
        match one.iter().zip(two).find(|(one, two)| one != two) {
            Some((one, two)) => rank(one).cmp(&rank(two)),
            None => one.len().cmp(&two.len()),
        }
    }
}

impl PartialOrd for RelativePath {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// Shows the path for users: what is not UTF-8 is replaced, control characters are escaped.
impl fmt::Display for RelativePath {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&flare_diagnostic::printable(&self.0.to_string_lossy()))
    }
}

impl std::borrow::Borrow<Path> for RelativePath {
    fn borrow(&self) -> &Path {
        &self.0
    }
}

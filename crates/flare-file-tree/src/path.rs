//! Paths below a folder.

use std::{fmt, path::{Component, Path, PathBuf}};

/// A path below a folder: relative, not empty, without `.` and `..`. Ordered component by component, so that `a/b`
/// stands before `a-b`, as FLARE's staging sorts.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RelativePath(PathBuf);

/// A path that is absolute, empty, or leads out of its folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidPath(pub PathBuf);

impl fmt::Display for InvalidPath {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "`{}` is not a path below a folder", self.0.display())
    }
}

impl std::error::Error for InvalidPath {}

impl RelativePath {
    /// Takes a path that stays below its folder.
    pub fn new(path: impl Into<PathBuf>) -> Result<Self, InvalidPath> {
        let path = path.into();
        let inside = path.components().all(|component| matches!(component, Component::Normal(_)));
        if inside && path.components().next().is_some() { Ok(Self(path)) } else { Err(InvalidPath(path)) }
    }

    /// A path that stands in the source code.
    ///
    /// # Panics
    /// Where the text is no such path: a mistake that the first test that reaches it finds.
    pub fn literal(path: &'static str) -> Self {
        Self::new(path).expect("a literal path is relative and stays inside")
    }

    /// The path.
    pub fn as_path(&self) -> &Path {
        &self.0
    }
}

impl fmt::Display for RelativePath {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.0.display())
    }
}

impl std::borrow::Borrow<Path> for RelativePath {
    fn borrow(&self) -> &Path {
        &self.0
    }
}

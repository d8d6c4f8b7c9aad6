//! Paths in the parent's container, handled as text, without access to a disk.

use std::fmt;

use flare_names::{PathParts, path_below, path_parts};

/// A file that a launch may need.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SitePath {
    /// A path below the parent's workspace, relative to it, in its shortest form: to be read below `--kit`.
    BelowKit(String),
    /// A path outside the workspace, to be read unchanged.
    AsItStands(String),
}

impl SitePath {
    /// Where a path of the request is read; `workspace` is absolute.
    pub(crate) fn of(workspace: &str, path: &str) -> Self {
        match path_below(workspace, path) {
            Some(relative) => Self::BelowKit(relative),
            None => Self::AsItStands(path.to_owned()),
        }
    }

    /// A file of the kit's `local/`.
    pub(crate) fn local(name: &str) -> Self {
        Self::BelowKit(format!("local/{name}"))
    }
}

/// The study runtime file (2.9), in `local/`.
pub(crate) const STUDY_RUNTIME: &str = "study_runtime.yaml";
/// The study data file, which `prepare` puts in `local/`.
pub(crate) const STUDY_DATA: &str = "study_data.yaml";

impl fmt::Display for SitePath {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BelowKit(path) | Self::AsItStands(path) => formatter.write_str(path),
        }
    }
}

pub(crate) fn is_absolute(path: &str) -> bool {
    path.starts_with('/')
}

/// A relative path in its shortest form; `None` if it is absolute, is empty, or leads out of its starting directory.
pub(crate) fn inside(path: &str) -> Option<String> {
    if is_absolute(path) {
        return None;
    }
    let PathParts { names, leaves_start } = path_parts(path);
    (!leaves_start && !names.is_empty()).then(|| names.join("/"))
}

/// `relative` below `directory`; a slash at the end of `directory` is not doubled.
pub(crate) fn join(directory: &str, relative: &str) -> String {
    let slash = if directory.ends_with('/') { "" } else { "/" };
    format!("{directory}{slash}{relative}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_resolved_as_text() {
        for (path, expected) in [
            ("pods/a.yaml", Some("pods/a.yaml")),
            ("./a/../b.yaml", Some("b.yaml")),
            ("../a", None),
            ("a/../../b", None),
            ("/a", None),
            ("", None),
            (".", None),
        ] {
            assert_eq!(inside(path).as_deref(), expected, "{path}");
        }
        assert_eq!(join("/w/", "startup"), "/w/startup");
        assert_eq!(join("/w", "."), "/w/.");
    }
}

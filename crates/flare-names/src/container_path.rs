//! Paths in a container, handled as text: the file system they refer to is on another machine.

/// The parts of a path in a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PathParts<'path> {
    /// The names of the path, with empty parts, `.` and `..` resolved in the text. A `..` at the start is dropped, as at `/`.
    pub names: Vec<&'path str>,
    /// Whether a `..` was dropped, so that a relative path leads out of its starting directory.
    pub leaves_start: bool,
}

/// The parts of a path in a container, absolute or relative.
///
/// The command line resolves paths of this machine in the same way, except that they need not be UTF-8 and
/// `std::path` splits them.
///
/// ```
/// let path = flare_names::path_parts("/a//./b/../c/");
/// assert_eq!(path.names, ["a", "c"]);
/// assert!(flare_names::path_parts("a/../../b").leaves_start);
/// ```
pub fn path_parts(path: &str) -> PathParts<'_> {
    let mut parts = PathParts { names: Vec::new(), leaves_start: false };
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => parts.leaves_start |= parts.names.pop().is_none(),
            name => parts.names.push(name),
        }
    }
    parts
}

/// A path in a container relative to a directory there, both absolute; `.` for the directory itself. `None` if the path is outside, or
/// not absolute. Both are resolved in the text, as [`path_parts`] does.
///
/// ```
/// assert_eq!(flare_names::path_below("/w", "/w/a/../b").as_deref(), Some("b"));
/// assert_eq!(flare_names::path_below("/w", "/w/../x"), None);
/// ```
pub fn path_below(directory: &str, path: &str) -> Option<String> {
    if !path.starts_with('/') {
        return None;
    }
    let (directory, path) = (path_parts(directory).names, path_parts(path).names);
    let rest = path.strip_prefix(directory.as_slice())?;
    Some(if rest.is_empty() { ".".to_owned() } else { rest.join("/") })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_resolved_as_text() {
        for (path, names, leaves_start) in [
            ("", &[] as &[_], false),
            (".", &[], false),
            ("/", &[], false),
            ("/var/tmp", &["var", "tmp"], false),
            ("//var/./tmp/", &["var", "tmp"], false),
            ("a/../b", &["b"], false),
            ("a/..", &[], false),
            ("..", &[], true),
            ("/..", &[], true),
            ("a/../../b", &["b"], true),
            ("...", &["..."], false),
            ("..a/.b", &["..a", ".b"], false),
        ] {
            assert_eq!(path_parts(path), PathParts { names: names.to_vec(), leaves_start }, "{path}");
        }
    }

    #[test]
    fn a_path_is_below_a_directory_wherever_its_text_leads() {
        for (directory, path, expected) in [
            ("/w", "/w/a/../b", Some("b")),
            ("/w/", "/w", Some(".")),
            ("/w", "/w2/a", None),
            ("/w", "/w/../x", None),
            ("/", "/x/y", Some("x/y")),
            ("/w", "w/a", None),
            ("/a/../w", "//w/./a", Some("a")),
        ] {
            assert_eq!(path_below(directory, path).as_deref(), expected, "{directory} {path}");
        }
    }
}

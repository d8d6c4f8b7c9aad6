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
}

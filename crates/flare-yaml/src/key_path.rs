//! Paths of keys, as messages and places name them.

/// The path of a key below another one; an empty path is the root. Foreign keys go through [`shown`](crate::shown) before, if the path
/// is for a message.
///
/// ```
/// assert_eq!(flare_yaml::key_path("", "parent"), "parent");
/// assert_eq!(flare_yaml::key_path("parent", "parent_port"), "parent.parent_port");
/// ```
pub fn key_path(above: &str, key: &str) -> String {
    if above.is_empty() { key.to_owned() } else { format!("{above}.{key}") }
}

//! Functions that read the values of an object. Their faults name the key, never the value.

use std::time::Duration;

use crate::{
    document::{Findings, Kind, Node, join},
    warnings::Warnings,
};

/// A required key; its value may be null.
pub(super) fn required<'node>(object: &'node Node, path: &str, key: &str, findings: &mut Findings<'_>) -> Option<&'node Node> {
    let node = object.get(key);
    if node.is_none() {
        findings.missing(object, &join(path, key));
    }
    node
}

/// A required string; it may be empty.
pub(super) fn string(object: &Node, path: &str, key: &str, findings: &mut Findings<'_>) -> Option<String> {
    let node = required(object, path, key, findings)?;
    if node.text().is_none() {
        findings.wrong(node, &join(path, key), "a string");
    }
    node.text().map(str::to_owned)
}

/// An optional string; if present, it must be neither empty nor null.
pub(super) fn nonempty_string(object: &Node, path: &str, key: &str, findings: &mut Findings<'_>) -> Option<String> {
    let node = object.get(key)?;
    let text = node.text().filter(|text| !text.is_empty());
    if text.is_none() {
        findings.wrong(node, &join(path, key), "a non-empty string");
    }
    text.map(str::to_owned)
}

/// A required object.
pub(super) fn object<'node>(parent: &'node Node, path: &str, key: &str, findings: &mut Findings<'_>) -> Option<&'node Node> {
    let node = required(parent, path, key, findings)?;
    is_object(node, &join(path, key), findings).then_some(node)
}

/// An optional object; null counts as absent.
pub(super) fn optional_object<'node>(
    parent: &'node Node,
    path: &str,
    key: &str,
    findings: &mut Findings<'_>,
) -> Option<&'node Node> {
    let node = parent.get_non_null(key)?;
    is_object(node, &join(path, key), findings).then_some(node)
}

pub(super) fn is_object(node: &Node, path: &str, findings: &mut Findings<'_>) -> bool {
    let is_object = matches!(node.kind, Kind::Object(_));
    if !is_object {
        findings.wrong(node, path, "an object");
    }
    is_object
}

/// A list of strings; empty if absent or null.
pub(super) fn string_list(object: &Node, path: &str, key: &str, findings: &mut Findings<'_>) -> Vec<String> {
    let Some(node) = object.get_non_null(key) else { return Vec::new() };
    let label = join(path, key);
    let Kind::List(items) = &node.kind else {
        findings.wrong(node, &label, "a list of strings or null");
        return Vec::new();
    };
    let mut strings = Vec::with_capacity(items.len());
    for (index, item) in items.iter().enumerate() {
        match item.text() {
            Some(text) => strings.push(text.to_owned()),
            None => findings.wrong(item, &format!("{label}[{index}]"), "a string"),
        }
    }
    strings
}

/// A required absolute path at the top level.
pub(super) fn absolute_path(root: &Node, key: &str, findings: &mut Findings<'_>) -> Option<String> {
    let node = required(root, "", key, findings)?;
    let path = node.text().filter(|path| crate::path::is_absolute(path));
    if path.is_none() {
        findings.wrong(node, key, "an absolute path");
    }
    path.map(str::to_owned)
}

/// Checks seconds as 2.9 does: a number that is not negative, or null for none.
pub(super) fn check_seconds(node: &Node, path: &str, findings: &mut Findings<'_>) {
    let fine = match &node.kind {
        Kind::Null => true,
        Kind::Number(number) => !number.is_negative(),
        _ => false,
    };
    if !fine {
        findings.wrong(node, path, "a number of seconds, 0 or more, or null");
    }
}

/// A number of seconds, 0 or more; null means for ever, [`Duration::MAX`]. Anything else counts as absent: it was reported by
/// [`check_seconds`], or this release ignores it.
pub(super) fn seconds(node: &Node) -> Option<Duration> {
    match &node.kind {
        Kind::Null => Some(Duration::MAX),
        Kind::Number(number) if !number.is_negative() => {
            let seconds: f64 = number.text.parse().ok()?;
            Some(Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX))
        }
        _ => None,
    }
}

/// Warns about a timeout of zero: a pod is never running when it is first checked.
pub(super) fn doubt_no_time(node: &Node, path: &str, warnings: &mut Warnings<'_>) {
    if matches!(&node.kind, Kind::Number(number) if number.is_zero()) {
        let message = format!("`{path}` is 0: a pod that does not run at the first look is given up");
        warnings.at(node.offset, message, "write the seconds that a pod may wait, or null for no limit");
    }
}

//! Functions that read what both study files have: names, strings, datasets.

use flare_diagnostic::{Code, Diagnostic, Faults, Place, shown};
use flare_names::ClaimName;

use super::content::Dataset;
use crate::{
    acceptable,
    document::{Findings, KeyValue, Node},
    request::utf8,
    site_files::FileContent,
    warnings::Warnings,
};

/// The text of a file that exists.
pub(super) fn text_of<'files>(content: &'files FileContent, file: &str) -> Result<&'files str, Faults> {
    match content {
        FileContent::Bytes(bytes) => utf8(bytes, file),
        FileContent::Missing => Err(unusable(file, "is missing")),
        FileContent::Unreadable => Err(unusable(file, "cannot be read")),
    }
}

fn unusable(file: &str, what: &str) -> Faults {
    let message = format!("the file `{file}` {what}");
    Diagnostic::error(Code::InvalidLaunchRequest, message).at(Place::file(file)).into()
}

/// Whether the top of a file is a mapping; anything else is a fault that names the file.
pub(super) fn top_mapping(root: &Node, file: &str, findings: &mut Findings<'_>) -> bool {
    let is_mapping = matches!(root.kind, crate::document::Kind::Object(_));
    if !is_mapping {
        findings.at(root.offset, format!("the file `{file}` must hold a mapping"), None);
    }
    is_mapping
}

/// A warning about a study file.
pub(super) fn warning(file: &str, message: String) -> Diagnostic {
    Diagnostic::warning(Code::Notice, message).at(Place::file(file))
}

/// The warning that a file with other studies lacks the job's. Jobs that are submitted without a study belong to
/// `default`, so there is no warning about a file that nobody filled in yet.
pub(super) fn study_is_missing<'name>(
    study: &str,
    known: impl Iterator<Item = &'name str> + Clone,
    file: &str,
    what: &str,
) -> Option<Diagnostic> {
    let mut known = known.peekable();
    if known.peek().is_none() && study == DEFAULT_STUDY {
        return None;
    }
    let warning = warning(file, format!("the study `{}` is not in the {what}", shown(study)));
    Some(match flare_diagnostic::closest(study, known) {
        Some(near) => warning.hint(format!("did you mean `{}`?", shown(near))),
        None => warning.hint("add the study to the file, or submit the job in a study that is there"),
    })
}

/// The study of jobs that are submitted without one.
const DEFAULT_STUDY: &str = "default";

/// Names of studies, datasets and secret mounts: `[a-z0-9]([a-z0-9_-]{0,61}[a-z0-9])?`.
pub(crate) fn is_study_name(name: &str) -> bool {
    let edge = |byte: Option<&u8>| byte.is_some_and(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    let bytes = name.as_bytes();
    bytes.len() <= 63
        && edge(bytes.first())
        && edge(bytes.last())
        && bytes.iter().all(|b| edge(Some(b)) || matches!(b, b'_' | b'-'))
}

/// Checks the name of a study, a dataset or a secret mount.
pub(super) fn check_name(entry: &KeyValue, what: &str, findings: &mut Findings<'_>) {
    if !entry.key_is_text || !is_study_name(&entry.key) {
        findings.at(
            entry.key_offset,
            format!("`{}` is not a valid name of a {what}", shown(&entry.key)),
            Some("use at most 63 lower-case letters, digits, `_` and `-`, with a letter or digit at both ends, in quotes where it reads as a number"),
        );
    }
}

/// A required string of a study file, which must not be empty.
pub(super) fn nonempty(object: &Node, path: &str, key: &str, findings: &mut Findings<'_>) -> Option<String> {
    let label = crate::document::join(path, key);
    let Some(node) = object.get(key) else {
        findings.missing(object, &label);
        return None;
    };
    let text = node.text().filter(|text| !text.is_empty());
    if text.is_none() {
        findings.wrong(node, &label, "a non-empty string");
    }
    text.map(str::to_owned)
}

/// `source` and `mode` of a dataset.
pub(super) fn dataset(
    name: &str,
    entry: &Node,
    path: &str,
    findings: &mut Findings<'_>,
    warnings: &mut Warnings<'_>,
) -> Option<Dataset> {
    let claim = nonempty(entry, path, "source", findings);
    if let (Some(claim), Some(node)) = (&claim, entry.get("source")) {
        let doubt = acceptable::name(ClaimName::new(claim), ClaimName::KIND, ClaimName::RULE);
        warnings.doubt(node.offset, &crate::document::join(path, "source"), doubt);
    }
    let label = crate::document::join(path, "mode");
    let read_only = match entry.get("mode") {
        None => {
            findings.missing(entry, &label);
            None
        }
        Some(mode) => match mode.text() {
            Some("ro") => Some(true),
            Some("rw") => Some(false),
            _ => {
                findings.wrong(mode, &label, "`ro` or `rw`");
                None
            }
        },
    };
    let offset = entry.get("source").map_or(entry.offset, |source| source.offset);
    Some(Dataset { name: name.to_owned(), claim: claim?, read_only: read_only?, offset })
}

//! A pod template as a file or inline: any Pod, kept whole. Null is as absent.

use flare_diagnostic::{Faults, Place};
use serde_json::{Map, Value};

use super::{Template, text_of, top_mapping};
use crate::{
    document::{Findings, Kind, Node},
    path::SitePath,
    site_files::SiteFiles,
};

pub(super) fn read(path: &SitePath, files: &SiteFiles) -> Result<Template, Faults> {
    let file = path.to_string();
    let text = text_of(files.file(path), &file)?;
    let mut findings = Findings::new(&file, text);
    let root = Node::from_yaml(text, &mut findings).filter(|root| top_mapping(root, &file, &mut findings));
    if let Some(root) = &root {
        check(root, &mut findings);
    }
    let faults = findings.into_sorted();
    Faults::check(faults, || Template { pod: root.as_ref().map(without_nulls).unwrap_or_default(), place: Place::file(file) })
}

/// `kind` is `Pod`, if there is one; no value is in doubt.
pub(super) fn check(root: &Node, findings: &mut Findings<'_>) {
    if let Some(kind) = root.get("kind").filter(|kind| !kind.is_falsy() && kind.text() != Some("Pod")) {
        findings.wrong(kind, "pod_template.kind", "`Pod`");
    }
    refuse_ambiguous(root, "pod_template", findings);
}

fn refuse_ambiguous(node: &Node, path: &str, findings: &mut Findings<'_>) {
    match &node.kind {
        Kind::Ambiguous => findings.wrong(node, path, "quoted"),
        Kind::List(items) => items.iter().for_each(|item| refuse_ambiguous(item, path, findings)),
        Kind::Object(entries) => {
            for entry in entries {
                refuse_ambiguous(&entry.value, &crate::document::join(path, &entry.key.escape_debug().to_string()), findings);
            }
        }
        _ => {}
    }
}

/// The value with every null of a mapping left out.
pub(super) fn without_nulls(node: &Node) -> Value {
    match &node.kind {
        Kind::List(items) => items.iter().map(without_nulls).collect(),
        Kind::Object(entries) => {
            let set = entries.iter().filter(|entry| !entry.value.is_null());
            Value::Object(set.map(|entry| (entry.key.clone(), without_nulls(&entry.value))).collect::<Map<_, _>>())
        }
        _ => node.to_json(),
    }
}

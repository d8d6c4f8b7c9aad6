//! A pod template as a file or inline: any Pod, kept whole. Null counts as absent.

use flare_diagnostic::{Checked, Faults, Place};
use serde_json::{Map, Value};

use super::{
    content::Template,
    entries::{text_of, top_mapping},
};
use crate::{
    acceptable::{self, Resource},
    document::{Findings, Kind, Node},
    path::SitePath,
    request::collected,
    site_files::SiteFiles,
    warnings::Warnings,
};

pub(super) fn read(path: &SitePath, files: &SiteFiles) -> Result<Checked<Template>, Faults> {
    let file = path.to_string();
    let text = text_of(files.file(path), &file)?;
    let (mut findings, mut warnings) = (Findings::new(&file, text), Warnings::new(&file, text));
    let root = crate::document::from_yaml(text, &mut findings).filter(|root| top_mapping(root, &file, &mut findings));
    if let Some(root) = &root {
        check(root, &mut findings, &mut warnings);
    }
    let pod = root.as_ref().map(without_nulls).unwrap_or_default();
    collected(findings, warnings).finish(|| Template { pod, place: Place::file(&*file) })
}

/// Checks that `kind` is `Pod`, if present, and that no value is ambiguous.
pub(super) fn check(root: &Node, findings: &mut Findings<'_>, warnings: &mut Warnings<'_>) {
    if let Some(kind) = root.get("kind").filter(|kind| !kind.is_falsy() && kind.text() != Some("Pod")) {
        findings.wrong(kind, "pod_template.kind", "`Pod`");
    }
    refuse_ambiguous(root, "pod_template", findings);
    if let Some(spec) = root.get("spec") {
        doubt_spec(spec, warnings);
    }
}

/// Warns about what Kubernetes refuses, except the main container's image and resources, which the launcher sets.
fn doubt_spec(spec: &Node, warnings: &mut Warnings<'_>) {
    for (key, least) in [("activeDeadlineSeconds", 1), ("terminationGracePeriodSeconds", 0)] {
        if let Some(node) = spec.get_non_null(key) {
            let path = format!("pod_template.spec.{key}");
            warnings.doubt(node.offset, &path, acceptable::seconds(node, least));
        }
    }
    for list in ["containers", "initContainers"] {
        let Some(Node { kind: Kind::List(containers), .. }) = spec.get(list) else { continue };
        for (index, container) in containers.iter().enumerate() {
            doubt_resources(container, &format!("pod_template.spec.{list}[{index}].resources"), warnings);
        }
    }
}

fn doubt_resources(container: &Node, path: &str, warnings: &mut Warnings<'_>) {
    let Some(resources) = container.get("resources") else { return };
    for kind in ["limits", "requests"] {
        for entry in resources.get(kind).map_or(&[][..], Node::entries) {
            let resource = match entry.key.as_str() {
                "cpu" => Resource::Cpu,
                "memory" => Resource::Memory,
                "ephemeral-storage" => Resource::EphemeralStorage,
                "nvidia.com/gpu" => Resource::Gpu,
                _ => continue,
            };
            let path = format!("{path}.{kind}.{}", entry.key);
            warnings.doubt(entry.value.offset, &path, acceptable::quantity(&entry.value, resource));
        }
    }
}

fn refuse_ambiguous(node: &Node, path: &str, findings: &mut Findings<'_>) {
    match &node.kind {
        Kind::Ambiguous => findings.wrong(node, path, "quoted"),
        Kind::List(items) => items.iter().for_each(|item| refuse_ambiguous(item, path, findings)),
        Kind::Object(entries) => {
            for entry in entries {
                refuse_ambiguous(&entry.value, &crate::document::join(path, &entry.key), findings);
            }
        }
        _ => {}
    }
}

/// The value without nulls in mappings.
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

//! Resources of a job that are independent of the launcher: GPUs in 2.8; GPUs, CPUs and memory in 2.9.

use flare_names::Target;
use serde_json::Value;

use super::{
    k8s_block::{Quantity, modes, unchecked},
    read,
    specs::Specs,
};
use crate::{
    acceptable::{self, Resource},
    document::{Findings, Kind, Node, join},
    origin::{Origin, Sourced},
    warnings::Warnings,
};

/// What `resource_spec` requests at the site.
#[derive(Debug, Clone, Default)]
pub(crate) struct Portable {
    pub(crate) gpus: Option<Quantity>,
    /// 2.9: replaces limit and request of the k8s block.
    pub(crate) cpu: Option<Sourced<Value>>,
    pub(crate) memory: Option<Sourced<Value>>,
}

pub(super) fn read(specs: &Specs<'_>, target: Target, findings: &mut Findings<'_>, warnings: &mut Warnings<'_>) -> Portable {
    let site = specs.resource(specs.site, findings);
    if target.capabilities().portable_resources {
        portable(specs, site, target, findings, warnings)
    } else {
        flat_gpus(site, target, warnings)
    }
}

fn is_nested(site: &Node, target: Target) -> bool {
    site.entries().iter().any(|entry| modes(target).contains(&entry.key.as_str()))
}

/// 2.8: `num_of_gpus` of the site's block, unless the block is nested by mode. Not checked.
fn flat_gpus(site: Option<(&Node, String)>, target: Target, warnings: &mut Warnings<'_>) -> Portable {
    let flat = site.filter(|(site, _)| !is_nested(site, target));
    let gpus = flat.and_then(|(site, path)| Some((site.get("num_of_gpus")?, join(&path, "num_of_gpus"))));
    if let Some((node, path)) = &gpus {
        warnings.doubt(node.offset, path, acceptable::quantity(node, Resource::Gpu));
    }
    Portable { gpus: gpus.map(|(node, _)| Sourced::new(unchecked(node), Origin::ResourceSite)), ..Portable::default() }
}

/// 2.9: `@default` of the spec, overlaid by the site's (process) block; without `@default`, the site's block if it is flat.
fn portable(
    specs: &Specs<'_>,
    site: Option<(&Node, String)>,
    target: Target,
    findings: &mut Findings<'_>,
    warnings: &mut Warnings<'_>,
) -> Portable {
    let mut blocks = Vec::new();
    let opted_in = specs.resource.is_some_and(|spec| spec.get("@default").is_some());
    match site {
        Some((site, path)) if !is_nested(site, target) => blocks.push((site, path, Origin::ResourceSite)),
        Some((site, path)) if opted_in => {
            let path = join(&path, "process");
            if let Some(process) = site.get("process")
                && read::is_object(process, &path, findings)
            {
                blocks.push((process, path, Origin::ResourceSite));
            }
        }
        _ => {}
    }
    if opted_in
        && specs.site != "@default"
        && let Some((default, path)) = specs.resource("@default", findings)
    {
        blocks.push((default, path, Origin::ResourceDefault));
    }
    let resolved = Resolved(blocks);
    let portable = resolved.check(findings);
    resolved.doubt(&portable, warnings);
    portable
}

/// The blocks that count, by descending precedence.
struct Resolved<'node>(Vec<(&'node Node, String, Origin)>);

impl<'node> Resolved<'node> {
    fn check(&self, findings: &mut Findings<'_>) -> Portable {
        let gpus = self.whole_number("num_of_gpus", 0, findings);
        let cpu = self.whole_number("num_of_cpus", 1, findings);
        Portable {
            gpus: gpus.map(|(node, origin)| Sourced::new(unchecked(node), origin)),
            cpu: cpu.and_then(|(node, origin)| number_text(node).map(|text| Sourced::new(Value::String(text), origin))),
            memory: self.memory(findings),
        }
    }

    /// Warns about valid amounts that no node has.
    fn doubt(&self, portable: &Portable, warnings: &mut Warnings<'_>) {
        for (key, resource, is_valid) in [
            ("num_of_gpus", Resource::Gpu, portable.gpus.is_some()),
            ("num_of_cpus", Resource::Cpu, portable.cpu.is_some()),
            ("memory", Resource::Memory, portable.memory.is_some()),
        ] {
            if let Some((node, path, _)) = self.get(key).filter(|_| is_valid) {
                warnings.doubt(node.offset, &path, acceptable::quantity(node, resource));
            }
        }
    }

    fn get(&self, key: &str) -> Option<(&'node Node, String, Origin)> {
        self.0.iter().find_map(|(block, path, origin)| block.get(key).map(|node| (node, join(path, key), *origin)))
    }

    fn whole_number(&self, key: &str, least: u8, findings: &mut Findings<'_>) -> Option<(&'node Node, Origin)> {
        let (node, path, origin) = self.get(key)?;
        let fits = match &node.kind {
            Kind::Number(number) => number.integer && !number.is_negative() && (least == 0 || !number.is_zero()),
            _ => false,
        };
        if !fits {
            findings.wrong(node, &path, &format!("a whole number, {least} or more"));
        }
        fits.then_some((node, origin))
    }

    fn memory(&self, findings: &mut Findings<'_>) -> Option<Sourced<Value>> {
        let (node, path, origin) = self.get("memory")?;
        let memory = node.text().filter(|text| is_portable_memory(text));
        if memory.is_none() {
            findings.wrong(node, &path, "a string: a whole number, 1 or more, followed by Mi, Gi or Ti");
        }
        memory.map(|text| Sourced::new(Value::String(text.to_owned()), origin))
    }
}

fn number_text(node: &Node) -> Option<String> {
    if let Kind::Number(number) = &node.kind { Some(number.text.clone()) } else { None }
}

fn is_portable_memory(text: &str) -> bool {
    let number = ["Mi", "Gi", "Ti"].into_iter().find_map(|unit| text.strip_suffix(unit));
    number.is_some_and(|number| !number.starts_with('0') && !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()))
}

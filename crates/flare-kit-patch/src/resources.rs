//! `local/resources.json.default`, and `local/resources.json`, which would take its place.

use flare_diagnostic::Diagnostic;
use flare_file_tree::FileTree;
use flare_names::Role;
use flare_site_plan::SitePlan;

use crate::{Edits, components, layout, source, source::Source, storage};
use flare_yaml::json::{Kind, Object};

pub(crate) const DEFAULT_FILE: &str = "local/resources.json.default";
pub(crate) const ACTIVE_FILE: &str = "local/resources.json";

pub(crate) fn edit(
    kit: &FileTree,
    plan: &SitePlan,
    edits: &mut Edits,
    warnings: &mut Vec<Diagnostic>,
) -> Result<(), Vec<Diagnostic>> {
    let mut faults = Vec::new();
    match edited(kit, plan, warnings) {
        Ok(text) => edits.written.push((DEFAULT_FILE, text)),
        Err(found) => faults.extend(found),
    }
    edits.remove(kit, ACTIVE_FILE).unwrap_or_else(|found| faults.extend(found));
    if faults.is_empty() { Ok(()) } else { Err(faults) }
}

fn edited(kit: &FileTree, plan: &SitePlan, warnings: &mut Vec<Diagnostic>) -> Result<String, Vec<Diagnostic>> {
    let Some(source) = Source::read(kit, DEFAULT_FILE)? else {
        let fault = source::fault(DEFAULT_FILE, format!("there is no `{DEFAULT_FILE}`"));
        return Err(vec![fault.hint("take the kit as it was provisioned")]);
    };
    let raw = source.text.trim_start();
    let Some(mut resources) = Object::parse(raw) else {
        let message = format!("`{DEFAULT_FILE}` must hold a JSON object, not {}", Kind::of(raw));
        return Err(vec![source.fault(raw, message).hint("take the file from the kit as it was provisioned")]);
    };
    let components = components::edit(&source, resources.get("components"), plan, warnings)?;
    resources.set_raw("components", components);
    if plan.role == Role::Server {
        storage::snapshot_persistor(&source, &mut resources, plan, warnings);
    }
    Ok(layout::pretty_print(&resources.write(), layout::indent_of(source.text)))
}

//! `local/resources.json.default`, and `local/resources.json`, which would override it.

use flare_diagnostic::{Collector, Faults};
use flare_file_tree::FileTree;
use flare_names::Role;
use flare_site_plan::SitePlan;

use crate::{components, edits::Edits, json_file, json_file::JsonFile, layout, storage};
use flare_yaml::json::{Kind, Object};

pub(crate) const DEFAULT_FILE: &str = "local/resources.json.default";
pub(crate) const ACTIVE_FILE: &str = "local/resources.json";

pub(crate) fn edit(kit: &FileTree, plan: &SitePlan, edits: &mut Edits, found: &mut Collector) {
    let text = edited(kit, plan, found);
    edits.written.extend(found.keep(text).map(|text| (DEFAULT_FILE, text)));
    found.keep(edits.remove(kit, ACTIVE_FILE));
}

fn edited(kit: &FileTree, plan: &SitePlan, found: &mut Collector) -> Result<String, Faults> {
    let Some(source) = JsonFile::read(kit, DEFAULT_FILE)? else {
        let fault = json_file::fault(DEFAULT_FILE, format!("there is no `{DEFAULT_FILE}`"));
        return Err(fault.hint("take the kit as it was provisioned").into());
    };
    let raw = source.text.trim_start();
    let Some(mut resources) = Object::parse(raw) else {
        let message = format!("`{DEFAULT_FILE}` must hold a JSON object, not {}", Kind::of(raw));
        return Err(source.fault(raw, message).hint("take the file from the kit as it was provisioned").into());
    };
    let components = components::edit(&source, resources.get("components"), plan, found)?;
    resources.set_raw("components", components);
    if plan.role == Role::Server {
        storage::snapshot_persistor(&source, &mut resources, plan, found);
    }
    Ok(layout::pretty_print(&resources.write(), layout::indent_of(source.text)))
}

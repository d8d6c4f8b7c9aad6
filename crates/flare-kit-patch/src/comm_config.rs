//! `local/comm_config.json`: where job pods find their parent.

use flare_diagnostic::{Code, Collector, Diagnostic, Faults, shown};
use flare_file_tree::FileTree;
use flare_site_plan::{InternalSecurity, SitePlan};

use crate::{edits::Edits, json_file::JsonFile, layout};
use flare_yaml::json::{Kind, Object};

const FILE: &str = "local/comm_config.json";

/// What FLARE uses if a kit has no such file.
const DEFAULT: &str = r#"{"allow_adhoc_conns":false,"backbone_conn_gen":2,"internal":{"scheme":"tcp","resources":{}}}"#;

/// A scheme for processes on one machine, which some releases refuse and others overwrite.
const SHARED_FILE: &str = "shared-file";

pub(crate) fn edit(kit: &FileTree, plan: &SitePlan, edits: &mut Edits, found: &mut Collector) -> Result<(), Faults> {
    let source = JsonFile::read(kit, FILE)?.unwrap_or(JsonFile { file: FILE, text: DEFAULT });
    let mut config = object(&source, source.text.trim_start(), None)?;
    let internal = internal(&source, &config, plan, found)?;
    config.set_raw("internal", internal);
    edits.written.push((FILE, layout::pretty_print(&config.write(), layout::indent_of(source.text))));
    Ok(())
}

/// The new text of `internal`.
fn internal(source: &JsonFile<'_>, config: &Object<'_>, plan: &SitePlan, found: &mut Collector) -> Result<String, Faults> {
    let mut internal = object(source, config.get("internal").unwrap_or("{}"), Some("internal"))?;
    let mut faults = Collector::new();
    if plan.refuses_shared_file() && internal.text("scheme").as_deref() == Some(SHARED_FILE) {
        let message = format!("`internal.scheme` in `{FILE}` is `{SHARED_FILE}`, which needs one machine for all processes");
        let scheme = internal.get("scheme").unwrap_or_default();
        faults.push(source.fault(scheme, message).hint("set it to `tcp`, or take the kit as it was provisioned"));
    }
    let resources = faults.keep(object(source, internal.get("resources").unwrap_or("{}"), Some("internal.resources")));
    let mut resources = faults.finish_some(resources)?.value;
    found.extend(downgrade(source, &resources, plan));
    resources.set("host", &plan.names.service.as_str());
    resources.set("port", &plan.ports.parent());
    resources.set("connection_security", &plan.internal_connection.security.as_str());
    let resources = resources.write();
    internal.set("scheme", &"tcp");
    internal.set_raw("resources", resources);
    Ok(internal.write())
}

/// Defect 17: the warning that the kit asks for more security than it gets.
fn downgrade(source: &JsonFile<'_>, resources: &Object<'_>, plan: &SitePlan) -> Option<Diagnostic> {
    let asked = resources.text("connection_security").filter(|security| security != "clear")?;
    let raw = resources.get("connection_security")?;
    (plan.internal_connection.security == InternalSecurity::Clear).then(|| {
        let message = format!("`internal.resources.connection_security` of the kit is `{}` and becomes `clear`", shown(&asked));
        Diagnostic::warning(Code::ClearInternalLink, message).hint(plan.clear_link_hint()).at(source.place(raw))
    })
}

/// Takes an object apart; `key` names it in the fault, `None` is the whole file.
fn object<'text>(source: &JsonFile<'_>, raw: &'text str, key: Option<&str>) -> Result<Object<'text>, Diagnostic> {
    Object::parse(raw).ok_or_else(|| {
        let kind = Kind::of(raw);
        let message = match key {
            None => format!("`{FILE}` must hold a JSON object, not {kind}"),
            Some(key) => format!("`{key}` in `{FILE}` must be an object, not {kind}"),
        };
        source.fault(raw, message).hint("make it an object, or leave it out")
    })
}

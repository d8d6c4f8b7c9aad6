//! Checks `local/` against the plan: what job pods and their parent must agree on (defect 34), and what stops every job (33).

use flare_diagnostic::{Code, Collector, Diagnostic, Place, printable};
use flare_file_tree::FileTree;
use flare_launcher_args::{COMPONENT_ID, launcher_class};
use flare_site_plan::SitePlan;
use flare_yaml::json;
use serde_json::{Value, json};

const COMM_CONFIG: &str = "local/comm_config.json";
/// FLARE reads the first of these that exists.
const RESOURCES: [&str; 2] = ["local/resources.json", "local/resources.json.default"];
/// The files that are parsed.
pub(crate) const FILES: [&str; 3] = [COMM_CONFIG, RESOURCES[0], RESOURCES[1]];

/// Adds the facts in `local/` that no longer match the plan, each with file and key.
pub(crate) fn check(tree: &FileTree, plan: &SitePlan, found: &mut Collector) {
    check_comm_config(tree, plan, found);
    check_launcher(tree, plan, found);
}

fn check_comm_config(tree: &FileTree, plan: &SitePlan, found: &mut Collector) {
    let Some(config) = found.keep(read(tree, COMM_CONFIG)) else { return };
    let expected = [
        ("internal.scheme", json!("tcp")),
        ("internal.resources.host", json!(plan.names.service)),
        ("internal.resources.port", json!(plan.ports.parent())),
        ("internal.resources.connection_security", json!(plan.internal_connection.security)),
    ];
    found.extend(expected.iter().filter_map(|(key, expected)| compare(COMM_CONFIG, config, key, key, expected)));
}

fn check_launcher(tree: &FileTree, plan: &SitePlan, found: &mut Collector) {
    let file = RESOURCES.into_iter().find(|file| tree.is_file(file)).unwrap_or(RESOURCES[1]);
    let Some(resources) = found.keep(read(tree, file)) else { return };
    let components = json::elements(json::lookup(resources, "components").unwrap_or_default()).unwrap_or_default();
    let is_launcher = |component: &&str| json::lookup(component, "id").is_some_and(|id| json::equals(id, &COMPONENT_ID.into()));
    let Some(launcher) = components.into_iter().find(is_launcher) else {
        let message = format!("`{file}` has no component `{COMPONENT_ID}`, so no job can start");
        return found.push(fault(file, message));
    };
    let expected = [
        ("path", json!(launcher_class(plan.role))),
        ("args.namespace", json!(plan.namespace)),
        ("args.workspace_mount_path", json!(plan.workspace.mount_path)),
    ];
    let named = |key: &str| format!("{COMPONENT_ID}.{key}");
    found.extend(expected.iter().filter_map(|(key, expected)| compare(file, launcher, key, &named(key), expected)));
}

/// Defect 33.
pub(crate) fn study_conflict(tree: &FileTree, plan: &SitePlan) -> Option<Diagnostic> {
    plan.study_files_conflict(tree.is_file("local/study_data.yaml"), tree.is_file("local/study_runtime.yaml"))
}

fn read<'tree>(tree: &'tree FileTree, file: &str) -> Result<&'tree str, Diagnostic> {
    let Some(bytes) = tree.bytes(file) else { return Err(fault(file, format!("there is no `{file}`"))) };
    let text = json::decode(bytes).and_then(json::check);
    text.map_err(|fault| fault.diagnostic(file, Code::InvalidPreparedKit))
}

fn compare(file: &str, raw: &str, key: &str, shown: &str, expected: &Value) -> Option<Diagnostic> {
    let found = json::lookup(raw, key);
    (!found.is_some_and(|found| json::equals(found, expected))).then(|| {
        let found = match found {
            None => "nothing".to_owned(),
            Some(found) if found.starts_with('{') => "an object".to_owned(),
            Some(found) if found.starts_with('[') => "a list".to_owned(),
            Some(scalar) => format!("`{}`", printable(scalar)),
        };
        fault(file, format!("`{shown}` in `{file}` no longer fits the chart: expected `{expected}`, found {found}"))
    })
}

fn fault(file: &str, message: String) -> Diagnostic {
    Diagnostic::error(Code::InvalidPreparedKit, message)
        .hint("set it back, or change `k8s.yaml` and prepare the kit again")
        .at(Place::file(file))
}

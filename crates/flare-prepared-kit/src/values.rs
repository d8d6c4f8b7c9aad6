//! Checks `helm_chart/values.yaml` against the plan: values that `local/` repeats must not change (defect 34).

use flare_diagnostic::{Code, Collector, Diagnostic, Faults, Place, shown};
use flare_names::Role;
use flare_site_plan::{Ports, SitePlan};
use flare_yaml::{Node, NodeContent};
use serde_json::{Map, Value};

/// The path of the values.
pub(crate) const FILE: &str = "helm_chart/values.yaml";

/// Reads the text of values.
pub(crate) fn read(bytes: &[u8], code: Code) -> Result<Node, Faults> {
    let document = flare_yaml::parse(bytes, FILE, code)?;
    document.faults.finish(|| document.root).map(|checked| checked.value)
}

/// The values as JSON.
pub(crate) fn as_json(bytes: &[u8]) -> Result<Value, Faults> {
    read(bytes, Code::InvalidPreparedKit)?.to_json(Code::InvalidPreparedKit)
}

/// Puts values that a release gets in addition together as Helm does: mappings are merged, and any other value, a null too, replaces the
/// whole one.
pub(crate) fn merge(given: &mut Map<String, Value>, over: &Map<String, Value>) {
    for (key, value) in over {
        match (given.get_mut(key), value) {
            (Some(Value::Object(below)), Value::Object(over)) => merge(below, over),
            _ => drop(given.insert(key.clone(), value.clone())),
        }
    }
}

/// Lays values over the chart's as Helm does: mappings are merged, and any other value replaces the whole one. A null removes a key of the
/// chart; without one it stays, and a template may see it.
pub(crate) fn lay_over(values: &mut Value, over: &Map<String, Value>) {
    if !values.is_object() {
        *values = Value::Object(Map::new());
    }
    let Value::Object(entries) = values else { return };
    for (key, value) in over {
        match value {
            Value::Null if entries.contains_key(key) => drop(entries.remove(key)),
            Value::Object(below) => lay_over(entries.entry(key).or_insert(Value::Null), below),
            other => drop(entries.insert(key.clone(), other.clone())),
        }
    }
}

/// Adds the values that no longer match the kit, each with what was expected and what was found.
pub(crate) fn check(bytes: &[u8], plan: &SitePlan, found: &mut Collector) {
    let Some(values) = found.keep(read(bytes, Code::InvalidPreparedKit)) else { return };
    found.extend(expected(plan).into_iter().filter_map(|(key, expected)| compare(&values, key, expected)));
    check_args(&values, plan, found);
    found.extend(check_staged_namespace(&values, plan));
}

/// Keys with their expected text; `None` means null.
fn expected(plan: &SitePlan) -> Vec<(&'static str, Option<String>)> {
    let mut expected = vec![
        ("name", Some(plan.participant.clone())),
        ("serviceName", Some(plan.names.service.to_string())),
        ("persistence.workspace.mountPath", Some(plan.workspace.mount_path.clone())),
    ];
    match &plan.ports {
        Ports::Server { fl, admin, parent } => expected.extend([
            ("fedLearnPort", Some(fl.to_string())),
            ("adminPort", admin.map(|port| port.to_string())),
            ("parentPort", Some(parent.to_string())),
        ]),
        Ports::Client { parent } => expected.push(("port", Some(parent.to_string()))),
    }
    if plan.role == Role::Client {
        expected.push(("siteName", Some(plan.site.clone())));
    }
    expected
}

fn compare(values: &Node, key: &str, expected: Option<String>) -> Option<Diagnostic> {
    let node = lookup(values, key);
    let found = node.filter(|node| !node.is_null());
    let fits = match (&expected, found.map(|node| &node.content)) {
        (None, None) => true,
        (Some(expected), Some(NodeContent::Scalar(scalar))) => scalar.text == *expected,
        _ => false,
    };
    (!fits).then(|| {
        let expected = expected.map_or("null".to_owned(), |text| format!("`{}`", shown(&text)));
        mismatch(key, &expected, &describe(node), node)
    })
}

fn describe(node: Option<&Node>) -> String {
    match node {
        None => "nothing".to_owned(),
        Some(node) if node.is_null() => "null".to_owned(),
        Some(Node { content: NodeContent::Scalar(scalar), .. }) => format!("`{}`", shown(&scalar.text)),
        Some(node) => node.describe(),
    }
}

fn mismatch(key: &str, expected: &str, found: &str, node: Option<&Node>) -> Diagnostic {
    Diagnostic::error(
        Code::InvalidPreparedKit,
        format!("value `{key}` no longer fits the kit: expected {expected}, found {found}"),
    )
    .hint("set it back, or change `k8s.yaml` and prepare the kit again")
    .at(node.map_or_else(|| Place::file(FILE), Node::place))
}

/// Checks `args`, which repeats the workspace and the organisation.
fn check_args(values: &Node, plan: &SitePlan, found: &mut Collector) {
    let node = values.get("args");
    let Some(NodeContent::Sequence(items)) = node.map(|node| &node.content) else {
        return found.push(mismatch("args", "a list", &describe(node), node));
    };
    let text = |item: &Node| match &item.content {
        NodeContent::Scalar(scalar) => scalar.text.clone(),
        _ => String::new(),
    };
    let args: Vec<_> = items.iter().map(text).collect();
    // The first `-m` is Python's and names the module, the second is FLARE's.
    let workspace = args.iter().enumerate().filter(|(_, arg)| *arg == "-m").nth(1).map(|(at, _)| at + 1);
    let organization = args.iter().position(|arg| arg.starts_with("org="));
    let wanted = [
        ("args (-m)", workspace, plan.workspace.mount_path.clone()),
        ("args (org)", organization, format!("org={}", plan.organization)),
    ];
    for (key, at, expected) in wanted {
        let item = at.and_then(|at| items.get(at));
        if item.map(text).as_ref() != Some(&expected) {
            found.push(mismatch(key, &format!("`{}`", shown(&expected)), &describe(item), item.or(node)));
        }
    }
}

/// Defect 14: objects that were staged in another namespace cannot be mounted.
fn check_staged_namespace(values: &Node, plan: &SitePlan) -> Option<Diagnostic> {
    lookup(values, "workspaceConfig.namespace").filter(|node| !node.is_null())?;
    compare(values, "workspaceConfig.namespace", Some(plan.namespace.to_string()))
}

fn lookup<'tree>(values: &'tree Node, key: &str) -> Option<&'tree Node> {
    key.split('.').try_fold(values, |node, key| node.get(key))
}

/// Whether values record staged objects (`stage --mode objects`, and `deploy k8s stage` of the reference).
pub(crate) fn has_staged_objects(bytes: &[u8]) -> Result<bool, Faults> {
    let values = read(bytes, Code::InvalidArgs)?;
    let is_set = |key| lookup(&values, key).is_some_and(|node| !node.is_null() && !is_empty(node));
    Ok(is_set("workspaceConfig.local.configMapName") || is_set("workspaceConfig.startup.secretName"))
}

fn is_empty(node: &Node) -> bool {
    matches!(&node.content, NodeContent::Scalar(scalar) if scalar.text.is_empty())
}

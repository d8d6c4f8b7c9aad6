//! From the plan to the chart directory.

use std::sync::LazyLock;

use flare_file_tree::{FileTree, RelativePath};
use flare_names::Role;
use flare_site_plan::{ReadinessPort, SitePlan};
use flare_yaml::{Comments, Strings, commented_block, quote};
use handlebars::{Handlebars, no_escape};
use serde_json::{Map, Value, json};

use crate::{comments, sources, table, values::Values};

static SERVER_COMMENTS: LazyLock<Comments> = LazyLock::new(|| comments::of_schema(sources::schema(Role::Server)));
static CLIENT_COMMENTS: LazyLock<Comments> = LazyLock::new(|| comments::of_schema(sources::schema(Role::Client)));

/// The comments of the values, which are the same in every chart of a role.
fn comments(role: Role) -> &'static Comments {
    match role {
        Role::Server => &SERVER_COMMENTS,
        Role::Client => &CLIENT_COMMENTS,
    }
}

static TEMPLATES: LazyLock<Handlebars<'static>> = LazyLock::new(|| {
    let mut templates = Handlebars::new();
    templates.set_strict_mode(true);
    templates.register_escape_fn(no_escape);
    for (name, source) in [("chart", sources::CHART), ("readme", sources::README), ("role", sources::ROLE)] {
        templates.register_template_string(name, source).expect("an embedded template that the tests compile");
    }
    templates
});

/// Renders the chart of a plan: `Chart.yaml`, `values.yaml` with a comment on every value, `values.schema.json`, `README.md`,
/// `.helmignore` and the templates. All files have mode 0644.
///
/// `kit_fingerprint` becomes an annotation of the pod, so that a changed kit restarts the parent (defect 11); empty: none.
/// Source: `docs/behaviour.md` section 4. Cannot fail: every name in a plan is valid, and every string is quoted.
pub fn render(plan: &SitePlan, kit_fingerprint: &str) -> FileTree {
    let comments = comments(plan.role);
    let values = object(&Values::new(plan, kit_fingerprint));
    let mut tree = FileTree::new();
    let mut put = |path: &'static str, text: &[u8]| tree.insert_file(RelativePath::literal(path), text, 0o644);
    put("Chart.yaml", fill_in("chart", &chart_context(plan)).as_bytes());
    put("README.md", fill_in("readme", &readme_context(plan, &values, comments)).as_bytes());
    put("values.schema.json", sources::schema(plan.role).as_bytes());
    put("values.yaml", commented_block(&values, Strings::Quoted, comments).as_bytes());
    put("templates/role.yaml", fill_in("role", &role_context(plan)).as_bytes());
    for (path, text) in sources::COMMON.iter().chain(sources::of_role(plan.role)) {
        put(path, text.as_bytes());
    }
    tree
}

fn fill_in(template: &str, context: &Value) -> String {
    TEMPLATES.render(template, context).expect("a context with every variable of the template, which the tests render")
}

fn object(values: &Values) -> Map<String, Value> {
    match serde_json::to_value(values) {
        Ok(Value::Object(map)) => map,
        _ => unreachable!("values are a struct whose keys are strings"),
    }
}

const fn chart_name(role: Role) -> &'static str {
    match role {
        Role::Server => "nvflare-server",
        Role::Client => "nvflare-client",
    }
}

fn description(plan: &SitePlan) -> String {
    match plan.role {
        Role::Server => format!("NVFlare federated learning server for {}", plan.participant),
        Role::Client => format!("NVFlare federated learning client deployment and service for {}", plan.participant),
    }
}

fn chart_context(plan: &SitePlan) -> Value {
    let image = &plan.parent.image;
    let app_version = if image.tag.is_empty() { "latest" } else { &image.tag };
    json!({
        "chart": chart_name(plan.role),
        "description": quote(&description(plan)),
        "app_version": quote(app_version),
        "role": quote(plan.role.as_str()),
        "target": quote(plan.target.as_str()),
        "namespace": quote(plan.namespace.as_str()),
        "service": quote(plan.names.service.as_str()),
        "readiness_port": quote(match plan.readiness_port() {
            ReadinessPort::FederatedLearning => "fedLearnPort",
            ReadinessPort::Parent | ReadinessPort::None => "parentPort",
        }),
        "parent_port": quote(&plan.ports.parent().to_string()),
        "mount_path": quote(&plan.workspace.mount_path),
        "image_tag": quote(&image.tag),
        "image_digest": quote(&image.digest),
    })
}

/// What the launcher's Role grants besides access to pods.
fn role_context(plan: &SitePlan) -> Value {
    let rights = plan.launcher_rights();
    let verbs: Vec<_> = rights.secret_verbs.iter().map(|verb| quote(verb)).collect();
    json!({"reads_events": rights.reads_events, "secret_verbs": format!("[{}]", verbs.join(", "))})
}

fn readme_context(plan: &SitePlan, values: &Map<String, Value>, comments: &Comments) -> Value {
    json!({
        "chart": chart_name(plan.role),
        "description": description(plan),
        "target": plan.target.as_str(),
        "release": plan.names.release.as_str(),
        "namespace": plan.namespace.as_str(),
        "values": table::rows(values, comments),
        "name_source": match plan.role {
            Role::Server => "`name`",
            Role::Client => "`serviceName`",
        },
    })
}

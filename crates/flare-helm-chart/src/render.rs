//! From the plan to the chart directory.

use std::sync::LazyLock;

use flare_file_tree::{FileTree, RelativePath};
use flare_names::Role;
use flare_site_plan::SitePlan;
use flare_yaml::{Comments, Strings, commented_block};
use serde_json::{Map, Value};

use crate::{
    comments, sources,
    templates::{ChartFile, LauncherRole, Readme},
    values::Values,
};

static SERVER_COMMENTS: LazyLock<Comments> = LazyLock::new(|| comments::of_schema(sources::schema(Role::Server)));
static CLIENT_COMMENTS: LazyLock<Comments> = LazyLock::new(|| comments::of_schema(sources::schema(Role::Client)));

/// The comments of the values, which are the same in every chart of a role.
fn comments(role: Role) -> &'static Comments {
    match role {
        Role::Server => &SERVER_COMMENTS,
        Role::Client => &CLIENT_COMMENTS,
    }
}

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
    put("Chart.yaml", ChartFile::of(plan).text().as_bytes());
    put("README.md", Readme::of(plan, &values, comments).text().as_bytes());
    put("values.schema.json", sources::schema(plan.role).as_bytes());
    put("values.yaml", commented_block(&values, Strings::Quoted, comments).as_bytes());
    put("templates/role.yaml", LauncherRole::of(plan).text().as_bytes());
    for (path, text) in sources::COMMON.iter().chain(sources::of_role(plan.role)) {
        put(path, text.as_bytes());
    }
    tree
}

fn object(values: &Values) -> Map<String, Value> {
    match serde_json::to_value(values) {
        Ok(Value::Object(map)) => map,
        _ => unreachable!("values are a struct whose keys are strings"),
    }
}

//! Plans, kits and charts for the tests.

#[path = "../../../flare-site-plan/tests/support/plan.rs"]
mod example;

pub(crate) use example::plan;

use flare_diagnostic::{Diagnostic, Faults};
use flare_file_tree::{FileTree, RelativePath};
use flare_launcher_args::{COMPONENT_ID, launcher_class};
use flare_names::{Role, Target};
use flare_prepared_kit::{FingerprintedKit, PreparedKit};
use flare_site_plan::{Ports, SitePlan};
use serde_json::json;

pub(crate) const ROLES: [Role; 2] = [Role::Server, Role::Client];

pub(crate) fn put(tree: &mut FileTree, path: &str, text: impl Into<Vec<u8>>) {
    tree.insert_file(RelativePath::new(path).unwrap(), text, 0o644);
}

pub(crate) fn text(tree: &FileTree, path: &str) -> String {
    String::from_utf8(tree.bytes(path).unwrap_or_else(|| panic!("no {path}")).to_vec()).unwrap()
}

/// A kit after patching.
pub(crate) fn kit(plan: &SitePlan) -> FileTree {
    let mut kit = FileTree::new();
    let launcher = json!({"id": COMPONENT_ID, "path": launcher_class(plan.role), "args": plan.launcher});
    put(&mut kit, "local/resources.json.default", json!({"components": [launcher]}).to_string());
    let resources = json!({"host": plan.names.service, "port": plan.ports.parent(), "connection_security": plan.internal_connection.security});
    put(&mut kit, "local/comm_config.json", json!({"internal": {"scheme": "tcp", "resources": resources}}).to_string());
    put(&mut kit, "local/study_data.yaml", "{}\n");
    put(&mut kit, "startup/rootCA.pem", "root");
    put(&mut kit, "startup/client.key", "very secret key material");
    put(&mut kit, "transfer/job.zip", "zip");
    put(&mut kit, "readme.txt", "read me");
    kit
}

/// The part of a chart that this crate reads.
pub(crate) fn chart(plan: &SitePlan) -> FileTree {
    let ports = match &plan.ports {
        Ports::Server { fl, admin, parent } => {
            format!(
                "fedLearnPort: {fl}\nadminPort: {}\nparentPort: {parent}\n",
                admin.map_or("null".to_owned(), |port| port.to_string())
            )
        }
        Ports::Client { parent } => format!("siteName: \"{}\"\nport: {parent}\n", plan.site),
    };
    let args: String = plan.parent.args.iter().map(|arg| format!("  - \"{arg}\"\n")).collect();
    let values = format!(
        "name: \"{}\"\nserviceName: \"{}\"\n{ports}persistence:\n  workspace:\n    claimName: \"nvflws\"\n    mountPath: \"{}\"\n\
         workspaceConfig:\n  namespace: null\n  local:\n    configMapName: null\n  startup:\n    secretName: null\nargs:\n{args}",
        plan.participant, plan.names.service, plan.workspace.mount_path
    );
    let mut chart = FileTree::new();
    put(&mut chart, "Chart.yaml", "name: chart\n");
    put(&mut chart, "values.yaml", values);
    put(&mut chart, "templates/service.yaml", "kind: Service\n");
    chart
}

pub(crate) fn prepared(role: Role, target: Target) -> PreparedKit {
    let mut plan = plan(role, target);
    plan.parent.args = ["-u", "-m", "module", "-m", &plan.workspace.mount_path, "-s", "fed.json", "--set", "org=nvidia"]
        .map(str::to_owned)
        .to_vec();
    PreparedKit::assemble(plan.clone(), FingerprintedKit::new(kit(&plan)).unwrap(), chart(&plan)).unwrap()
}

/// A prepared tree with one file replaced in it.
pub(crate) fn edited(role: Role, path: &str, old: &str, new: &str) -> FileTree {
    let mut tree = prepared(role, Target::V2_8).tree().clone();
    let before = text(&tree, path);
    assert!(before.contains(old), "`{old}` is not in {before}");
    put(&mut tree, path, before.replacen(old, new, 1));
    tree
}

pub(crate) fn shown<'a>(diagnostics: impl IntoIterator<Item = &'a Diagnostic>) -> String {
    diagnostics.into_iter().map(|one| format!("{one}\n")).collect()
}

pub(crate) fn faults(tree: FileTree) -> Faults {
    PreparedKit::from_tree(tree, flare_prepared_kit::OpenOptions::default()).expect_err("a fault")
}

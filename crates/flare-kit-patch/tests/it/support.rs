//! Kits and plans for the tests.

#[path = "../../../flare-site-plan/tests/support/plan.rs"]
mod example;

pub(crate) use example::plan;

use flare_diagnostic::{Checked, Code, Diagnostic, Faults};
use flare_file_tree::{FileTree, RelativePath};
use flare_kit_patch::patch;
use flare_names::Role;
use flare_site_plan::SitePlan;
use serde_json::Value;

pub(crate) const RESOURCES: &str = "local/resources.json.default";
pub(crate) const COMM_CONFIG: &str = "local/comm_config.json";
pub(crate) const BOTH_ROLES: [Role; 2] = [Role::Server, Role::Client];

/// A kit as `provision` writes it, without its keys.
pub(crate) fn kit(role: Role) -> FileTree {
    let (resources, role_file) = match role {
        Role::Server => (include_str!("../data/server.json"), "startup/fed_server.json"),
        Role::Client => (include_str!("../data/client.json"), "startup/fed_client.json"),
    };
    let mut kit = FileTree::new();
    put(&mut kit, RESOURCES, resources);
    put(&mut kit, role_file, "{}");
    for script in ["start.sh", "sub_start.sh", "stop_fl.sh"] {
        let path = RelativePath::new(format!("startup/{script}")).unwrap();
        kit.insert_file(path, "#!/bin/bash\n", 0o755);
    }
    kit
}

pub(crate) fn put(tree: &mut FileTree, path: &str, text: impl Into<Vec<u8>>) {
    tree.insert_file(RelativePath::new(path).unwrap(), text, 0o644);
}

/// A kit whose resources are only these components.
pub(crate) fn kit_with_components(role: Role, components: &str) -> FileTree {
    let mut kit = kit(role);
    put(&mut kit, RESOURCES, format!(r#"{{"components": {components}}}"#));
    kit
}

pub(crate) fn text(tree: &FileTree, path: &str) -> String {
    String::from_utf8(tree.bytes(path).unwrap_or_else(|| panic!("no {path}")).to_vec()).unwrap()
}

pub(crate) fn json(tree: &FileTree, path: &str) -> Value {
    serde_json::from_str(&text(tree, path)).unwrap()
}

pub(crate) fn patched(kit: FileTree, plan: &SitePlan) -> Checked<FileTree> {
    patch(kit, plan).unwrap_or_else(|faults| panic!("{faults}"))
}

pub(crate) fn faults(kit: FileTree, plan: &SitePlan) -> Faults {
    patch(kit, plan).expect_err("a fault")
}

/// `file:line:column message`, one per line.
pub(crate) fn shown<'a>(diagnostics: impl IntoIterator<Item = &'a Diagnostic>) -> String {
    diagnostics.into_iter().map(|one| format!("{one}\n")).collect()
}

/// Asserts that every fault is about the kit, names a file, and has a hint.
pub(crate) fn assert_invalid_kit(faults: &Faults) {
    for fault in faults.all() {
        assert_eq!(fault.code, Code::InvalidKit, "{fault}");
        assert!(fault.hint.is_some() && fault.place.is_some(), "{fault}");
    }
}

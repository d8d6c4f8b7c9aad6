//! The demo federation in a directory of its own, where a test may change it.

use std::fs;
use std::path::Path;

use crate::command::Sandbox;
use crate::workspace_directory;

/// A directory with its federation.yaml and k8s.yaml. The kits are those of the fixtures.
pub fn sandbox() -> Sandbox {
    let sandbox = Sandbox::new();
    let demo = workspace_directory().join("fixtures/demo/federation.yaml");
    let kits = workspace_directory().join("fixtures/kits");
    let text = fs::read_to_string(&demo).unwrap().replace("../kits", kits.to_str().unwrap());
    fs::write(sandbox.join("federation.yaml"), text).unwrap();
    fs::copy(demo.with_file_name("k8s.yaml"), sandbox.join("k8s.yaml")).unwrap();
    sandbox
}

/// Writes a kubeconfig of a cluster at this address, with a user who has no credential.
pub fn write_kubeconfig(path: &Path, server: &str) {
    let config = format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: c\nclusters: [{{name: c, cluster: {{server: '{server}'}}}}]\n\
         users: [{{name: c, user: {{}}}}]\ncontexts: [{{name: c, context: {{cluster: c, user: c}}}}]\n"
    );
    fs::write(path, config).unwrap();
}

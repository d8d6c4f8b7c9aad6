//! An account for one measured program, by which the audit log tells its requests from those of others.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::json;

use crate::cluster::namespace::Namespace;
use crate::cluster::run::{succeed, succeed_json};

/// A ServiceAccount of a namespace, with the rights of a `ClusterRole` there.
#[derive(Debug)]
pub struct Account {
    /// The name of the user in the audit log.
    pub user: String,
    /// A kubeconfig with its token, which is valid for two hours.
    pub kubeconfig: PathBuf,
}

impl Account {
    /// Makes the account; its kubeconfig is put into `directory`.
    pub fn new(namespace: &Namespace, name: &str, cluster_role: &str, directory: &Path) -> Self {
        let account = format!("{}:{name}", namespace.name);
        let kubectl = |arguments: &[&str]| succeed(namespace.kubectl().args(arguments));
        kubectl(&["create", "serviceaccount", name]);
        let role = format!("--clusterrole={cluster_role}");
        kubectl(&["create", "rolebinding", name, &role, &format!("--serviceaccount={account}")]);
        let token = kubectl(&["create", "token", name, "--duration=2h"]);
        let view = ["config", "view", "--raw", "--flatten", "--minify", "--output", "json"];
        let mut config = succeed_json(namespace.kubectl().args(view));
        config["users"][0]["user"] = json!({"token": token.trim()});
        let kubeconfig = directory.join("kubeconfig");
        fs::write(&kubeconfig, config.to_string()).unwrap();
        Self { user: format!("system:serviceaccount:{account}"), kubeconfig }
    }
}

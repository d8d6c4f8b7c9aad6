//! A user with only the permissions of a Role, for testing which permissions a verb needs.

use std::fs;
use std::path::PathBuf;

use serde_json::json;

use super::namespace::Namespace;
use super::run::{succeed, succeed_json};
use crate::command::Sandbox;

/// Rules of a Role: API group, resource, verbs.
pub type Rules<'rules> = &'rules [(&'rules str, &'rules str, &'rules [&'rules str])];

/// A service account of a namespace with one Role, which is changed by [`Self::grant`].
#[derive(Debug)]
pub struct LimitedUser<'namespace> {
    namespace: &'namespace Namespace,
    name: &'static str,
    /// The kubeconfig of this user.
    pub kubeconfig: PathBuf,
}

impl<'namespace> LimitedUser<'namespace> {
    /// Creates the account, without any permission. Its kubeconfig is in the sandbox.
    pub fn new(namespace: &'namespace Namespace, name: &'static str, sandbox: &Sandbox) -> Self {
        succeed(namespace.kubectl().args(["create", "serviceaccount", name]));
        let token = succeed(namespace.kubectl().args(["create", "token", name]));
        let mut config = succeed_json(namespace.kubectl().args(["config", "view", "--raw", "--flatten", "--output", "json"]));
        config["users"] = json!([{"name": config["users"][0]["name"], "user": {"token": token.trim()}}]);
        let kubeconfig = sandbox.join(format!("kubeconfig-{name}"));
        fs::write(&kubeconfig, config.to_string()).unwrap();
        let account = format!("--serviceaccount={}:{name}", namespace.name);
        succeed(namespace.kubectl().args(["create", "rolebinding", name, &format!("--role={name}"), &account]));
        Self { namespace, name, kubeconfig }
    }

    /// Grants the user exactly these permissions, except for one verb on one resource.
    pub fn grant(&self, rules: Rules<'_>, without: Option<(&str, &str)>) {
        let rules: Vec<_> = rules
            .iter()
            .filter_map(|(group, resource, verbs)| {
                let verbs: Vec<_> = verbs.iter().filter(|verb| without != Some((*resource, **verb))).collect();
                let rule = json!({"apiGroups": [group], "resources": [resource], "verbs": verbs});
                // Kubernetes refuses a rule without verbs.
                (!verbs.is_empty()).then_some(rule)
            })
            .collect();
        let role = json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": {"name": self.name},
            "rules": rules});
        self.namespace.apply(&role);
    }
}

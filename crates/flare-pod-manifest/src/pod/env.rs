//! The variables of the main container, in the launcher's order; an empty value is left out.

use serde_json::{Value, json};

use crate::{credentials, explain::Explanation, origin::Origin, path, request::LaunchRequest, study::Study};

/// Shown in place of a token.
const HIDDEN: &str = "(hidden)";

pub(super) fn of(request: &LaunchRequest, study: &Study, explanation: &mut Explanation) -> Vec<Value> {
    let mut env = Vec::new();
    let mut add = |name: &str, value: &str, shown: &str, origin| {
        if !value.is_empty() {
            env.push(json!({ "name": name, "value": value }));
            explanation.env(name, shown, origin);
        }
    };
    for (name, value) in &study.env {
        add(name, value, "(set by the study)", Origin::StudyRuntime);
    }
    let python_path = request.custom_dir.as_ref().map(|dir| path::join(&request.launcher.workspace_mount_path.value, dir));
    if let Some(python_path) = &python_path {
        add("PYTHONPATH", python_path, python_path, Origin::Job);
    }
    add("NVFL_WORKSPACE_OWNER_FQCN", &request.owner_fqcn, &request.owner_fqcn, Origin::Parent);
    if request.target.capabilities().credentials_in_secret {
        let secret = credentials::credentials_secret(request.job.pod_name.as_str());
        for (name, _) in credentials::of(request) {
            env.push(from_secret(name, &secret, name));
            explanation.env(name, &format!("key of Secret {secret}"), Origin::Parent);
        }
    } else {
        add(credentials::TRANSFER_TOKEN, request.transfer_token.expose(), HIDDEN, Origin::Parent);
    }
    for variable in &study.secret_env {
        env.push(from_secret(&variable.name, &variable.secret, &variable.key));
        explanation.env(&variable.name, &format!("key {} of Secret {}", variable.key, variable.secret), Origin::StudyRuntime);
    }
    env
}

fn from_secret(name: &str, secret: &str, key: &str) -> Value {
    json!({ "name": name, "valueFrom": { "secretKeyRef": { "name": secret, "key": key } } })
}

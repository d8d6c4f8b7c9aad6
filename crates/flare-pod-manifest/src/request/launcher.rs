//! The launcher's arguments at the site: the keys of [`flare_launcher_args::LauncherArgs`], and further ones of FLARE's
//! launcher. Kits from other tools may have names that Kubernetes refuses; like FLARE, this module passes them on.

use std::time::Duration;

use flare_names::{NamespaceName, PullSecretName, Target};
use serde_json::{Map, Value};

use super::read;
use crate::{
    acceptable::{self, Resource},
    document::{Findings, Kind, Node, join},
    origin::{Origin, Sourced},
    warnings::Warnings,
};

/// Every argument of FLARE's launcher, in both releases. A test checks that `prepare` writes no other.
pub const LAUNCHER_KEYS: [&str; 11] = [
    "config_file_path",
    "study_data_pvc_file_path",
    "namespace",
    "timeout",
    "pending_timeout",
    "default_python_path",
    "python_path",
    "security_context",
    "ephemeral_storage",
    "workspace_mount_path",
    "image_pull_secrets",
];

const PATH: &str = "launcher";

/// The arguments with the launcher's defaults filled in.
#[derive(Debug, Clone)]
pub(crate) struct Launcher {
    pub(crate) study_data_path: Option<String>,
    pub(crate) namespace: Sourced<String>,
    pub(crate) python_path: Sourced<String>,
    /// Not empty, if present.
    pub(crate) security_context: Option<Map<String, Value>>,
    pub(crate) ephemeral_storage: Sourced<String>,
    pub(crate) workspace_mount_path: Sourced<String>,
    pub(crate) image_pull_secrets: Vec<String>,
    /// How long a pod may wait.
    pub(crate) pending_timeout: Duration,
}

/// `pending_timeout` where the launcher's arguments have none.
const PENDING_TIMEOUT: Duration = Duration::from_mins(2);

impl Launcher {
    pub(super) fn read(node: &Node, target: Target, findings: &mut Findings<'_>, warnings: &mut Warnings<'_>) -> Self {
        findings.only(node, PATH, &LAUNCHER_KEYS);
        doubt(node, warnings);
        check_config_file(node, findings);
        if let Some(timeout) = node.get("pending_timeout").filter(|_| target.capabilities().job_pending_timeout) {
            read::check_seconds(timeout, "launcher.pending_timeout", findings);
        }
        Self {
            study_data_path: study_data_path(node, target, findings),
            namespace: default_where_null(node, "namespace", "default", findings),
            python_path: python_path(node, findings),
            security_context: read::optional_object(node, PATH, "security_context", findings).and_then(as_map),
            ephemeral_storage: default_where_absent(node, "ephemeral_storage", "1Gi", findings),
            workspace_mount_path: default_where_absent(node, "workspace_mount_path", "/var/tmp/nvflare/workspace", findings),
            image_pull_secrets: pull_secrets(node, findings),
            pending_timeout: node.get("pending_timeout").and_then(read::seconds).unwrap_or(PENDING_TIMEOUT),
        }
    }
}

/// Warns about what the launcher passes on and Kubernetes refuses.
fn doubt(node: &Node, warnings: &mut Warnings<'_>) {
    let text = |key: &str| node.get(key).and_then(|node| Some((node, node.text()?))).filter(|(_, text)| !text.is_empty());
    if let Some((value, name)) = text("namespace") {
        let doubt = acceptable::name(NamespaceName::new(name), NamespaceName::KIND, NamespaceName::RULE);
        warnings.doubt(value.offset, &join(PATH, "namespace"), doubt);
    }
    if let Some((value, path)) = text("workspace_mount_path") {
        warnings.doubt(value.offset, &join(PATH, "workspace_mount_path"), acceptable::mount_path(path));
    }
    if let Some(value) = node.get("ephemeral_storage").filter(|value| value.text().is_some()) {
        let doubt = acceptable::quantity(value, Resource::EphemeralStorage);
        warnings.doubt(value.offset, &join(PATH, "ephemeral_storage"), doubt);
    }
    if let Some(value) = node.get("pending_timeout") {
        read::doubt_no_time(value, &join(PATH, "pending_timeout"), warnings);
    }
    let Some(Node { kind: Kind::List(names), .. }) = node.get("image_pull_secrets") else { return };
    for (index, name) in names.iter().enumerate() {
        let Some(text) = name.text().filter(|text| !text.trim().is_empty()) else { continue };
        let doubt = acceptable::name(PullSecretName::new(text), PullSecretName::KIND, PullSecretName::RULE);
        warnings.doubt(name.offset, &format!("{PATH}.image_pull_secrets[{index}]"), doubt);
    }
}

fn as_map(node: &Node) -> Option<Map<String, Value>> {
    match node.to_json() {
        Value::Object(map) if !map.is_empty() => Some(map),
        _ => None,
    }
}

fn check_config_file(node: &Node, findings: &mut Findings<'_>) {
    if let Some(path) = read::required(node, PATH, "config_file_path", findings)
        && !path.is_null()
        && path.text().is_none()
    {
        findings.wrong(path, "launcher.config_file_path", "a string or null");
    }
}

fn study_data_path(node: &Node, target: Target, findings: &mut Findings<'_>) -> Option<String> {
    const KEY: &str = "study_data_pvc_file_path";
    if target.capabilities().study_runtime_file {
        node.get_non_null(KEY).and_then(|_| read::nonempty_string(node, PATH, KEY, findings))
    } else {
        read::string(node, PATH, KEY, findings)
    }
}

/// The first of `default_python_path` and `python_path` that is not null; the other one is ignored.
fn python_path(node: &Node, findings: &mut Findings<'_>) -> Sourced<String> {
    let key = ["default_python_path", "python_path"].into_iter().find(|key| node.get_non_null(key).is_some());
    default_where_null(node, key.unwrap_or("default_python_path"), "/usr/local/bin/python", findings)
}

fn default_where_null(node: &Node, key: &str, default: &str, findings: &mut Findings<'_>) -> Sourced<String> {
    match node.get_non_null(key) {
        Some(_) => default_where_absent(node, key, default, findings),
        None => Sourced::new(default.to_owned(), Origin::LauncherDefault),
    }
}

fn default_where_absent(node: &Node, key: &str, default: &str, findings: &mut Findings<'_>) -> Sourced<String> {
    match read::nonempty_string(node, PATH, key, findings) {
        Some(text) => Sourced::new(text, Origin::Site),
        None => Sourced::new(default.to_owned(), Origin::LauncherDefault),
    }
}

fn pull_secrets(node: &Node, findings: &mut Findings<'_>) -> Vec<String> {
    let names = read::string_list(node, PATH, "image_pull_secrets", findings);
    if let Some(Node { kind: Kind::List(items), .. }) = node.get("image_pull_secrets") {
        for item in items.iter().filter(|item| item.text().is_some_and(|name| name.trim().is_empty())) {
            findings.wrong(item, "launcher.image_pull_secrets", "a list of strings that are not blank");
        }
    }
    names
}

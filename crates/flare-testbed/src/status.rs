//! The status of a cluster.

use std::path::PathBuf;

use flare_diagnostic::Faults;
use serde::Serialize;
use serde_json::Value;

use crate::{
    ClusterName, Context, Provider, build,
    configuration::NODE_NAME,
    kubectl::Kubectl,
    namespaces::state_label,
    probe, process, registry,
    state::{Record, StateDirectory},
};

/// The current status of a cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Status {
    /// Its name.
    pub name: String,
    /// Its provider; `None` if there is no cluster of this name.
    pub provider: Option<Provider>,
    /// Whether pods can run in it: every component runs, and the node is ready.
    pub ready: bool,
    /// The kubeconfig to use.
    pub kubeconfig: Option<PathBuf>,
    /// A kubectl of its version, for machines without one; only for a cluster that is built from source.
    pub kubectl: Option<PathBuf>,
    /// The audit log of its API server, for [`crate::audit::Log`]; only for a cluster that is built from source.
    pub audit_log: Option<PathBuf>,
    /// The version of its API server, such as `v1.34.4`.
    pub kubernetes: Option<String>,
    /// The name under which pods pull from its registry.
    pub registry: Option<String>,
    /// Address and port of its registry, as seen from this machine.
    pub registry_address: Option<String>,
    /// The name under which pods pull the same images from the registry that requires a password.
    pub private_registry: Option<String>,
    /// The JSON file with `user` and `password` of the private registry, which only its owner can read.
    pub private_credentials: Option<PathBuf>,
    /// The name under which pods pull the same images from the slow registry.
    pub slow_registry: Option<String>,
    /// The images of its registry, as `repository:tag`.
    pub images: Vec<String>,
    /// The reasons why it is not ready, each of one line.
    pub problems: Vec<String>,
}

/// Inspects a cluster without changing it.
///
/// # Errors
/// [`flare_diagnostic::Code::ToolNotFound`] if there is no kubectl for a cluster of another provider.
pub fn status(context: &Context<'_>, name: &ClusterName) -> Result<Status, Faults> {
    let state = StateDirectory::of(context, name);
    match state.record() {
        None => Ok(without_record(&state)),
        Some(record) if record.provider == Provider::Source => of_source(context, &state, &record),
        Some(record) => of_others(context, &state, &record),
    }
}

/// The status if there is no cluster, or only what a killed run left of one.
fn without_record(state: &StateDirectory) -> Status {
    let (_, processes) = process::of_cluster(&state_label(state), &state.control_group());
    let mut status = empty(state, None);
    status.problems = if processes.is_empty() && !state.root().is_dir() {
        vec![format!("there is no cluster `{}`", state.name())]
    } else {
        vec![format!(
            "only components of `{0}` are there: it is being started, or `cluster down --name {0}` removes them",
            state.name()
        )]
    };
    status
}

fn empty(state: &StateDirectory, record: Option<&Record>) -> Status {
    let of_source = record.is_some_and(|record| record.provider == Provider::Source);
    Status {
        kubectl: of_source.then(|| state.kubectl()),
        audit_log: of_source.then(|| state.audit_log()),
        name: state.name().to_string(),
        provider: record.map(|record| record.provider),
        ready: false,
        kubeconfig: record.map(|record| record.kubeconfig.clone()),
        kubernetes: None,
        registry: None,
        registry_address: None,
        private_registry: None,
        private_credentials: None,
        slow_registry: None,
        images: Vec::new(),
        problems: Vec::new(),
    }
}

fn of_source(context: &Context<'_>, state: &StateDirectory, record: &Record) -> Result<Status, Faults> {
    let mut status = empty(state, Some(record));
    let port = record.options.registry_port;
    status.registry = Some(registry::PLAIN_HOST.to_owned());
    status.private_registry = Some(registry::PRIVATE_HOST.to_owned());
    status.private_credentials = Some(registry::credentials_file(state.root()));
    status.slow_registry = Some(registry::SLOW_HOST.to_owned());
    status.registry_address = record.address.map(|address| format!("{address}:{port}"));
    status.images = probe::images(&state.registry());
    let (_, processes) = process::of_cluster(&state_label(state), &state.control_group());
    let living = process::living_components(&processes);
    let components = std::iter::once(process::INIT_PROCESS).chain(record.components.iter().map(String::as_str));
    let dead = components.filter(|name| !living.contains(*name));
    status.problems = dead.map(|name| format!("`{name}` does not run")).collect();
    if !build::is_built(context) {
        status.problems.push("the built programs are gone from the cache".to_owned());
    }
    if status.problems.is_empty() {
        let kubectl = Kubectl::built(&build::programs(context)?.hyperkube, state);
        status.kubernetes = kubectl.version().ok();
        status.problems = problems_of_node(kubectl.get(&format!("/api/v1/nodes/{NODE_NAME}")).as_ref());
        let answers = record.address.is_some_and(|address| probe::registry_answers(address, port));
        status.problems.extend((!answers).then(|| "the registry does not answer".to_owned()));
        let answers = record.address.is_some_and(probe::dns_answers);
        status.problems.extend((!answers).then(|| "DNS does not answer".to_owned()));
    }
    status.ready = status.problems.is_empty();
    Ok(status)
}

fn of_others(context: &Context<'_>, state: &StateDirectory, record: &Record) -> Result<Status, Faults> {
    let mut status = empty(state, Some(record));
    let kubectl = Kubectl::installed(context, &record.kubeconfig)?;
    status.kubernetes = kubectl.version().ok();
    status.ready = status.kubernetes.is_some() && kubectl.is_ready();
    if !status.ready {
        status.problems.push("the API server does not answer".to_owned());
    }
    Ok(status)
}

/// The reasons why no pod can run on a node, from its object.
pub(crate) fn problems_of_node(node: Option<&Value>) -> Vec<String> {
    let Some(node) = node else { return vec!["the API server does not tell of the node".to_owned()] };
    let conditions = node["status"]["conditions"].as_array().map(Vec::as_slice).unwrap_or_default();
    match conditions.iter().find(|condition| condition["type"] == "Ready") {
        Some(ready) if ready["status"] == "True" => Vec::new(),
        Some(other) => vec![format!("the node is not ready: {}", other["message"].as_str().unwrap_or("it says no more"))],
        None => vec!["the node has not said that it is ready".to_owned()],
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::problems_of_node;

    #[test]
    fn a_node_is_ready_where_it_says_so() {
        let node = |status: &str| json!({"status": {"conditions": [{"type": "DiskPressure", "status": "False"}, {"type": "Ready", "status": status, "message": "no network"}]}});
        assert!(problems_of_node(Some(&node("True"))).is_empty());
        assert_eq!(problems_of_node(Some(&node("False"))), ["the node is not ready: no network"]);
        assert_eq!(problems_of_node(Some(&node("Unknown"))).len(), 1);
        assert_eq!(problems_of_node(Some(&json!({}))).len(), 1);
        assert_eq!(problems_of_node(None).len(), 1);
    }
}

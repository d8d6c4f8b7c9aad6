//! The ConfigMap from which the ingress of `MicroK8s` forwards TCP ports of the nodes to Services. All of the cluster share it, so each server
//! has only its own ports there: by server-side apply, with a field manager of its own.
//!
//! Source: <https://microk8s.io/docs/addon-ingress>.

use std::collections::BTreeMap;

use flare_cluster::{
    Cluster, WriteOptions,
    k8s_openapi::{
        api::{apps::v1::DaemonSet, core::v1::ConfigMap},
        apimachinery::pkg::apis::meta::v1::ObjectMeta,
    },
};
use flare_diagnostic::{Code, Diagnostic, shown};
use flare_site_plan::SitePlan;

/// The namespace of the addon.
const NAMESPACE: &str = "ingress";
/// The ConfigMap with the TCP ports.
const CONFIG_MAP: &str = "nginx-ingress-tcp-microk8s-conf";
/// The ingress itself.
const DAEMON_SET: &str = "nginx-ingress-microk8s-controller";

/// Has the ports of a server forwarded to its Service. A port that leads elsewhere is not taken. Returns a warning if the ingress does
/// not open one of the ports.
///
/// # Errors
/// `OBJECT_NOT_FOUND` without the addon, `OBJECT_NOT_OURS` for a port that another Service has.
pub(crate) async fn forward(cluster: &Cluster, plan: &SitePlan, ports: &[u16]) -> Result<Option<Diagnostic>, Diagnostic> {
    let wanted = free_entries(cluster, plan, ports).await?;
    let maps = cluster.namespaced::<ConfigMap>(NAMESPACE);
    match maps.apply_as(&manager(plan), CONFIG_MAP, &config_map(wanted), WriteOptions::default()).await {
        // Another took the port since it was looked at.
        Err(fault) if fault.code == Code::ObjectConflict => Err(taken("of this server", None)),
        Err(fault) => Err(fault),
        Ok(_) => Ok(closed(cluster, ports).await),
    }
}

/// Refuses what [`forward`] would refuse, before anything is installed for it.
///
/// # Errors
/// Those of [`forward`].
pub(crate) async fn refuse(cluster: &Cluster, plan: &SitePlan, ports: &[u16]) -> Result<(), Diagnostic> {
    free_entries(cluster, plan, ports).await.map(drop)
}

/// The entries of a server's ports, none of which leads elsewhere yet.
async fn free_entries(cluster: &Cluster, plan: &SitePlan, ports: &[u16]) -> Result<BTreeMap<String, String>, Diagnostic> {
    let Some(there) = cluster.namespaced::<ConfigMap>(NAMESPACE).find(CONFIG_MAP).await? else {
        let message = format!("there is no ConfigMap `{CONFIG_MAP}` in the namespace `{NAMESPACE}`");
        return Err(Diagnostic::error(Code::ObjectNotFound, message)
            .hint("enable the addon with `microk8s enable ingress`; on another cluster use another `--expose`"));
    };
    let wanted = entries(plan, ports);
    let known = there.data.unwrap_or_default();
    let other = |(port, ours): (&String, &String)| {
        known.get(port).filter(|target| *target != ours).map(|target| taken(port, Some(target)))
    };
    let refused = wanted.iter().find_map(other);
    refused.map_or(Ok(wanted), Err)
}

/// The ports that a server has forwarded there, as `NAMESPACE/CONFIGMAP: PORT`. None if the user may not look.
pub(crate) async fn forwarded(cluster: &Cluster, plan: &SitePlan) -> Result<Vec<String>, Diagnostic> {
    let found = match cluster.namespaced::<ConfigMap>(NAMESPACE).find(CONFIG_MAP).await {
        Err(fault) if fault.code == Code::PermissionDenied => None,
        found => found?,
    };
    let manager = manager(plan);
    let fields = found.into_iter().flat_map(|map| map.metadata.managed_fields.unwrap_or_default());
    let ours = fields.filter(|entry| entry.manager.as_ref() == Some(&manager)).filter_map(|entry| entry.fields_v1);
    let ports = ours.flat_map(|fields| fields.0["f:data"].as_object().cloned().unwrap_or_default());
    Ok(ports.filter_map(|(field, _)| Some(format!("{NAMESPACE}/{CONFIG_MAP}: {}", field.strip_prefix("f:")?))).collect())
}

/// Takes all ports of a server out again.
pub(crate) async fn withdraw(cluster: &Cluster, plan: &SitePlan) -> Result<(), Diagnostic> {
    let maps = cluster.namespaced::<ConfigMap>(NAMESPACE);
    maps.apply_as(&manager(plan), CONFIG_MAP, &config_map(BTreeMap::new()), WriteOptions::default()).await.map(|_| ())
}

/// The field manager of a server: its release is unique in its namespace. As long as Kubernetes allows at most.
fn manager(plan: &SitePlan) -> String {
    format!("flare-kube:{}:{}", plan.namespace, plan.names.release)
}

fn entries(plan: &SitePlan, ports: &[u16]) -> BTreeMap<String, String> {
    let target = |port: &u16| format!("{}/{}:{port}", plan.namespace, plan.names.service);
    ports.iter().map(|port| (port.to_string(), target(port))).collect()
}

fn config_map(data: BTreeMap<String, String>) -> ConfigMap {
    let metadata =
        ObjectMeta { name: Some(CONFIG_MAP.to_owned()), namespace: Some(NAMESPACE.to_owned()), ..ObjectMeta::default() };
    ConfigMap { metadata, data: (!data.is_empty()).then_some(data), ..ConfigMap::default() }
}

fn taken(port: &str, target: Option<&String>) -> Diagnostic {
    let target = target.map(|target| format!(" to `{}`", shown(target))).unwrap_or_default();
    Diagnostic::error(Code::ObjectNotOurs, format!("the ingress of MicroK8s already forwards the port {port}{target}"))
        .hint("provision the server with other ports, or have whoever owns that entry remove it")
}

/// The warning if the ingress does not listen on a port of its nodes. Who may not look is told nothing.
async fn closed(cluster: &Cluster, ports: &[u16]) -> Option<Diagnostic> {
    let ingress = cluster.namespaced::<DaemonSet>(NAMESPACE).find(DAEMON_SET).await.ok()??;
    let containers = ingress.spec?.template.spec?.containers;
    let open = |port: u16| {
        let mut all = containers.iter().flat_map(|container| container.ports.iter().flatten());
        all.any(|one| one.host_port == Some(i32::from(port)))
    };
    let closed: Vec<_> = ports.iter().filter(|port| !open(**port)).map(u16::to_string).collect();
    (!closed.is_empty()).then(|| {
        let message = format!("the ingress of MicroK8s does not listen on the nodes' ports {}", closed.join(", "));
        Diagnostic::warning(Code::Notice, message).hint(format!(
            "add a `containerPort` with `hostPort` for each: `kubectl edit daemonset {DAEMON_SET} --namespace {NAMESPACE}`; that restarts the ingress of all"
        ))
    })
}

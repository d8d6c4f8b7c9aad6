//! The Service through which job pods, and a server's clients, reach the parent.

use std::collections::BTreeSet;

use flare_cluster::{Cluster, Selection};
use flare_diagnostic::{Code, Diagnostic};
use flare_prepared_kit::PreparedKit;
use flare_site_plan::Ports;
use k8s_openapi::api::{
    core::v1::{Pod, Service},
    discovery::v1::EndpointSlice,
};

use crate::{Finding, rollout::RunningParent};

/// The label in which endpoint slices name their Service.
const OF_SERVICE: &str = "kubernetes.io/service-name";

pub(super) async fn check(cluster: &Cluster, kit: &PreparedKit, running: &RunningParent) -> Vec<Finding> {
    match look(cluster, kit, running).await {
        Ok(found) => found,
        Err(fault) => vec![Finding::unknown("D70", "the Service of the parent", &fault)],
    }
}

async fn look(cluster: &Cluster, kit: &PreparedKit, running: &RunningParent) -> Result<Vec<Finding>, Diagnostic> {
    let plan = kit.plan();
    let (namespace, name) = (plan.namespace.as_str(), plan.names.service.as_str());
    let service = match cluster.namespaced::<Service>(namespace).get(name).await {
        Ok(service) => service,
        Err(fault) if fault.code == Code::ObjectNotFound => {
            let message = format!("there is no Service `{name}`: job pods do not find their parent");
            return Ok(vec![Finding::error("D70", message, "install the chart of the prepared kit again")]);
        }
        Err(fault) => return Err(fault),
    };
    let pod = cluster.namespaced::<Pod>(namespace).get(&running.pod).await?;
    if !selects(&service, &pod) {
        let message = format!("the Service `{name}` does not select the parent's pod `{}`", running.pod);
        return Ok(vec![Finding::error("D70", message, "set the Service's selector back: install the chart again")]);
    }
    let mut found: Vec<_> = missing_ports(&service, &plan.ports).map(|port| no_port(name, port)).collect();
    let selection = Selection::labelled(format!("{OF_SERVICE}={name}"));
    let slices = cluster.namespaced::<EndpointSlice>(namespace).list(&selection).await?;
    if !slices.iter().any(|slice| is_ready(slice, &running.uid)) {
        let message = format!("the Service `{name}` has no ready endpoint of the parent's pod: nobody reaches it by that name");
        found.push(Finding::error("D70", message, "see the readiness probe of the pod, and the cluster's endpoint controller"));
    }
    Ok(found)
}

fn no_port(name: &str, port: u16) -> Finding {
    let message = format!("the Service `{name}` has no port {port}, under which the parent is called");
    Finding::error("D70", message, "set the ports of the values back to those of the kit, or prepare and install again")
}

fn selects(service: &Service, pod: &Pod) -> bool {
    let labels = pod.metadata.labels.clone().unwrap_or_default();
    let selector = service.spec.as_ref().and_then(|spec| spec.selector.as_ref());
    selector.is_some_and(|selector| !selector.is_empty() && selector.iter().all(|(key, value)| labels.get(key) == Some(value)))
}

/// The ports on which the parent listens and that the Service lacks.
fn missing_ports(service: &Service, ports: &Ports) -> impl Iterator<Item = u16> {
    let needed = match *ports {
        Ports::Server { fl, admin, parent } => [Some(fl), admin, Some(parent)],
        Ports::Client { parent } => [Some(parent), None, None],
    };
    let there = service.spec.iter().flat_map(|spec| spec.ports.iter().flatten());
    let there: BTreeSet<i32> = there.map(|port| port.port).collect();
    needed.into_iter().flatten().filter(move |port| !there.contains(&i32::from(*port)))
}

fn is_ready(slice: &EndpointSlice, uid: &str) -> bool {
    slice.endpoints.iter().any(|endpoint| {
        let of_pod = endpoint.target_ref.as_ref().and_then(|target| target.uid.as_deref()) == Some(uid);
        of_pod && endpoint.conditions.as_ref().and_then(|conditions| conditions.ready) != Some(false)
    })
}

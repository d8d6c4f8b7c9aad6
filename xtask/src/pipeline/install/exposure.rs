//! How clients and admins outside of the cluster reach a server: the address that the cluster gives it, and whether the names in its
//! certificate, which are what they call, lead there.

use std::{collections::BTreeSet, net::IpAddr, time::Duration};

use flare_cluster::k8s_openapi::api::core::v1::{Node, Service};
use flare_diagnostic::{Code, Collector, Diagnostic, shown};
use flare_doctor::rollout::Running;
use flare_federation::Expose;
use flare_helm::Setting;
use flare_names::Role;
use flare_prepared_kit::PreparedKit;
use flare_site_plan::{Ports, SitePlan};
use flare_startup_kit::StartupKit;
use tokio::time::{Instant, sleep, timeout};

use super::run::{Exposed, Run};
use crate::pipeline::microk8s;

/// How often the Service is looked at.
const LOOK: Duration = Duration::from_secs(1);

/// How long a name may take to resolve.
const RESOLVE_LIMIT: Duration = Duration::from_secs(5);

/// The values that expose a server; only a server is called by others.
pub(super) fn settings(plan: &SitePlan, expose: Option<Expose>) -> Result<Vec<Setting>, Diagnostic> {
    let Some(expose) = expose else { return Ok(Vec::new()) };
    if plan.role == Role::Client {
        return Err(Diagnostic::error(
            Code::InvalidArgs,
            "`--expose` is for a server: nobody outside of its cluster calls a client",
        )
        .hint("leave `--expose` out"));
    }
    Ok(match expose {
        Expose::LoadBalancer => vec![Setting::Text("service.type=LoadBalancer".to_owned())],
        Expose::HostPort => vec![Setting::Guessed("hostPortEnabled=true".to_owned())],
        Expose::PortForward | Expose::MicroK8s => Vec::new(),
    })
}

/// Waits for the address, and compares it with the names of the certificate. A name that leads elsewhere is a warning: DNS outside of the
/// cluster may be another than this machine's.
pub(super) async fn wait(
    run: &Run<'_>,
    parent: &Running,
    expose: Expose,
    now: i64,
    found: &mut Collector,
) -> Result<Exposed, Diagnostic> {
    let addresses = match expose {
        Expose::LoadBalancer => load_balancer(run).await?,
        Expose::HostPort => node_addresses(run, parent).await?,
        Expose::PortForward => vec!["127.0.0.1".to_owned()],
        Expose::MicroK8s => {
            let plan = run.kit.plan();
            found.extend(microk8s::forward(run.cluster, plan, &ports(plan)).await?);
            node_addresses(run, parent).await?
        }
    };
    if expose != Expose::PortForward {
        let names = hosts(certificate_names(run.kit, now));
        let mut resolved = Vec::new();
        for name in &names {
            resolved.push((name.clone(), resolve(name).await));
        }
        let mut targets = BTreeSet::new();
        for address in &addresses {
            targets.extend(resolve(address).await);
        }
        found.extend(judge(&resolved, &addresses, &targets));
    }
    Ok(Exposed { expose, addresses, ports: ports(run.kit.plan()) })
}

/// The ports that clients and admins call.
pub(super) fn ports(plan: &SitePlan) -> Vec<u16> {
    match plan.ports {
        Ports::Server { fl, admin, .. } => [fl].into_iter().chain(admin).collect(),
        Ports::Client { .. } => Vec::new(),
    }
}

async fn load_balancer(run: &Run<'_>) -> Result<Vec<String>, Diagnostic> {
    let name = run.kit.plan().names.service.as_str();
    let services = run.cluster.namespaced::<Service>(run.namespace());
    (run.progress)("waiting for the address of the load balancer");
    loop {
        let service = services.get(name).await?;
        let balancer = service.status.and_then(|status| status.load_balancer).and_then(|balancer| balancer.ingress);
        let addresses: Vec<String> = balancer.unwrap_or_default().into_iter().filter_map(|one| one.ip.or(one.hostname)).collect();
        if !addresses.is_empty() {
            return Ok(addresses);
        }
        if Instant::now() >= run.end {
            let message = format!("the server has started, but nothing in the cluster has given its Service `{name}` an address");
            return Err(Diagnostic::error(Code::TimedOut, message)
                .hint("see `kubectl describe service`: the cluster needs a load balancer (a cloud's, or MetalLB); or use `--expose host-port`"));
        }
        sleep(LOOK.min(run.left())).await;
    }
}

/// The addresses of the node on which the parent runs: those that are reached from outside, else those inside.
async fn node_addresses(run: &Run<'_>, parent: &Running) -> Result<Vec<String>, Diagnostic> {
    let node = match run.cluster.unnamespaced::<Node>().get(&parent.node).await {
        Ok(node) => node,
        // Who may not look at nodes is told the node's name, which often is a host name.
        Err(fault) if fault.code == Code::PermissionDenied => return Ok(vec![parent.node.clone()]),
        Err(fault) => return Err(fault),
    };
    let all = node.status.and_then(|status| status.addresses).unwrap_or_default();
    let of = |kind: &str| all.iter().filter(|one| one.type_ == kind).map(|one| one.address.clone()).collect::<Vec<_>>();
    Ok(Some(of("ExternalIP")).filter(|found| !found.is_empty()).unwrap_or_else(|| of("InternalIP")))
}

/// The names of the server's certificate, which a client's check of it lets it call.
fn certificate_names(kit: &PreparedKit, now: i64) -> Vec<String> {
    let read = StartupKit::read(kit.tree(), &kit.plan().participant, now);
    // A kit with faults was refused before.
    read.map(|checked| checked.value.certificates.identity.subject_alternative_names).unwrap_or_default()
}

/// The names that can be looked up: a wildcard stands for names that only the clients know.
fn hosts(names: Vec<String>) -> Vec<String> {
    names.into_iter().filter(|name| !name.contains('*')).collect()
}

/// The addresses of a name from this machine; of an address, itself.
async fn resolve(name: &str) -> BTreeSet<IpAddr> {
    match timeout(RESOLVE_LIMIT, tokio::net::lookup_host((name, 0))).await {
        Ok(Ok(found)) => found.map(|address| address.ip()).collect(),
        _ => BTreeSet::new(),
    }
}

/// What is to be said where no name of the certificate leads to the server. Without a name, nothing is known.
fn judge(names: &[(String, BTreeSet<IpAddr>)], addresses: &[String], targets: &BTreeSet<IpAddr>) -> Option<Diagnostic> {
    let leads = |(name, found): &(String, BTreeSet<IpAddr>)| addresses.contains(name) || !found.is_disjoint(targets);
    if names.is_empty() || names.iter().any(leads) {
        return None;
    }
    let address = addresses.iter().map(|address| format!("`{}`", shown(address))).collect::<Vec<_>>().join(", ");
    let known = names.iter().map(|(name, _)| format!("`{}`", shown(name))).collect::<Vec<_>>().join(", ");
    let message = format!(
        "the server is reached at {address}, but from this machine none of the names in its certificate leads there: {known}"
    );
    Some(Diagnostic::warning(Code::Notice, message).hint(
        "have the name that the clients' kits call point to that address in their DNS; or provision with a `default_host` that does",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(names: &[(&str, &[&str])], addresses: &[&str], targets: &[&str]) -> Option<String> {
        let set = |texts: &[&str]| texts.iter().map(|text| text.parse().unwrap()).collect::<BTreeSet<IpAddr>>();
        let names: Vec<_> = names.iter().map(|(name, found)| ((*name).to_owned(), set(found))).collect();
        let addresses: Vec<_> = addresses.iter().map(|address| (*address).to_owned()).collect();
        judge(&names, &addresses, &set(targets)).map(|warning| warning.message)
    }

    #[test]
    fn a_certificate_with_wildcards_only_is_compared_with_nothing() {
        let names = |all: &[&str]| hosts(all.iter().map(|name| (*name).to_owned()).collect());
        assert_eq!(names(&["*.example.org", "fl.example.org"]), ["fl.example.org"]);
        assert_eq!(names(&["*.example.org"]), Vec::<String>::new());
        assert_eq!(judged(&[], &["198.51.100.1"], &["198.51.100.1"]), None);
    }

    #[test]
    fn one_name_that_leads_to_the_address_is_enough() {
        let names: &[(&str, &[&str])] = &[("localhost", &["127.0.0.1"]), ("fl.example.org", &["203.0.113.7", "2001:db8::7"])];
        assert_eq!(judged(names, &["203.0.113.7"], &["203.0.113.7"]), None);
        // A load balancer with a name of its own.
        assert_eq!(judged(names, &["lb.example.com"], &["203.0.113.7"]), None);
        // The certificate names the address itself.
        assert_eq!(judged(&[("203.0.113.9", &["203.0.113.9"])], &["203.0.113.9"], &["203.0.113.9"]), None);
        assert_eq!(judged(&[("lb.example.com", &[])], &["lb.example.com"], &[]), None);
        let elsewhere = judged(names, &["198.51.100.1"], &["198.51.100.1"]).expect("a warning");
        assert!(elsewhere.contains("`198.51.100.1`") && elsewhere.contains("`fl.example.org`"), "{elsewhere}");
        assert!(
            judged(&[("fl.example.org", &[])], &["198.51.100.1"], &["198.51.100.1"]).is_some(),
            "a name that does not resolve"
        );
    }
}

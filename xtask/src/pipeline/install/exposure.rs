//! How clients and admins outside of the cluster reach a server: the address that the cluster gives it, and whether the names that they
//! call lead there.

use std::{collections::BTreeSet, net::IpAddr, time::Duration};

use flare_cluster::{
    Selection, events,
    k8s_openapi::api::core::v1::{Event, Node, Service},
};
use flare_diagnostic::{Code, Collector, Diagnostic, shown};
use flare_doctor::rollout::RunningParent;
use flare_federation::Expose;
use flare_helm::Setting;
use flare_names::Role;
use flare_prepared_kit::PreparedKit;
use flare_site_plan::{Ports, SitePlan};
use flare_startup_kit::StartupKit;
use futures_util::future::join_all;
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

/// Waits for the address, and compares it with the names that clients call. A name that leads elsewhere is a warning: DNS outside of the
/// cluster may be another than this machine's.
pub(super) async fn wait(
    run: &Run<'_>,
    parent: &RunningParent,
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
        let names = Names::of(&run.options.called, certificate_names(run.kit, now));
        // A name that does not resolve may take its whole time.
        let all = names.called.iter().chain(&names.others);
        let found_by_name = join_all(all.map(|name| async move { (name.clone(), resolve(name).await) })).await;
        let found_by_address = join_all(addresses.iter().map(|address| resolve(address))).await;
        let targets: BTreeSet<IpAddr> = found_by_address.into_iter().flatten().collect();
        found.extend(judge(&names, &found_by_name, &addresses, &targets));
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
        let uid = service.metadata.uid;
        let balancer = service.status.and_then(|status| status.load_balancer).and_then(|balancer| balancer.ingress);
        let addresses: Vec<String> = balancer.unwrap_or_default().into_iter().filter_map(|one| one.ip.or(one.hostname)).collect();
        if !addresses.is_empty() {
            return Ok(addresses);
        }
        if Instant::now() >= run.end {
            let said = said_of(run, uid.as_deref()).await.map(|said| format!(": {said}")).unwrap_or_default();
            let message =
                format!("the server has started, but nothing in the cluster has given its Service `{name}` an address{said}");
            return Err(Diagnostic::error(Code::TimedOut, message)
                .hint("see `kubectl describe service`: the cluster needs a load balancer (a cloud's, or MetalLB); or use `--expose host-port`"));
        }
        sleep(LOOK.min(run.left())).await;
    }
}

/// The longest text of an event that is shown, in characters.
const LONGEST: usize = 300;

/// What the cluster said last about the object with this uid, if it said anything and that may be read.
async fn said_of(run: &Run<'_>, uid: Option<&str>) -> Option<String> {
    let all = run.cluster.namespaced::<Event>(run.namespace()).list(&Selection::default()).await.ok()?;
    let said = events::message(events::newest(events::about(&all, uid))?);
    (!said.is_empty()).then(|| said.chars().take(LONGEST).collect())
}

/// The addresses of the node on which the parent runs: those that are reached from outside, else those inside.
async fn node_addresses(run: &Run<'_>, parent: &RunningParent) -> Result<Vec<String>, Diagnostic> {
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

/// The names of a server.
#[derive(Debug, PartialEq, Eq)]
struct Names {
    /// Those that clients call; none if that is not known.
    called: Vec<String>,
    /// Others in its certificate, by which it could be called.
    others: Vec<String>,
}

impl Names {
    /// `called` are the names in the kits of the clients, where those are known. Otherwise it is the `default_host`, which provisioning puts
    /// first into the certificate; a client with a `connect_to` calls another name. Wildcards cannot be looked up.
    fn of(called: &[String], certificate: Vec<String>) -> Self {
        let default_host = certificate.first().filter(|name| !name.contains('*')).cloned();
        let called = if called.is_empty() { default_host.into_iter().collect() } else { called.to_vec() };
        let others = certificate.into_iter().filter(|name| !name.contains('*') && !called.contains(name)).collect();
        Self { called, others }
    }
}

/// The addresses of a name from this machine; of an address, itself.
async fn resolve(name: &str) -> BTreeSet<IpAddr> {
    match timeout(RESOLVE_LIMIT, tokio::net::lookup_host((name, 0))).await {
        Ok(Ok(found)) => found.map(|address| address.ip()).collect(),
        _ => BTreeSet::new(),
    }
}

/// What is to be said of names that clients call and that lead elsewhere. If it is not known which ones they call, one in the certificate
/// that leads there is enough; without a name, nothing is known.
fn judge(
    names: &Names,
    found: &[(String, BTreeSet<IpAddr>)],
    addresses: &[String],
    targets: &BTreeSet<IpAddr>,
) -> Option<Diagnostic> {
    let leads = |name: &String| {
        let found = found.iter().find(|(known, _)| known == name).map(|(_, found)| found);
        addresses.contains(name) || found.is_some_and(|found| !found.is_disjoint(targets))
    };
    let fitting: Vec<&String> = names.others.iter().filter(|name| leads(name)).collect();
    let (what, astray): (_, Vec<&String>) = if names.called.is_empty() {
        if !fitting.is_empty() {
            return None;
        }
        ("none of the names in its certificate leads there", names.others.iter().collect())
    } else {
        ("what its clients call does not lead there", names.called.iter().filter(|name| !leads(name)).collect())
    };
    if astray.is_empty() {
        return None;
    }
    let message = format!(
        "the server is reached at {}, but from this machine {what}: {}",
        listed(addresses.iter()),
        listed(astray.into_iter())
    );
    let hint = "have the name that the clients' kits call point to that address in their DNS; or provision with a `default_host` that does";
    Some(Diagnostic::warning(Code::Notice, message).hint(match fitting.as_slice() {
        [] => hint.to_owned(),
        fitting => format!("{hint}, such as {}", listed(fitting.iter().copied())),
    }))
}

fn listed<'name>(names: impl Iterator<Item = &'name String>) -> String {
    names.map(|name| format!("`{}`", shown(name))).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(all: &[&str]) -> Vec<String> {
        all.iter().map(|text| (*text).to_owned()).collect()
    }

    /// The warning about a server with these names, which were found at these addresses.
    fn judged(called: &[&str], certificate: &[&str], found: &[(&str, &[&str])], addresses: &[&str]) -> Option<Diagnostic> {
        let set = |texts: &[&str]| texts.iter().map(|text| text.parse().unwrap()).collect::<BTreeSet<IpAddr>>();
        let of = |name: &str| found.iter().find(|(known, _)| *known == name).map(|(_, found)| set(found)).unwrap_or_default();
        let names = Names::of(&texts(called), texts(certificate));
        let found: Vec<_> = names.called.iter().chain(&names.others).map(|name| (name.clone(), of(name))).collect();
        let targets: BTreeSet<IpAddr> =
            addresses.iter().flat_map(|address| address.parse().map_or_else(|_| of(address), |ip| [ip].into())).collect();
        judge(&names, &found, &texts(addresses), &targets)
    }

    const FOUND: &[(&str, &[&str])] = &[
        ("localhost", &["127.0.0.1"]),
        ("fl.example.org", &["203.0.113.7", "2001:db8::7"]),
        ("lb.example.com", &["203.0.113.7"]),
        ("203.0.113.9", &["203.0.113.9"]),
    ];

    #[test]
    fn a_server_is_compared_with_what_its_clients_call_and_not_with_any_name_of_its_certificate() {
        let both = ["fl.example.org", "localhost"];
        assert_eq!(judged(&["fl.example.org"], &both, FOUND, &["203.0.113.7"]), None);
        // A load balancer with a name of its own.
        assert_eq!(judged(&["fl.example.org"], &both, FOUND, &["lb.example.com"]), None);
        let astray = judged(&["localhost"], &both, FOUND, &["203.0.113.7"]).expect("a warning");
        assert!(astray.message.contains("`203.0.113.7`") && astray.message.ends_with(": `localhost`"), "{astray}");
        assert!(astray.hint.as_ref().unwrap().ends_with("such as `fl.example.org`"), "{:?}", astray.hint);
        let one_of_two = judged(&["fl.example.org", "localhost"], &both, FOUND, &["203.0.113.7"]).expect("a warning");
        assert!(one_of_two.message.ends_with(": `localhost`"), "{one_of_two}");
        let unknown = judged(&["nowhere.example.org"], &both, FOUND, &["203.0.113.7"]).expect("a name that does not resolve");
        assert!(unknown.message.contains("`nowhere.example.org`"), "{unknown}");
    }

    #[test]
    fn without_the_clients_kits_it_is_the_default_host_which_is_the_first_name_of_the_certificate() {
        assert_eq!(judged(&[], &["fl.example.org", "localhost"], FOUND, &["203.0.113.7"]), None);
        assert!(judged(&[], &["localhost", "fl.example.org"], FOUND, &["203.0.113.7"]).is_some());
        assert_eq!(judged(&[], &["203.0.113.9"], FOUND, &["203.0.113.9"]), None, "the certificate names the address itself");
        assert_eq!(judged(&[], &["lb.example.com"], &[], &["lb.example.com"]), None);
    }

    #[test]
    fn a_wildcard_cannot_be_looked_up_and_then_any_other_name_is_enough() {
        assert_eq!(judged(&[], &["*.example.org"], FOUND, &["198.51.100.1"]), None);
        assert_eq!(judged(&[], &["*.example.org", "localhost", "fl.example.org"], FOUND, &["203.0.113.7"]), None);
        assert!(judged(&[], &["*.example.org", "localhost"], FOUND, &["203.0.113.7"]).is_some());
        assert_eq!(judged(&[], &[], FOUND, &["198.51.100.1"]), None, "nothing is known");
    }
}

//! Cross checks of all participants: one server, one provisioning, no shared claim and no shared object.

use std::{
    collections::{HashMap, hash_map::Entry},
    hash::Hash,
};

use flare_diagnostic::{Checked, Code, Collector, Diagnostic, Faults, closest};
use flare_names::Role;
use flare_startup_kit::certificate_covers;
use flare_yaml::shown as printable;

use crate::{facts::ParticipantFacts, model::Participant, read::path_parts};

/// A participant of the file, with the decided facts about it.
#[derive(Debug, Clone, Copy)]
pub struct Member<'run> {
    /// Its entry in `federation.yaml`.
    pub entry: &'run Participant,
    /// The decided facts about it.
    pub facts: &'run ParticipantFacts,
}

/// Checks participants against each other.
///
/// Fails with every fault, in the order of the file, all with code `INVALID_FEDERATION`. Warns if clients look for the server
/// under a name that its certificate does not have, or at the wrong port.
/// Source: `docs/federation.md`, defect 15.
pub fn cross_check(members: &[Member<'_>]) -> Result<Checked<()>, Faults> {
    let mut found = Collector::new();
    let server = find_server(members, &mut found);
    for member in members {
        check_name(member, members, &mut found);
        found.extend(check_relay(member, members));
    }
    if let Some(reference) = server.or_else(|| members.first().copied()) {
        for member in members {
            check_provisioning(&reference, member, &mut found);
        }
    }
    // Clusters are told apart as they are written here; who can read their kubeconfigs compares them by `check_shared_objects`.
    let written = members.iter().map(|member| (member.entry.kubeconfig.as_deref().map(path_parts), &member.entry.context));
    let clusters: Vec<_> = written.collect();
    check_objects(members, &clusters, &mut found);
    if let Some(server) = server {
        check_calls(&server, members, &mut found);
    }
    let checked = found.finish(|| ());
    checked.map_err(|faults| faults.sort_by_key(|fault| fault.place.as_ref().and_then(|place| place.position)))
}

/// Checks that no two participants that run in one cluster share a claim or another object. `clusters` has the cluster of each member, in
/// their order: equal values for one cluster, however it is written in the file.
///
/// Fails with every fault, with code `INVALID_FEDERATION`, like [`cross_check`], which compares clusters as they are written.
pub fn check_shared_objects<Cluster: Eq + Hash>(members: &[Member<'_>], clusters: &[Cluster]) -> Result<(), Faults> {
    let mut found = Collector::new();
    check_objects(members, clusters, &mut found);
    found.finish(|| ()).map(|checked| checked.value)
}

/// The server first, then the clients in the order of the file, which is the order in which participants are installed: a
/// client can register only at a server that runs.
pub(crate) fn server_first<T>(participants: impl IntoIterator<Item = T>, role: impl Fn(&T) -> Role) -> Vec<T> {
    let mut ordered: Vec<T> = participants.into_iter().collect();
    ordered.sort_by_key(|participant| role(participant) != Role::Server);
    ordered
}

impl Member<'_> {
    fn label(&self) -> String {
        format!("`{}`", printable(&self.entry.name))
    }

    fn fault(&self, message: String, hint: impl Into<String>) -> Diagnostic {
        Diagnostic::error(Code::InvalidFederation, message).hint(hint).at(self.entry.places.name.clone())
    }

    fn kit_fault(&self, message: String, hint: impl Into<String>) -> Diagnostic {
        Diagnostic::error(Code::InvalidFederation, message).hint(hint).at(self.entry.places.kit.clone())
    }
}

fn find_server<'run>(members: &[Member<'run>], found: &mut Collector) -> Option<Member<'run>> {
    let servers: Vec<_> = members.iter().filter(|member| member.facts.role == Role::Server).collect();
    match servers[..] {
        [server] => return Some(*server),
        [] => {
            let mut fault = Diagnostic::error(Code::InvalidFederation, "no participant is a server")
                .hint("add the server's startup kit, the one that has `startup/fed_server.json`");
            fault.place = members.first().map(|member| member.entry.places.name.clone());
            found.push(fault);
        }
        [first, ref others @ ..] => found.extend(others.iter().map(|other| {
            let message = format!("{} and {} are both servers, and a federation has one", first.label(), other.label());
            other.fault(message, "keep one of the two, and describe the other federation in a file of its own")
        })),
    }
    None
}

/// Checks that the name in the file, which results show, is the kit's.
fn check_name(member: &Member<'_>, members: &[Member<'_>], found: &mut Collector) {
    let (written, actual) = (&member.entry.name, &member.facts.participant);
    if written == actual {
        return;
    }
    let other = members.iter().find(|other| &other.facts.participant == written);
    let hint = match other {
        Some(other) => {
            format!("the kit of `{}` is `{}`; did you mix up two kits?", printable(written), printable(&other.entry.kit))
        }
        None => match closest(written, [actual.as_str()]) {
            Some(near) => format!("did you mean `{}`?", printable(near)),
            None => format!("write `{}`", printable(actual)),
        },
    };
    let message =
        format!("`{}` is the startup kit of `{}`, not of {}", printable(&member.entry.kit), printable(actual), member.label());
    found.push(member.fault(message, hint));
}

/// Refuses a client behind a relay: it can log in only if that relay is part of the federation, and relays' kits are not
/// supported.
fn check_relay(member: &Member<'_>, members: &[Member<'_>]) -> Option<Diagnostic> {
    let relay = member.facts.relay.as_ref()?;
    if members.iter().any(|other| other.facts.participant == relay.name) {
        return None;
    }
    let message = format!(
        "{} logs in through the relay `{}` (`{}` in its kit), which is not a participant of this federation",
        member.label(),
        printable(&relay.name),
        relay.file
    );
    let hint =
        "connect this client to the server in project.yml (without `connect_to`) and provision again, or leave it out here";
    Some(member.kit_fault(message, hint))
}

fn check_provisioning(reference: &Member<'_>, member: &Member<'_>, found: &mut Collector) {
    let (base, facts) = (reference.facts, member.facts);
    let pair = format!("{} and {}", reference.label(), member.label());
    if base.root_fingerprint != facts.root_fingerprint {
        let message = format!("the kits of {pair} come from two provisionings: their root certificates differ");
        found.push(
            member.kit_fault(message, "take all kits from one `prod_NN` directory; distribute again after provisioning again"),
        );
    } else if let (Some(first), Some(second)) = (&base.project, &facts.project)
        && first != second
    {
        let message = format!("the kits of {pair} belong to two projects, `{}` and `{}`", printable(first), printable(second));
        found.push(member.kit_fault(message, "take all kits from one project"));
    }
    if base.target != facts.target {
        let message = format!("{pair} are prepared for two targets, {} and {}", base.target, facts.target);
        found.push(member.fault(message, "prepare all participants for one target: `defaults.target`"));
    }
}

/// Finds what two participants in one namespace share. Each is compared with the first owner, so that the time is linear and
/// ten participants on one claim give nine faults.
fn check_objects<Cluster: Eq + Hash>(members: &[Member<'_>], clusters: &[Cluster], found: &mut Collector) {
    let mut owners: HashMap<_, &Member<'_>> = HashMap::new();
    for (second, cluster) in members.iter().zip(clusters) {
        let place = (cluster, second.facts.namespace());
        // For each earlier participant that it collides with, in the order found, what they share.
        let mut met: Vec<(&Member<'_>, Vec<(&str, &str)>)> = Vec::new();
        for object in second.facts.owned_objects() {
            let first = match owners.entry((place, object)) {
                Entry::Vacant(free) => {
                    free.insert(second);
                    continue;
                }
                Entry::Occupied(owner) => *owner.get(),
            };
            match met.iter_mut().find(|(other, _)| std::ptr::eq(*other, first)) {
                Some((_, shared)) => shared.push(object),
                None => met.push((first, vec![object])),
            }
        }
        for (first, shared) in met {
            if shared.iter().any(|(kind, _)| *kind == "claim") {
                found.push(shared_claim(first, second));
            }
            found.extend(shared_objects(first, second, &shared));
        }
    }
}

/// Defect 15: on a shared claim the second kit overwrites the keys of the first.
fn shared_claim(first: &Member<'_>, second: &Member<'_>) -> Diagnostic {
    let (claim, namespace) = (&second.facts.claim, &second.facts.namespace);
    let message = format!(
        "{} and {} share the claim `{claim}` in namespace `{namespace}`: the second kit would overwrite the keys of the first",
        first.label(),
        second.label()
    );
    let hint = "give each participant its own claim (`claim: nvflws-NAME`) or its own namespace (`namespace: NAME`)";
    let mut fault = second.fault(message, hint);
    if let Some(place) = second.entry.places.claim.as_ref().or(second.entry.places.namespace.as_ref()) {
        fault.place = Some(place.clone());
    }
    fault
}

/// Two participants whose objects have the same name would overwrite each other's. Two servers are a separate fault.
fn shared_objects(first: &Member<'_>, second: &Member<'_>, shared: &[(&str, &str)]) -> Option<Diagnostic> {
    let objects = shared.iter().filter(|(kind, _)| *kind != "claim");
    let shared: Vec<_> = objects.map(|(kind, name)| format!("the {kind} `{name}`")).collect();
    if shared.is_empty() || (first.facts.role == Role::Server && second.facts.role == Role::Server) {
        return None;
    }
    let only_service = shared.len() == 1 && first.facts.names.service == second.facts.names.service;
    let hint = if only_service {
        "set another `server_service_name` for the server, or give one of the two its own namespace"
    } else {
        "give one of the two its own namespace (`namespace: NAME`)"
    };
    let message = format!(
        "{} and {} would share {} in namespace `{}`",
        first.label(),
        second.label(),
        shared.join(", "),
        second.facts.namespace
    );
    Some(second.fault(message, hint))
}

/// Compares the address that clients call with the server's certificate (`docs/behaviour.md` section 9) and port.
fn check_calls(server: &Member<'_>, members: &[Member<'_>], found: &mut Collector) {
    let Some(fl) = server.facts.fl_port else { return };
    for client in members.iter().filter(|member| member.facts.role == Role::Client) {
        let Some((host, port)) = &client.facts.server_target else { continue };
        let names = &server.facts.certificate_names;
        if !names.is_empty() && !certificate_covers(names, host) {
            let known: Vec<_> = names.iter().map(|name| format!("`{}`", printable(name))).collect();
            let message = format!(
                "{} calls the server `{}`, and the certificate of {} is for {}",
                client.label(),
                printable(host),
                server.label(),
                known.join(", ")
            );
            let hint = "add the name to the server's `host_names` in project.yml and provision again";
            found.push(Diagnostic::warning(Code::CertificateAtRisk, message).hint(hint).at(client.entry.places.name.clone()));
        }
        if let Some(port) = port.filter(|port| *port != fl) {
            let message = format!("{} calls the server at port {port}, and {} listens on {fl}", client.label(), server.label());
            let hint = format!("make port {port} lead to {fl}, or take kits of one provisioning");
            found.push(Diagnostic::warning(Code::Notice, message).hint(hint).at(client.entry.places.name.clone()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_server_comes_first_and_the_order_stays() {
        let ordered = server_first(["b", "server", "a"], |name| if *name == "server" { Role::Server } else { Role::Client });
        assert_eq!(ordered, ["server", "b", "a"]);
    }
}

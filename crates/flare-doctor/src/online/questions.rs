//! The request to the program in the parent's pod, from the prepared kit.

use std::collections::BTreeMap;

use flare_file_tree::Entry;
use flare_names::Role;
use flare_prepared_kit::PreparedKit;
use flare_site_plan::{LauncherRight, Ports, SitePlan};
use serde_json::Value;

use super::probe::{Link, Request, Right};

/// The two directories of a kit that the parent reads.
const KIT: [&str; 2] = ["startup/", "local/"];

pub(super) fn of(kit: &PreparedKit) -> Request {
    let plan = kit.plan();
    Request {
        root: plan.workspace.mount_path.clone(),
        files: files(kit),
        namespace: plan.namespace.to_string(),
        rights: rights(plan),
        links: links(kit),
    }
}

/// Only about the connections.
pub(super) fn of_links(kit: &PreparedKit) -> Request {
    Request { files: BTreeMap::new(), rights: Vec::new(), ..of(kit) }
}

fn files(kit: &PreparedKit) -> BTreeMap<String, String> {
    let files = kit.tree().iter().filter(|(_, entry)| matches!(entry, Entry::File { .. }));
    let of_kit = files.filter_map(|(path, _)| {
        let name = path.as_path().to_str()?;
        let digest = kit.digest(path)?;
        KIT.iter().any(|directory| name.starts_with(directory)).then(|| (name.to_owned(), digest.to_string()))
    });
    of_kit.collect()
}

/// Every permission of the chart's Role.
fn rights(plan: &SitePlan) -> Vec<Right> {
    let of = |right: LauncherRight| {
        let resource = right.resource.as_str();
        right.verbs.iter().map(move |verb| Right {
            group: String::new(),
            resource: resource.to_owned(),
            verb: (*verb).to_owned(),
        })
    };
    plan.launcher_rights().into_iter().flat_map(of).collect()
}

/// The connections to test: a client's to its server; those of clients and admin consoles to a server, through its Service.
fn links(kit: &PreparedKit) -> Vec<Link> {
    let plan = kit.plan();
    let link = |id, host: &str, port, name: &str| link(kit, id, host, port, name);
    match &plan.ports {
        Ports::Client { .. } => match &plan.server_target {
            Some((host, Some(port))) => vec![link("server", host, *port, host)],
            _ => Vec::new(),
        },
        Ports::Server { fl, admin, .. } => {
            let service = plan.names.service.as_str();
            // The name that clients use, if the kit specifies it.
            let name = plan.server_target.as_ref().map_or(service, |(host, _)| host.as_str());
            let admin = admin.map(|port| link("admin", service, port, name));
            std::iter::once(link("clients", service, *fl, name)).chain(admin).collect()
        }
    }
}

fn link(kit: &PreparedKit, id: &'static str, host: &str, port: u16, name: &str) -> Link {
    let plan = kit.plan();
    let (role_file, own) = match plan.role {
        Role::Server => ("startup/fed_server.json", "server"),
        Role::Client => ("startup/fed_client.json", "client"),
    };
    let security = security(kit, role_file);
    let file = |name: &str| format!("{}/startup/{name}", plan.workspace.mount_path);
    let mutual = security == Security::Mutual;
    Link {
        id,
        host: host.to_owned(),
        port,
        name: name.to_owned(),
        tls: security != Security::Clear,
        root: file("rootCA.pem"),
        certificate: mutual.then(|| file(&format!("{own}.crt"))),
        key: mutual.then(|| file(&format!("{own}.key"))),
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Security {
    Mutual,
    ServerOnly,
    Clear,
}

/// `connection_security` in the role file; mutual TLS if absent.
fn security(kit: &PreparedKit, role_file: &str) -> Security {
    let read = kit.tree().bytes(role_file).and_then(|bytes| serde_json::from_slice::<Value>(bytes).ok()).unwrap_or_default();
    let said = ["/client/connection_security", "/servers/0/connection_security"];
    match said.iter().find_map(|pointer| read.pointer(pointer)?.as_str()) {
        Some("clear") => Security::Clear,
        Some("tls") => Security::ServerOnly,
        _ => Security::Mutual,
    }
}

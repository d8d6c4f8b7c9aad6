//! The kit as a value, and reading it from a directory.

use flare_diagnostic::{Checked, Code, Collector, Diagnostic, Faults, Place};
use flare_file_tree::{Entry, FileTree};
use flare_names::Role;

use crate::{
    Certificates,
    certificate::{self, at_risk},
    directory::{Owner, ROLE_FILES},
    json,
    json::invalid,
    relay::{self, Relay},
    role_file::{self, RoleFile},
};

/// Which study files are in `local/`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct StudyFiles {
    /// `study_data.yaml` (2.8, and 2.9's older form).
    pub data: bool,
    /// `study_runtime.yaml` (2.9).
    pub runtime: bool,
}

/// Everything that later steps need to know about a startup kit.
#[derive(Debug, Clone)]
pub struct StartupKit {
    /// Server or client.
    pub role: Role,
    /// The participant's name. Server: `servers[0].identity`, otherwise `admin_server`, otherwise the directory's name. Client:
    /// `fqsn`, otherwise the directory's name; `site-1.child` for a client below another one.
    pub participant: String,
    /// The name under which the participant logs in (defect 27). Client: the certificate's CN if `fqsn` equals it or ends
    /// with `.` and it, otherwise the part after the last `.` of `fqsn`, otherwise the directory's name. Server: the participant.
    pub site: String,
    /// The first O of the certificate's subject.
    pub organization: String,
    /// Server: the port of `servers[0].service.target`, if there is one. Client: `None`.
    pub fl_port: Option<u16>,
    /// Server: `servers[0].admin_port`, otherwise the FL port, if there is one. Client: `None`.
    pub admin_port: Option<u16>,
    /// `servers[0].service.target` as host and port. Client: where it calls the server. Server: its own name and
    /// FL port; the address that clients call is only in their kits. `None` if the role file has none.
    pub server_target: Option<(String, Option<u16>)>,
    /// Client: the relay that it logs in through, from `local/relay__resources.json`.
    pub relay: Option<Relay>,
    /// The project's name, `servers[0].name`.
    pub project: Option<String>,
    /// The kit's certificates.
    pub certificates: Certificates,
    /// Which study files it has.
    pub study_files: StudyFiles,
    /// Whether `startup/signature.json` or `local/signature.json` signs files of the kit.
    pub signed: bool,
}

/// The file that lists the site's components.
const RESOURCES: &str = "local/resources.json.default";

impl StartupKit {
    /// Reads a kit. `directory_name` is the last component of the kit's path, which is the participant's name if the kit has none;
    /// `now` is the time in seconds since 1970, for the certificates' dates.
    ///
    /// Fails with every fault of the kit: `UNSUPPORTED_KIT` for an admin's kit, otherwise `INVALID_KIT`, with the file (path
    /// below the kit) as place. Warnings are about certificates. Source: `docs/behaviour.md` section 2, defects 12, 21,
    /// 27, 31.
    pub fn read(tree: &FileTree, directory_name: &str, now: i64) -> Result<Checked<Self>, Faults> {
        let (role_path, role) = check_layout(tree)?;
        let mut found = Collector::new();
        let role_file = found.keep(json::object(tree, role_path));
        let mut role_file = role_file.map(|object| role_file::read(role, role_path, &object, &mut found)).unwrap_or_default();
        found.keep(json::object(tree, RESOURCES));
        let relay = relay::read(tree, role, &mut found);
        let certificates = found.keep_checked(certificate::read(tree, role, now));
        found.extend(role_file.warning.take());
        found.extend(relay.as_ref().map(behind_relay));
        // The kit is built only if there was no fault.
        let kit = certificates.filter(|_| !found.has_errors()).map(|certificates| {
            let kit = assemble(tree, directory_name, role, role_file, certificates, &mut found);
            StartupKit { relay, ..kit }
        });
        found.finish_some(kit)
    }
}

/// The role file and its role. Without one nothing else can be checked, so these faults are reported alone.
fn check_layout(tree: &FileTree) -> Result<(&'static str, Role), Faults> {
    let missing = ["startup", "local"]
        .into_iter()
        .filter(|directory| !matches!(tree.get(directory), Some(Entry::Directory { .. })))
        .map(|directory| {
            invalid(directory, format!("the kit has no directory `{directory}`"))
                .hint("name the directory that holds `startup` and `local`")
        });
    if let Some(faults) = Faults::from_list(missing.collect()) {
        return Err(faults);
    }
    let found: Vec<_> = ROLE_FILES.into_iter().filter(|(file, _)| tree.is_file(file)).collect();
    let fault = match found.as_slice() {
        [(file, Owner::Participant(role))] => return Ok((file, *role)),
        [(file, Owner::Admin)] => {
            Diagnostic::error(Code::UnsupportedKit, format!("this is an admin's kit (`{file}`): admins do not run in Kubernetes"))
                .hint("prepare the kit of a server or a client")
                .at(Place::file(*file))
        }
        [(file, Owner::Relay)] => invalid(file, format!("this is a relay's kit (`{file}`): relays are not supported"))
            .hint("prepare the kit of a server or a client"),
        [] => invalid("startup", "there is no role file in `startup`: `fed_server.json` or `fed_client.json`")
            .hint("name the directory of a startup kit, as provision made it"),
        several => {
            let names: Vec<_> = several.iter().map(|(file, _)| format!("`{file}`")).collect();
            invalid("startup", format!("there is more than one role file: {}", names.join(", ")))
                .hint("keep the one that provision made for this participant")
        }
    };
    let unsupported = matches!(found.as_slice(), [(_, Owner::Admin | Owner::Relay)]);
    let resources = if unsupported { None } else { json::object(tree, RESOURCES).err() };
    Err(Faults::new(fault, resources))
}

fn assemble(
    tree: &FileTree,
    directory_name: &str,
    role: Role,
    role_file: RoleFile,
    certificates: Certificates,
    found: &mut Collector,
) -> StartupKit {
    let common_name = certificates.identity.common_name.as_deref();
    let site = match (role, &role_file.name) {
        (Role::Client, Some(fqsn)) => own_name(fqsn, common_name).to_owned(),
        (_, Some(name)) => name.clone(),
        (_, None) => directory_name.to_owned(),
    };
    if role == Role::Client || role_file.name_is_identity {
        found.extend(name_differs(&site, role, &certificates));
    }
    let server_port = role_file.target.as_ref().and_then(|(_, port)| *port);
    let fl_port = server_port.filter(|_| role == Role::Server);
    StartupKit {
        role,
        participant: role_file.name.unwrap_or_else(|| directory_name.to_owned()),
        site,
        organization: certificates.identity.organizations[0].clone(),
        fl_port,
        admin_port: role_file.admin_port.or(fl_port),
        server_target: role_file.target,
        relay: None,
        project: role_file.project,
        certificates,
        study_files: StudyFiles {
            data: tree.is_file("local/study_data.yaml"),
            runtime: tree.is_file("local/study_runtime.yaml"),
        },
        signed: tree.is_file("startup/signature.json") || tree.is_file("local/signature.json"),
    }
}

/// Defect 27: a client logs in under its own name, the last part of its `fqsn`. If the name itself contains dots (provision
/// makes none, other tools may), the certificate tells which part that is.
fn own_name<'name>(fqsn: &'name str, common_name: Option<&'name str>) -> &'name str {
    if let Some(name) = common_name.filter(|name| !name.is_empty())
        && (fqsn == name || fqsn.strip_suffix(name).is_some_and(|above| above.ends_with('.')))
    {
        return name;
    }
    fqsn.rsplit('.').find(|part| !part.is_empty()).unwrap_or(fqsn)
}

/// The warning about a CN that differs from the name. Not an error: FLARE compares them only at login, and the reference
/// prepares such kits.
fn name_differs(site: &str, role: Role, certificates: &Certificates) -> Option<Diagnostic> {
    let identity = &certificates.identity;
    if identity.common_name.as_deref() == Some(site) {
        return None;
    }
    let consequence = match role {
        Role::Client => "the server will refuse its login",
        Role::Server => "clients will refuse it",
    };
    let subject = match &identity.common_name {
        Some(name) => format!("is for `{name}`"),
        None => "names nobody (no CN)".to_owned(),
    };
    let message = format!("`{}` {subject}, and the participant is `{site}`: {consequence}", identity.file);
    Some(at_risk(&identity.file, message).hint("name the kit and its certificate alike: provision the project again"))
}

fn behind_relay(relay: &Relay) -> Diagnostic {
    let address = relay.address.as_deref().map(|address| format!(" at `{address}`")).unwrap_or_default();
    let message = format!("this client logs in through the relay `{}`{address}, and flare-kube runs no relays", relay.name);
    Diagnostic::warning(Code::Notice, message)
        .hint("let the relay run where this client's pods reach it, or provision again without `connect_to`")
        .at(Place::file(relay.file))
}

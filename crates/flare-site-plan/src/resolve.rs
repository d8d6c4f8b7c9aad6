//! From kit, config and target to the plan.

use flare_diagnostic::{Checked, Code, Collector, Diagnostic, Faults, Place};
use flare_launcher_args::LauncherArgs;
use flare_names::{ParticipantNames, Role, SERVER_MODULE, Target, VolumeName};
use flare_site_config::{InternalSecurity, SiteConfig};
use flare_startup_kit::{StartupKit, StudyFiles};

use crate::{
    facts,
    job_launcher::{self, LauncherChoice},
    plan::{Image, InternalConnection, JobLauncher, Parent, Ports, PullPolicy, SitePlan, StudyTemplate, Workspace},
};

/// Faults that the user accepts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Acceptance {
    /// Certificates that a strict verifier refuses (defect 21); an image with an older Python may accept them.
    pub certificates: bool,
}

/// Decides every fact about a participant. Fails with all faults that can only be found from kit and config together.
pub fn resolve(
    kit: &StartupKit,
    config: &SiteConfig,
    target: Target,
    acceptance: Acceptance,
    launcher: LauncherChoice,
) -> Result<Checked<SitePlan>, Faults> {
    let mut found = Collector::new();
    let ports = ports(kit, config);
    check_ports(&ports, config, &mut found);
    job_launcher::check(config, target, launcher, &mut found);
    check_internal_link(kit, config, target, acceptance, &mut found);
    check_release(config, target, &mut found);
    found.extend(facts::study_files_conflict(target, kit.study_files.data, kit.study_files.runtime));
    found.finish(|| SitePlan { job_launcher: job_launcher::decide(config, launcher), ..plan(kit, config, target, ports) })
}

fn ports(kit: &StartupKit, config: &SiteConfig) -> Ports {
    let parent = config.parent.parent_port;
    match kit.role {
        Role::Client => Ports::Client { parent },
        Role::Server => {
            let fl = kit.fl_port.unwrap_or(DEFAULT_FL_PORT);
            Ports::Server { fl, admin: kit.admin_port.filter(|admin| *admin != fl), parent }
        }
    }
}

/// The FL port of a server whose kit does not name one.
const DEFAULT_FL_PORT: u16 = 8002;

/// Defect 12: a Service cannot have the same port twice, which the API server would report only at install.
fn check_ports(ports: &Ports, config: &SiteConfig, found: &mut Collector) {
    let Ports::Server { fl, admin, parent } = *ports else { return };
    let taken = if parent == fl {
        "FL port"
    } else if Some(parent) == admin {
        "admin port"
    } else {
        return;
    };
    let mut fault =
        Diagnostic::error(Code::InvalidConfig, format!("`parent.parent_port` is {parent}, which is the server's {taken}"))
            .hint(format!("choose another `parent_port`, such as {}", free_port(fl, admin)));
    fault.place = config.place("parent.parent_port").cloned();
    found.push(fault);
}

/// The default parent port, or the next one that the server does not use itself.
fn free_port(fl: u16, admin: Option<u16>) -> u16 {
    (8102..=u16::MAX).find(|port| *port != fl && Some(*port) != admin).unwrap_or(8102)
}

/// A release without mutual TLS supports only a clear link, whatever the config says.
const fn internal_security(config: &SiteConfig, target: Target) -> InternalSecurity {
    if target.capabilities().internal_mutual_tls { config.parent.internal_connection_security } else { InternalSecurity::Clear }
}

/// Defects 17 and 21.
fn check_internal_link(kit: &StartupKit, config: &SiteConfig, target: Target, acceptance: Acceptance, found: &mut Collector) {
    if internal_security(config, target) == InternalSecurity::Clear {
        let tokens = if target.capabilities().credentials_in_secret {
            String::new()
        } else {
            format!(", and job tokens stand on the job pods' command lines: FLARE {target} knows no other way")
        };
        let message = format!("the link between parent and job pods is not encrypted{tokens}");
        let mut warning = Diagnostic::warning(Code::ClearInternalLink, message).hint(facts::clear_link_hint(target));
        warning.place = config.place("parent.internal_connection_security").cloned();
        found.push(warning);
        return;
    }
    let identity = &kit.certificates.identity;
    let mut refusals = Vec::new();
    if !(identity.may_serve && identity.may_connect) {
        refusals.push(certificate_fault(
            target,
            &identity.file,
            "extendedKeyUsage",
            "must allow both serverAuth and clientAuth, since both ends of the internal link show the same certificate",
            "use a kit of `nvflare provision`, whose certificates have no such restriction",
        ));
    }
    for fault in &kit.certificates.strict_faults {
        let remedy = "provision the project again with FLARE 2.7 or later";
        refusals.push(certificate_fault(target, &fault.file, fault.extension, &fault.message, remedy));
    }
    if acceptance.certificates {
        found.extend(refusals.into_iter().map(|mut fault| {
            fault.code = Code::CertificateAtRisk;
            fault.into_warning()
        }));
    } else {
        found.extend(refusals);
    }
}

fn certificate_fault(target: Target, file: &str, extension: &str, message: &str, remedy: &str) -> Diagnostic {
    Diagnostic::error(
        Code::InvalidKit,
        format!("`{file}` cannot carry the internal mutual TLS of FLARE {target}: `{extension}` {message}"),
    )
    .hint(format!(
        "{remedy}; or pass `--accept-certificates` where the image's Python takes them (before 3.13); \
         or set `parent.internal_connection_security: clear`"
    ))
    .at(Place::file(file))
}

/// Warns if the image's tag names a release other than the target.
fn check_release(config: &SiteConfig, target: Target, found: &mut Collector) {
    let place = config.place("parent.docker_image").cloned();
    let image = &config.parent.docker_image;
    if !Image::from(image.clone()).is_fixed() {
        let mut warning = Diagnostic::warning(
            Code::FloatingImage,
            format!("the image `{image}` has no tag that fixes its content; it will change under you"),
        )
        .hint("give a release tag or a digest");
        warning.place.clone_from(&place);
        found.push(warning);
    }
    let Some(other) = image.tag.as_deref().and_then(|tag| target.other_release(tag)) else {
        return;
    };
    let mut warning = Diagnostic::warning(
        Code::ReleaseMismatch,
        format!("the image `{image}` looks like FLARE {other}, and the kit is prepared for {target}"),
    )
    .hint(match other.parse::<Target>() {
        Ok(known) => format!("pass `--target {known}`, or use an image of FLARE {target}"),
        Err(_) => format!("use an image of FLARE {target}"),
    });
    warning.place = place;
    found.push(warning);
}

fn plan(kit: &StartupKit, config: &SiteConfig, target: Target, ports: Ports) -> SitePlan {
    let names = ParticipantNames::derive(kit.role, &kit.participant, &kit.site, &config.server_service_name);
    let mount_path = config.parent.workspace_mount_path.clone();
    SitePlan {
        target,
        role: kit.role,
        participant: kit.participant.clone(),
        site: kit.site.clone(),
        organization: kit.organization.clone(),
        project: kit.project.clone(),
        root_fingerprint: kit.certificates.root_fingerprint.clone(),
        server_target: kit.server_target.clone(),
        names,
        namespace: config.namespace.clone(),
        ports,
        internal_connection: InternalConnection { security: internal_security(config, target) },
        parent: Parent {
            image: config.parent.docker_image.clone().into(),
            image_pull_policy: match kit.role {
                Role::Server => PullPolicy::IfNotPresent,
                Role::Client => PullPolicy::Always,
            },
            command: vec![config.parent.python_path.clone()],
            args: parent_args(kit, &mount_path),
            resources: config.parent.resources.clone(),
            security_context: config.parent.pod_security_context.clone().unwrap_or_default(),
            image_pull_secrets: config.parent.image_pull_secrets.clone().unwrap_or_default(),
        },
        launcher: launcher_args(kit, config, target),
        job_launcher: JobLauncher::Flare,
        study_template: study_template(kit, target),
        workspace: Workspace {
            claim: config.parent.workspace_pvc.clone(),
            volume: VolumeName::new("workspace").expect("a literal that is a volume name"),
            mount_path,
        },
    }
}

fn parent_args(kit: &StartupKit, mount_path: &str) -> Vec<String> {
    let (module, role_file) = match kit.role {
        Role::Server => (SERVER_MODULE, "fed_server.json"),
        Role::Client => ("nvflare.private.fed.app.client.client_train", "fed_client.json"),
    };
    let organization = format!("org={}", kit.organization);
    ["-u", "-m", module, "-m", mount_path, "-s", role_file, "--set", "secure_train=true", "config_folder=config", &organization]
        .map(str::to_owned)
        .to_vec()
}

fn launcher_args(kit: &StartupKit, config: &SiteConfig, target: Target) -> LauncherArgs {
    let mount_path = &config.parent.workspace_mount_path;
    let names_study_data = !target.capabilities().study_runtime_file || kit.study_files.data;
    LauncherArgs {
        config_file_path: config.job_launcher.config_file_path.clone(),
        study_data_pvc_file_path: names_study_data.then(|| format!("{mount_path}/local/study_data.yaml")),
        namespace: config.namespace.clone(),
        default_python_path: config.job_launcher.default_python_path.clone(),
        workspace_mount_path: mount_path.clone(),
        pending_timeout: config.job_launcher.pending_timeout,
        ephemeral_storage: config.job_launcher.ephemeral_storage.clone(),
        security_context: config.job_launcher.job_pod_security_context.clone().filter(|context| !context.is_empty()),
        image_pull_secrets: config.job_launcher.image_pull_secrets.clone(),
    }
}

fn study_template(kit: &StartupKit, target: Target) -> Option<StudyTemplate> {
    let StudyFiles { data, runtime } = kit.study_files;
    if target.capabilities().study_runtime_file {
        (!data && !runtime).then_some(StudyTemplate::StudyRuntime)
    } else {
        (!data).then_some(StudyTemplate::StudyData)
    }
}

//! A plan for the tests of other crates, which include this file.

use flare_launcher_args::LauncherArgs;
use flare_names::{NamespaceName, ParticipantNames, Role, ServiceName, Target, VolumeName};
use flare_site_plan::{
    Image, InternalConnection, InternalSecurity, JobLauncher, Parent, Ports, PullPolicy, SitePlan, StudyTemplate, Workspace,
};
use serde_json::Map;

/// The plan of `nvflare-server` or `site-1` with a config that has only defaults.
pub(crate) fn plan(role: Role, target: Target) -> SitePlan {
    let participant = match role {
        Role::Server => "nvflare-server",
        Role::Client => "site-1",
    };
    let mount_path = "/var/tmp/nvflare/workspace".to_owned();
    let namespace = NamespaceName::new("nvflare").unwrap();
    let study_data = format!("{mount_path}/local/study_data.yaml");
    let release = target.capabilities();
    SitePlan {
        target,
        role,
        participant: participant.to_owned(),
        site: participant.to_owned(),
        organization: "nvidia".to_owned(),
        project: None,
        root_fingerprint: "00".repeat(32),
        server_target: None,
        names: ParticipantNames::derive(role, participant, participant, &ServiceName::new("nvflare-server").unwrap()),
        namespace: namespace.clone(),
        ports: match role {
            Role::Server => Ports::Server { fl: 8002, admin: Some(8003), parent: 8102 },
            Role::Client => Ports::Client { parent: 8102 },
        },
        internal_connection: InternalConnection {
            security: if release.internal_mutual_tls { InternalSecurity::Mtls } else { InternalSecurity::Clear },
        },
        parent: Parent {
            image: Image { repository: "nvflare".to_owned(), tag: target.to_string(), digest: String::new() },
            image_pull_policy: PullPolicy::Always,
            command: vec!["/usr/local/bin/python3".to_owned()],
            args: Vec::new(),
            resources: Map::new(),
            security_context: Map::new(),
            image_pull_secrets: Vec::new(),
        },
        launcher: LauncherArgs {
            config_file_path: None,
            study_data_pvc_file_path: (!release.study_runtime_file).then_some(study_data),
            namespace,
            default_python_path: "/usr/local/bin/python3".to_owned(),
            workspace_mount_path: mount_path.clone(),
            pending_timeout: None,
            ephemeral_storage: None,
            security_context: None,
            image_pull_secrets: None,
        },
        job_launcher: JobLauncher::Flare,
        study_template: Some(if release.study_runtime_file { StudyTemplate::StudyRuntime } else { StudyTemplate::StudyData }),
        workspace: Workspace { claim: "nvflws".parse().unwrap(), volume: VolumeName::new("workspace").unwrap(), mount_path },
    }
}

//! Kits and plans for the tests.

use flare_diagnostic::{Checked, Code, Diagnostic, Faults};
use flare_file_tree::{FileTree, RelativePath};
use flare_kit_patch::patch;
use flare_launcher_args::LauncherArgs;
use flare_names::{NamespaceName, ParticipantNames, Role, ServiceName, Target, VolumeName};
use flare_site_config::InternalSecurity;
use flare_site_plan::{Image, Internal, Parent, Ports, SitePlan, StudyTemplate, Workspace};
use serde_json::{Map, Value};

pub(crate) const RESOURCES: &str = "local/resources.json.default";
pub(crate) const COMM_CONFIG: &str = "local/comm_config.json";
pub(crate) const BOTH_ROLES: [Role; 2] = [Role::Server, Role::Client];

/// The plan of `nvflare-server` or `site-1` with a config of defaults.
pub(crate) fn plan(role: Role, target: Target) -> SitePlan {
    let participant = match role {
        Role::Server => "nvflare-server",
        Role::Client => "site-1",
    };
    let mount_path = "/var/tmp/nvflare/workspace".to_owned();
    let namespace = NamespaceName::new("nvflare").unwrap();
    let study_data = format!("{mount_path}/local/study_data.yaml");
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
        internal: Internal {
            security: match target {
                Target::V2_8 => InternalSecurity::Clear,
                Target::V2_9 => InternalSecurity::Mtls,
            },
        },
        parent: Parent {
            image: Image { repository: "nvflare".to_owned(), tag: target.to_string(), digest: String::new() },
            image_pull_policy: "Always".to_owned(),
            command: vec!["/usr/local/bin/python3".to_owned()],
            args: Vec::new(),
            resources: Map::new(),
            security_context: Map::new(),
            image_pull_secrets: Vec::new(),
        },
        launcher: LauncherArgs {
            config_file_path: None,
            study_data_pvc_file_path: (target == Target::V2_8).then_some(study_data),
            namespace,
            default_python_path: "/usr/local/bin/python3".to_owned(),
            workspace_mount_path: mount_path.clone(),
            pending_timeout: None,
            ephemeral_storage: None,
            security_context: None,
            image_pull_secrets: None,
        },
        study_template: Some(match target {
            Target::V2_8 => StudyTemplate::StudyData,
            Target::V2_9 => StudyTemplate::StudyRuntime,
        }),
        workspace: Workspace { claim: "nvflws".parse().unwrap(), volume: VolumeName::new("workspace").unwrap(), mount_path },
    }
}

/// A kit as `provision` writes it, without its keys.
pub(crate) fn kit(role: Role) -> FileTree {
    let (resources, role_file) = match role {
        Role::Server => (include_str!("../data/server.json"), "startup/fed_server.json"),
        Role::Client => (include_str!("../data/client.json"), "startup/fed_client.json"),
    };
    let mut kit = FileTree::new();
    put(&mut kit, RESOURCES, resources);
    put(&mut kit, role_file, "{}");
    for script in ["start.sh", "sub_start.sh", "stop_fl.sh"] {
        let path = RelativePath::new(format!("startup/{script}")).unwrap();
        kit.insert_file(path, "#!/bin/bash\n", 0o755);
    }
    kit
}

pub(crate) fn put(tree: &mut FileTree, path: &str, text: impl Into<Vec<u8>>) {
    tree.insert_file(RelativePath::new(path).unwrap(), text, 0o644);
}

/// A kit whose resources are only these components.
pub(crate) fn kit_with_components(role: Role, components: &str) -> FileTree {
    let mut kit = kit(role);
    put(&mut kit, RESOURCES, format!(r#"{{"components": {components}}}"#));
    kit
}

pub(crate) fn text(tree: &FileTree, path: &str) -> String {
    String::from_utf8(tree.bytes(path).unwrap_or_else(|| panic!("no {path}")).to_vec()).unwrap()
}

pub(crate) fn json(tree: &FileTree, path: &str) -> Value {
    serde_json::from_str(&text(tree, path)).unwrap()
}

pub(crate) fn patched(kit: FileTree, plan: &SitePlan) -> Checked<FileTree> {
    patch(kit, plan).unwrap_or_else(|faults| panic!("{faults}"))
}

pub(crate) fn faults(kit: FileTree, plan: &SitePlan) -> Faults {
    patch(kit, plan).expect_err("a fault")
}

/// `file:line:column message`, one per line.
pub(crate) fn shown<'a>(diagnostics: impl IntoIterator<Item = &'a Diagnostic>) -> String {
    diagnostics.into_iter().map(|one| format!("{one}\n")).collect()
}

/// Every fault is of the kit, names a file, and says what to do.
pub(crate) fn assert_invalid_kit(faults: &Faults) {
    for fault in faults.all() {
        assert_eq!(fault.code, Code::InvalidKit, "{fault}");
        assert!(fault.hint.is_some() && fault.place.is_some(), "{fault}");
    }
}

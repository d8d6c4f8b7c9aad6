//! Plans, kits and charts for the tests.

use flare_diagnostic::{Diagnostic, Faults};
use flare_file_tree::{FileTree, RelativePath};
use flare_launcher_args::{COMPONENT_ID, LauncherArgs, launcher_class};
use flare_names::{NamespaceName, ParticipantNames, Role, ServiceName, Target, VolumeName};
use flare_prepared_kit::PreparedKit;
use flare_site_config::InternalSecurity;
use flare_site_plan::{Image, Internal, Parent, Ports, SitePlan, StudyTemplate, Workspace};
use serde_json::{Map, json};

pub(crate) const ROLES: [Role; 2] = [Role::Server, Role::Client];

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

pub(crate) fn put(tree: &mut FileTree, path: &str, text: impl Into<Vec<u8>>) {
    tree.insert_file(RelativePath::new(path).unwrap(), text, 0o644);
}

pub(crate) fn text(tree: &FileTree, path: &str) -> String {
    String::from_utf8(tree.bytes(path).unwrap_or_else(|| panic!("no {path}")).to_vec()).unwrap()
}

/// A kit after patching.
pub(crate) fn kit(plan: &SitePlan) -> FileTree {
    let mut kit = FileTree::new();
    let launcher = json!({"id": COMPONENT_ID, "path": launcher_class(plan.role), "args": plan.launcher});
    put(&mut kit, "local/resources.json.default", json!({"components": [launcher]}).to_string());
    let resources =
        json!({"host": plan.names.service, "port": plan.ports.parent(), "connection_security": plan.internal.security});
    put(&mut kit, "local/comm_config.json", json!({"internal": {"scheme": "tcp", "resources": resources}}).to_string());
    put(&mut kit, "local/study_data.yaml", "{}\n");
    put(&mut kit, "startup/rootCA.pem", "root");
    put(&mut kit, "startup/client.key", "very secret key material");
    put(&mut kit, "transfer/job.zip", "zip");
    kit
}

/// The part of a chart that this crate looks into.
pub(crate) fn chart(plan: &SitePlan) -> FileTree {
    let ports = match &plan.ports {
        Ports::Server { fl, admin, parent } => {
            format!(
                "fedLearnPort: {fl}\nadminPort: {}\nparentPort: {parent}\n",
                admin.map_or("null".to_owned(), |port| port.to_string())
            )
        }
        Ports::Client { parent } => format!("siteName: \"{}\"\nport: {parent}\n", plan.site),
    };
    let args: String = plan.parent.args.iter().map(|arg| format!("  - \"{arg}\"\n")).collect();
    let values = format!(
        "name: \"{}\"\nserviceName: \"{}\"\n{ports}persistence:\n  workspace:\n    claimName: \"nvflws\"\n    mountPath: \"{}\"\n\
         workspaceConfig:\n  namespace: null\n  local:\n    configMapName: null\n  startup:\n    secretName: null\nargs:\n{args}",
        plan.participant, plan.names.service, plan.workspace.mount_path
    );
    let mut chart = FileTree::new();
    put(&mut chart, "Chart.yaml", "name: chart\n");
    put(&mut chart, "values.yaml", values);
    put(&mut chart, "templates/service.yaml", "kind: Service\n");
    chart
}

pub(crate) fn prepared(role: Role, target: Target) -> PreparedKit {
    let mut plan = plan(role, target);
    plan.parent.args = ["-u", "-m", "module", "-m", &plan.workspace.mount_path, "-s", "fed.json", "--set", "org=nvidia"]
        .map(str::to_owned)
        .to_vec();
    PreparedKit::assemble(plan.clone(), kit(&plan), chart(&plan)).unwrap()
}

/// A prepared tree with one file replaced in it.
pub(crate) fn edited(role: Role, path: &str, old: &str, new: &str) -> FileTree {
    let mut tree = prepared(role, Target::V2_8).tree().clone();
    let before = text(&tree, path);
    assert!(before.contains(old), "`{old}` is not in {before}");
    put(&mut tree, path, before.replacen(old, new, 1));
    tree
}

pub(crate) fn shown<'a>(diagnostics: impl IntoIterator<Item = &'a Diagnostic>) -> String {
    diagnostics.into_iter().map(|one| format!("{one}\n")).collect()
}

pub(crate) fn faults(tree: FileTree) -> Faults {
    PreparedKit::from_tree(tree, flare_prepared_kit::Acceptance::default()).expect_err("a fault")
}

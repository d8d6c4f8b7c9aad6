#![doc = include_str!("../README.md")]

use flare_names::{NamespaceName, PullSecretName, Role};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The component id under which FLARE looks for the launcher.
pub const COMPONENT_ID: &str = "k8s_launcher";

/// The Python class of the launcher for a role.
pub const fn launcher_class(role: Role) -> &'static str {
    match role {
        Role::Server => "nvflare.app_opt.job_launcher.k8s_launcher.ServerK8sJobLauncher",
        Role::Client => "nvflare.app_opt.job_launcher.k8s_launcher.ClientK8sJobLauncher",
    }
}

/// What a prepared kit tells the launcher. The order of the fields is the order in the file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LauncherArgs {
    /// A kubeconfig inside the parent's container; `None` (written as null) means the in-cluster configuration.
    pub config_file_path: Option<String>,
    /// The path of `study_data.yaml` in the parent's container. 2.8: always; 2.9: only if the kit has the file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub study_data_pvc_file_path: Option<String>,
    /// The namespace in which job pods are created.
    pub namespace: NamespaceName,
    /// The Python of job pods, unless a job names its own.
    pub default_python_path: String,
    /// Where job pods mount their workspace; the parent mounts its claim at the same path.
    pub workspace_mount_path: String,
    /// How long a job pod may stay pending, in seconds; left out: the launcher's own 120.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pending_timeout: Option<u64>,
    /// The `securityContext` of job pods, passed through.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub security_context: Option<Map<String, Value>>,
    /// Secrets with registry credentials for job pods. An empty list is written as an empty list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image_pull_secrets: Option<Vec<PullSecretName>>,
    /// The ephemeral storage of job pods that do not ask for their own, a quantity; left out: the launcher's own `1Gi`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ephemeral_storage: Option<String>,
}

//! The checked configuration.

use std::collections::BTreeMap;

use flare_diagnostic::{Place};
use flare_names::{ClaimName, NamespaceName, PullSecretName, ServiceName};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::image::ImageReference;

/// Security of the link between a parent and its job pods.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum InternalSecurity {
    /// Not encrypted: all that 2.8's job process understands.
    Clear,
    /// Mutual TLS with the certificates of the kit, the default of 2.9.
    Mtls,
}

impl InternalSecurity {
    /// As it stands in `comm_config.json`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Clear => "clear",
            Self::Mtls => "mtls",
        }
    }
}

/// `k8s.yaml` after all checks, with every default that needs no kit.
#[derive(Debug, Clone, PartialEq)]
pub struct SiteConfig {
    /// Where the parent and its job pods run; default `default`.
    pub namespace: NamespaceName,
    /// The Service of a server; default `nvflare-server`. A client's follows from its name.
    pub server_service_name: ServiceName,
    /// The parent pod.
    pub parent: ParentConfig,
    /// What the job launcher is told.
    pub job_launcher: JobLauncherConfig,
    /// Where each key that was written stands: `parent.parent_port` → place of its value.
    pub places: BTreeMap<String, Place>,
}

/// The block `parent`.
#[derive(Debug, Clone, PartialEq)]
pub struct ParentConfig {
    /// `docker_image`.
    pub image: ImageReference,
    /// `parent_port`; default 8102.
    pub parent_port: u16,
    /// `workspace_pvc`; default `nvflws`.
    pub workspace_claim: ClaimName,
    /// `workspace_mount_path`; default `/var/tmp/nvflare/workspace`. Absolute, in its shortest form, not `/`.
    pub workspace_mount_path: String,
    /// `python_path`; default `/usr/local/bin/python3`.
    pub python_path: String,
    /// `resources`; default requests of 2 CPU and 8Gi. `{}` means no requests (defect 12). Values as written.
    pub resources: Map<String, Value>,
    /// `pod_security_context`, passed through; empty where left out.
    pub pod_security_context: Map<String, Value>,
    /// `image_pull_secrets`; empty where left out.
    pub image_pull_secrets: Vec<PullSecretName>,
    /// `internal_connection_security`; 2.8: always clear, 2.9: default mutual TLS.
    pub internal_connection_security: InternalSecurity,
}

/// The block `job_launcher`.
#[derive(Debug, Clone, PartialEq)]
pub struct JobLauncherConfig {
    /// `config_file_path`; `None` means the in-cluster configuration.
    pub config_file_path: Option<String>,
    /// `default_python_path`; default `/usr/local/bin/python3`.
    pub default_python_path: String,
    /// `pending_timeout` in seconds; `None` leaves the launcher's own 120.
    pub pending_timeout: Option<u64>,
    /// `job_pod_security_context`; `None` where left out or `{}`.
    pub job_pod_security_context: Option<Map<String, Value>>,
    /// `image_pull_secrets`; `Some` of an empty list where `[]` is written.
    pub image_pull_secrets: Option<Vec<PullSecretName>>,
}

impl SiteConfig {
    /// Where a key stands, for checks that need more than the config; `None` where it was not written.
    pub fn place(&self, key: &str) -> Option<&Place> {
        self.places.get(key)
    }
}

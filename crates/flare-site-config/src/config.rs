//! The checked configuration.

use std::collections::BTreeMap;

use flare_diagnostic::{Checked, Code, Diagnostic, Faults, Place};
use flare_names::{ClaimName, InvalidName, NamespaceName, PullSecretName, ServiceName, Target};
use flare_yaml::{Document, Node};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{
    defaults,
    image::ImageReference,
    shape::{Reader, Shape as _},
    table::{ConfigBlock, LauncherBlock, ParentBlock},
};

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
    /// `ephemeral_storage` of job pods, a quantity above 0 as written; `None` leaves the launcher's own 1Gi.
    pub ephemeral_storage: Option<String>,
    /// `job_pod_security_context`; `None` where left out or `{}`.
    pub job_pod_security_context: Option<Map<String, Value>>,
    /// `image_pull_secrets`; `Some` of an empty list where `[]` is written.
    pub image_pull_secrets: Option<Vec<PullSecretName>>,
}

impl SiteConfig {
    /// Reads `k8s.yaml` for a target. `file` is the name that places carry. Every fault of the file at once, in its order,
    /// with the code `INVALID_CONFIG` (`docs/behaviour.md` section 1).
    pub fn parse(bytes: &[u8], file: &str, target: Target) -> Result<Checked<Self>, Faults> {
        Self::from_document(&flare_yaml::parse(bytes, file, Code::InvalidConfig)?, target)
    }

    /// Reads a `k8s.yaml` that was parsed before, as [`SiteConfig::parse`] does.
    pub fn from_document(document: &Document, target: Target) -> Result<Checked<Self>, Faults> {
        read(&document.root, target, document.faults.clone())
    }

    /// Reads a config that is part of another file, or was put together from several (see [`Node::overlay`]).
    pub fn from_node(node: &Node, target: Target) -> Result<Checked<Self>, Faults> {
        read(node, target, Vec::new())
    }

    /// Where a key stands, for checks that need more than the config; `None` where it was not written.
    pub fn place(&self, key: &str) -> Option<&Place> {
        self.places.get(key)
    }
}

/// Reads the table and adds what was found to the faults that the document has already.
fn read(node: &Node, target: Target, found: Vec<Diagnostic>) -> Result<Checked<SiteConfig>, Faults> {
    let mut reader = Reader::new(target);
    let block = ConfigBlock::read(node, "", &mut reader);
    let places = std::mem::take(&mut reader.places);
    let faults = reader.into_faults(found);
    let config = Faults::check(faults, || block.and_then(|block| checked(block, target, places)))?;
    // The reader leaves a required key out only together with a fault, and the defaults are valid names.
    config
        .map(Checked::clean)
        .ok_or_else(|| Diagnostic::error(Code::Internal, "a config without faults could not be read").into())
}

fn checked(block: ConfigBlock, target: Target, places: BTreeMap<String, Place>) -> Option<SiteConfig> {
    Some(SiteConfig {
        namespace: or_default(block.namespace, NamespaceName::new, defaults::NAMESPACE)?,
        server_service_name: or_default(block.server_service_name, ServiceName::new, defaults::SERVER_SERVICE_NAME)?,
        parent: parent(block.parent?, target)?,
        job_launcher: job_launcher(block.job_launcher.unwrap_or_default()),
        places,
    })
}

fn or_default<N>(name: Option<N>, take: impl Fn(&'static str) -> Result<N, InvalidName>, default: &'static str) -> Option<N> {
    name.or_else(|| take(default).ok())
}

fn parent(block: ParentBlock, target: Target) -> Option<ParentConfig> {
    let security = match target {
        Target::V2_8 => InternalSecurity::Clear,
        Target::V2_9 => block.internal_connection_security.unwrap_or(defaults::INTERNAL_SECURITY_2_9),
    };
    Some(ParentConfig {
        image: block.docker_image?,
        parent_port: block.parent_port.unwrap_or(defaults::PARENT_PORT),
        workspace_claim: or_default(block.workspace_pvc, ClaimName::new, defaults::WORKSPACE_CLAIM)?,
        workspace_mount_path: block.workspace_mount_path.unwrap_or_else(|| defaults::WORKSPACE_MOUNT_PATH.to_owned()),
        python_path: block.python_path.unwrap_or_else(|| defaults::PYTHON_PATH.to_owned()),
        resources: block.resources.unwrap_or_else(defaults::resources),
        pod_security_context: block.pod_security_context.unwrap_or_default(),
        image_pull_secrets: block.image_pull_secrets.unwrap_or_default(),
        internal_connection_security: security,
    })
}

fn job_launcher(block: LauncherBlock) -> JobLauncherConfig {
    JobLauncherConfig {
        config_file_path: block.config_file_path,
        default_python_path: block.default_python_path.unwrap_or_else(|| defaults::PYTHON_PATH.to_owned()),
        pending_timeout: block.pending_timeout,
        ephemeral_storage: block.ephemeral_storage,
        job_pod_security_context: block.job_pod_security_context.filter(|context| !context.is_empty()),
        image_pull_secrets: block.image_pull_secrets,
    }
}

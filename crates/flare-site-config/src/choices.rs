//! Values of `k8s.yaml` that are one of a few words.

use serde::{Deserialize, Serialize};

/// The runtime `k8s`, the only one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kubernetes;

/// When a node pulls the image of a job pod.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum JobPullPolicy {
    /// Whenever a pod starts, as FLARE's launcher has it.
    Always,
    /// If the node does not have it.
    IfNotPresent,
    /// The image must be on the node.
    Never,
}

impl JobPullPolicy {
    /// All policies.
    pub const ALL: [Self; 3] = [Self::Always, Self::IfNotPresent, Self::Never];

    /// As Kubernetes writes it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Always => "Always",
            Self::IfNotPresent => "IfNotPresent",
            Self::Never => "Never",
        }
    }
}

/// Security of the link between a parent and its job pods.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum InternalSecurity {
    /// Not encrypted, which is all that the job process of 2.8 supports.
    Clear,
    /// Mutual TLS with the certificates of the kit, the default of 2.9.
    Mtls,
}

impl InternalSecurity {
    /// The word in `comm_config.json`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Clear => "clear",
            Self::Mtls => "mtls",
        }
    }
}

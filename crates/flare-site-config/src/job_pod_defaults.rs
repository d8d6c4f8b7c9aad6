//! What a site decides for job pods that FLARE's own launcher has no argument for.

use std::collections::BTreeMap;

use flare_names::{PriorityClassName, RuntimeClassName};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{JobLauncherConfig, JobPullPolicy};

/// The keys of `job_launcher` that only flare-kube's launcher reads. Each is a default: what a job or a study's pod template says
/// goes before it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct JobPodDefaults {
    /// The CPU limit, a quantity.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpu: Option<String>,
    /// The CPU request, a quantity, not above the limit. Left out: the limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpu_request: Option<String>,
    /// The memory limit, a quantity.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory: Option<String>,
    /// The memory request, a quantity, not above the limit. Left out: the limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory_request: Option<String>,
    /// The size of `/dev/shm`, a quantity. Left out: the container runtime's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shm_size: Option<String>,
    /// The resource that a job's `num_of_gpus` counts. Left out: `nvidia.com/gpu`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gpu_resource_name: Option<String>,
    /// Labels that a node must have; empty means any node.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub node_selector: BTreeMap<String, String>,
    /// Tolerations, as in a pod's manifest.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tolerations: Vec<Map<String, Value>>,
    /// The `affinity` of the pod; empty means none.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub affinity: Map<String, Value>,
    /// The `RuntimeClass`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub runtime_class_name: Option<RuntimeClassName>,
    /// The `PriorityClass`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub priority_class_name: Option<PriorityClassName>,
    /// When a node pulls the job's image. Left out: `Always`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image_pull_policy: Option<JobPullPolicy>,
}

impl JobPodDefaults {
    /// The keys in `job_launcher`. A test compares them with the fields.
    pub const KEYS: [&'static str; 12] = [
        "cpu",
        "cpu_request",
        "memory",
        "memory_request",
        "shm_size",
        "gpu_resource_name",
        "node_selector",
        "tolerations",
        "affinity",
        "runtime_class_name",
        "priority_class_name",
        "image_pull_policy",
    ];

    /// The defaults of a configuration.
    pub fn of(config: &JobLauncherConfig) -> Self {
        Self {
            cpu: config.cpu.clone(),
            cpu_request: config.cpu_request.clone(),
            memory: config.memory.clone(),
            memory_request: config.memory_request.clone(),
            shm_size: config.shm_size.clone(),
            gpu_resource_name: config.gpu_resource_name.clone(),
            node_selector: config.node_selector.clone().unwrap_or_default(),
            tolerations: config.tolerations.clone().unwrap_or_default(),
            affinity: config.affinity.clone().unwrap_or_default(),
            runtime_class_name: config.runtime_class_name.clone(),
            priority_class_name: config.priority_class_name.clone(),
            image_pull_policy: config.image_pull_policy,
        }
    }
}

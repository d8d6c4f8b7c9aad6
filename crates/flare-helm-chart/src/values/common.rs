//! The values that both roles share.

#![allow(clippy::doc_markdown, reason = "these comments are the text that users read in values.yaml")]

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value};

use super::{Budget, Image, Persistence, PullSecret, Rbac, SecurityProfile, ServiceAccount, WorkspaceConfig};
use crate::leaf_schema;

/// The values that server and client have in common, below the participant's names and above its ports.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Common {
    /// The image of the parent.
    pub image: Image,
    /// Secrets with registry credentials for the parent's image, as `[{name: …}]`. They must exist.
    pub image_pull_secrets: Vec<PullSecret>,
    /// The ServiceAccount of the parent pod.
    pub service_account: ServiceAccount,
    /// What the launcher may do in the namespace.
    pub rbac: Rbac,
    /// Annotations of the pod.
    pub pod_annotations: Map<String, Value>,
    /// Additional labels of the pod. The chart's own cannot be changed.
    pub pod_labels: Map<String, Value>,
    /// Fingerprint of the prepared kit, an annotation of the pod: a newly staged kit restarts the parent. Empty: none.
    #[schemars(schema_with = "leaf_schema::text_or_number")]
    pub kit_fingerprint: String,
    /// How the security contexts are filled in. auto: openshift if the cluster has the API group `security.openshift.io`
    /// (for `helm template`: `--api-versions security.openshift.io/v1`), otherwise default. default: the user of the image,
    /// which may be root. restricted: user, group and volume group 10001, so that Pod Security `restricted` accepts the pod.
    /// openshift: like restricted but without ids, which OpenShift chooses. `securityContext` is never overruled;
    /// what contradicts the profile is refused.
    pub security_profile: SecurityProfile,
    /// Security context of the pod, in Kubernetes' format.
    pub security_context: Map<String, Value>,
    /// Security context of the container, in Kubernetes' format; set a key to null to remove it. The capabilities added back
    /// let a parent that runs as root read and write files of other owners on its volume, and open ports below 1024;
    /// all but NET_BIND_SERVICE are left out if the parent is not root. With `readOnlyRootFilesystem: true` the pod gets a
    /// writable /tmp.
    pub container_security_context: Map<String, Value>,
    /// One process namespace for the pod. FLARE's parent ignores SIGTERM as process 1; with this it is not process 1, and a restart
    /// takes a second instead of the whole grace period.
    pub share_process_namespace: bool,
    /// Seconds that the parent may take to end. Null: 30, Kubernetes' default.
    #[schemars(range(min = 0))]
    pub termination_grace_period_seconds: Option<u32>,
    /// Resources of the parent, in Kubernetes' format. Empty: no requests and no limits.
    pub resources: Map<String, Value>,
    /// Additional environment variables of the parent, in Kubernetes' format.
    pub extra_env: Vec<Map<String, Value>>,
    /// When the parent counts as started: a probe in Kubernetes' format; without a handler it probes the parent port. Null: none.
    pub startup_probe: Map<String, Value>,
    /// When the parent counts as ready: a probe in Kubernetes' format; without a handler it probes the parent port or, if the
    /// release of FLARE logs two lines for each probe of that port, the FL port of a server. Empty or null: none, as for a client of
    /// such a release, which is ready once the startup probe succeeds.
    pub readiness_probe: Map<String, Value>,
    /// When the parent is restarted: a probe in Kubernetes' format, with your own handler, because a parent that has stopped working
    /// may keep its ports open. Empty: none.
    pub liveness_probe: Map<String, Value>,
    /// Labels that the node of the parent must have.
    pub node_selector: Map<String, Value>,
    /// Taints that the parent tolerates, in Kubernetes' format.
    pub tolerations: Vec<Map<String, Value>>,
    /// Affinity of the parent, in Kubernetes' format.
    pub affinity: Map<String, Value>,
    /// Priority class of the parent. Empty: the cluster's default.
    pub priority_class_name: String,
    /// The volume with the prepared kit and everything that the parent writes.
    pub persistence: Persistence,
    /// Staged objects that are mounted over the claim; `stage` writes this block.
    pub workspace_config: WorkspaceConfig,
    /// A PodDisruptionBudget for the parent pod.
    pub pod_disruption_budget: Budget,
    /// Command of the container: the Python interpreter of the image.
    #[schemars(schema_with = "leaf_schema::texts")]
    pub command: Vec<String>,
    /// Arguments of the container; for a client `uid=` with its site name is appended. Change them only if you know how a FLARE parent is started.
    #[schemars(schema_with = "leaf_schema::texts")]
    pub args: Vec<String>,
}

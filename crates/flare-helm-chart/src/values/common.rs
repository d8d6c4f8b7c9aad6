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
    /// Further labels of the pod. The chart's own cannot be changed.
    pub pod_labels: Map<String, Value>,
    /// Fingerprint of the prepared kit, an annotation of the pod: a kit that was staged anew restarts the parent. Empty: none.
    #[schemars(schema_with = "leaf_schema::text_or_number")]
    pub kit_fingerprint: String,
    /// How the security contexts are filled in. auto: openshift where the cluster has the API group `security.openshift.io`
    /// (`helm template` is told by `--api-versions security.openshift.io/v1`), else default. default: the user of the image,
    /// which may be root. restricted: user, group and volume group 10001, so that Pod Security `restricted` takes the pod.
    /// openshift: as restricted without any id, since OpenShift chooses them. What `securityContext` says is never overruled;
    /// what contradicts the profile is refused.
    pub security_profile: SecurityProfile,
    /// Security context of the pod, as Kubernetes has it.
    pub security_context: Map<String, Value>,
    /// Security context of the container, as Kubernetes has it; set a key to null to take it away. The capabilities added back
    /// let a parent that runs as root read and write a volume whose files belong to somebody else, and open ports below 1024;
    /// all but NET_BIND_SERVICE are left out where the parent is not root. With `readOnlyRootFilesystem: true` the pod gets a
    /// writable /tmp.
    pub container_security_context: Map<String, Value>,
    /// One process namespace for the pod. FLARE's parent ignores SIGTERM as process 1; with this it is not, and a restart takes
    /// a second instead of the whole grace period.
    pub share_process_namespace: bool,
    /// Seconds that the parent has to end. Null: 30, Kubernetes' default.
    #[schemars(range(min = 0))]
    pub termination_grace_period_seconds: Option<u32>,
    /// Resources of the parent, as Kubernetes has them. Empty: no requests and no limits.
    pub resources: Map<String, Value>,
    /// Further environment variables of the parent, as Kubernetes has them.
    pub extra_env: Vec<Map<String, Value>>,
    /// When the parent counts as started, a probe as Kubernetes has it; without a handler the parent port is asked. Null: none.
    pub startup_probe: Map<String, Value>,
    /// When the parent counts as ready, a probe as Kubernetes has it; without a handler the parent port is asked, of a 2.8
    /// server the FL port, since a 2.8 parent logs two lines for each look at its parent port. Empty or null: none, as with a
    /// 2.8 client, which is ready when the startup probe has seen it.
    pub readiness_probe: Map<String, Value>,
    /// When the parent is restarted, a probe as Kubernetes has it, with a handler of your own: a parent that has stopped working
    /// may keep its ports open. Empty: none.
    pub liveness_probe: Map<String, Value>,
    /// Labels that the node of the parent must have.
    pub node_selector: Map<String, Value>,
    /// Taints that the parent tolerates, as Kubernetes has them.
    pub tolerations: Vec<Map<String, Value>>,
    /// Affinity of the parent, as Kubernetes has it.
    pub affinity: Map<String, Value>,
    /// Priority class of the parent. Empty: the cluster's default.
    pub priority_class_name: String,
    /// The volume that holds the prepared kit and all that the parent writes.
    pub persistence: Persistence,
    /// Staged objects that are mounted over the claim; `stage` writes this block.
    pub workspace_config: WorkspaceConfig,
    /// A PodDisruptionBudget for the parent pod.
    pub pod_disruption_budget: Budget,
    /// Command of the container: the Python of the image.
    #[schemars(schema_with = "leaf_schema::texts")]
    pub command: Vec<String>,
    /// Arguments of the container; a client's get `uid=` with its site name at the end. Change them only if you know how a FLARE parent is started.
    #[schemars(schema_with = "leaf_schema::texts")]
    pub args: Vec<String>,
}

//! The nested blocks of the values. Kubernetes' own types are passed through as open maps.

#![allow(clippy::doc_markdown, reason = "these comments are the text that users read in values.yaml")]

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::leaf_schema;

/// The image of the parent.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Image {
    /// A registry that is put before `repository`, for a mirror. Empty: `repository` includes the registry.
    pub registry: String,
    /// Registry and repository of the image, without tag and digest.
    pub repository: String,
    /// Tag of the image. A tag other than the prepared one drops the prepared digest, which belongs to the prepared tag.
    /// Empty: no tag. Quote it in a file, since YAML reads `1.10` as a number.
    #[schemars(schema_with = "leaf_schema::text_or_number")]
    pub tag: String,
    /// Digest of the image with its algorithm, such as `sha256:…`. It takes precedence over the tag: a digest that you set is used with
    /// only the repository. Empty: none.
    #[schemars(regex(pattern = r"^([A-Za-z][A-Za-z0-9]*([-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,})?$"))]
    pub digest: String,
    /// When a node pulls the image: Always, IfNotPresent or Never.
    #[schemars(extend("enum" = ["Always", "IfNotPresent", "Never"]))]
    pub pull_policy: String,
}

/// A Secret with registry credentials.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct PullSecret {
    /// Name of the Secret.
    pub name: String,
}

/// The ServiceAccount of the parent pod.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ServiceAccount {
    /// Creates the ServiceAccount. Without it the pod runs as `serviceAccount.name`, which must exist, or as the namespace's `default`.
    pub create: bool,
    /// Name of the ServiceAccount, for both pod and RoleBinding. Empty: the Deployment's name if it is created.
    pub name: String,
    /// Annotations of the ServiceAccount that is created.
    pub annotations: Map<String, Value>,
    /// Mounts the API token. Must be true if the launcher uses the in-cluster configuration.
    pub automount_service_account_token: bool,
}

/// What the launcher may do in the namespace.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Rbac {
    /// Creates the Role and RoleBinding with which the launcher creates job pods and their Secrets. Without them, grant the same rights yourself.
    pub create: bool,
}

/// The volume with the prepared kit and everything that the parent writes.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Persistence {
    /// The workspace.
    pub workspace: WorkspaceVolume,
}

/// The workspace claim in the pod.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct WorkspaceVolume {
    /// The claim. It must exist, with `startup/` and `local/` in its root.
    #[schemars(schema_with = "leaf_schema::text_or_number")]
    pub claim_name: String,
    /// Name of the volume in the pod.
    #[schemars(schema_with = "leaf_schema::text_or_number")]
    pub volume_name: String,
    /// Where the claim is mounted. `args` and the kit's `local/` repeat it: prepare again to change it.
    pub mount_path: String,
}

/// Staged objects that are mounted over the claim. `stage` writes this block.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct WorkspaceConfig {
    /// The namespace of the two objects.
    pub namespace: Option<String>,
    /// What is mounted at `local/`.
    pub local: StagedLocal,
    /// What is mounted at `startup/`.
    pub startup: StagedStartup,
}

/// The kit's `local/` as a ConfigMap.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct StagedLocal {
    /// The ConfigMap with the kit's `local/`, mounted read-only. Null: `local/` of the claim is used.
    pub config_map_name: Option<String>,
    /// Which key becomes which file. Empty: each key is a file of the same name.
    pub items: Vec<StagedItem>,
}

/// The kit's `startup/` as a Secret.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct StagedStartup {
    /// The Secret with the kit's `startup/`, mounted read-only. Null: `startup/` of the claim is used.
    pub secret_name: Option<String>,
    /// Which key becomes which file. Empty: each key is a file of the same name.
    pub items: Vec<StagedItem>,
}

/// One file of a staged object.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct StagedItem {
    /// The key in the object.
    pub key: String,
    /// The file's path below the mount.
    pub path: String,
    /// The file's permission bits, as a decimal number or 0-prefixed octal.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 511))]
    pub mode: Option<u16>,
}

/// How the pod's security contexts are filled in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(extend("type" = "string"))]
pub enum SecurityProfile {
    /// `Openshift` where the cluster has the API group `security.openshift.io`, else `Default` (defect 37).
    Auto,
    /// As the image says, which may be root.
    Default,
    /// A user other than root, so that Pod Security `restricted` takes the pod.
    Restricted,
    /// As restricted, without any id.
    Openshift,
}

/// The Service of a client: for its job pods only.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct ClientService {
    /// Annotations of the Service.
    pub annotations: Map<String, Value>,
}

/// The kinds of Service with a selector that a server can be reached by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(extend("type" = "string"))]
pub enum ServiceType {
    /// Inside the cluster.
    ClusterIP,
    /// At a port of every node.
    NodePort,
    /// At an address of its own.
    LoadBalancer,
}

/// The Service of a server: for its job pods, clients and admins.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ServerService {
    /// Type of the Service: ClusterIP, NodePort or LoadBalancer.
    #[serde(rename = "type")]
    pub kind: ServiceType,
    /// Static address of a load balancer, if the cluster supports it.
    #[serde(rename = "loadBalancerIP")]
    pub load_balancer_ip: Option<String>,
    /// Class of the load balancer, if the cluster has several. Cannot be changed in place.
    pub load_balancer_class: Option<String>,
    /// Address ranges that may reach a load balancer. Empty: all.
    pub load_balancer_source_ranges: Vec<String>,
    /// Local preserves the clients' addresses, Cluster spreads connections over nodes. Only for NodePort and LoadBalancer.
    #[schemars(extend("enum" = ["Cluster", "Local", ""]))]
    pub external_traffic_policy: Option<String>,
    /// Annotations of the Service.
    pub annotations: Map<String, Value>,
}

/// A NetworkPolicy for a server's parent pod.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ServerNetworkPolicy {
    /// Creates a NetworkPolicy: in from job pods, clients and admins, out to DNS and the Kubernetes API.
    pub enabled: bool,
    /// Who may reach the FL and admin port, as NetworkPolicy peers. Empty: everybody.
    pub clients: Vec<Map<String, Value>>,
    /// Ports of the Kubernetes API, for the launcher; its address is not known to the chart.
    #[schemars(schema_with = "leaf_schema::ports")]
    pub api_server_ports: Vec<u16>,
    /// Further ingress rules, as Kubernetes has them.
    pub extra_ingress: Vec<Map<String, Value>>,
    /// Further egress rules, as Kubernetes has them.
    pub extra_egress: Vec<Map<String, Value>>,
}

/// A NetworkPolicy for a client's parent pod.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ClientNetworkPolicy {
    /// Creates a NetworkPolicy: in from job pods, out to DNS, the Kubernetes API and the federation's server.
    pub enabled: bool,
    /// The port of the federation's server. Null: no rule for it, so give one in `extraEgress`.
    #[schemars(schema_with = "leaf_schema::port")]
    pub server_port: Option<u16>,
    /// Ports of the Kubernetes API, for the launcher; its address is not known to the chart.
    #[schemars(schema_with = "leaf_schema::ports")]
    pub api_server_ports: Vec<u16>,
    /// Further ingress rules, as Kubernetes has them.
    pub extra_ingress: Vec<Map<String, Value>>,
    /// Further egress rules, as Kubernetes has them.
    pub extra_egress: Vec<Map<String, Value>>,
}

/// A PodDisruptionBudget for the parent pod.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Budget {
    /// Creates a PodDisruptionBudget.
    pub enabled: bool,
    /// How many pods may be evicted at once. There is one parent: 0 blocks a drain of its node, 1 allows it.
    #[schemars(schema_with = "leaf_schema::count_or_percentage")]
    pub max_unavailable: u16,
}

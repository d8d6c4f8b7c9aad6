//! The table of `docs/behaviour.md` section 1: every key of `k8s.yaml` with its shape and its default, once. The checked
//! configuration, the checker, the JSON Schema and the hints about unknown keys all come from it.

use std::{collections::BTreeMap, sync::LazyLock};

use flare_diagnostic::Place;
use flare_names::{ClaimName, NamespaceName, PriorityClassName, PullSecretName, RuntimeClassName, ServiceName, Target};
use serde_json::{Map, Value, json};

use crate::{
    choices::{InternalSecurity, JobPullPolicy, Kubernetes},
    image::ImageReference,
    shape::{
        Affinity, Block as _, ExtendedResource, Image, KeyRule, MountPath, Name, Names, NodeSelector, PassThrough, Path, Port,
        PositiveAmount, PullPolicy, Resources, Runtime, Seconds, Security, Tolerations, block, name,
    },
};

block! {
    /// `k8s.yaml` after all checks, with every default that needs no kit and no release.
    pub struct SiteConfig {
        /// What the kit is prepared for. Must be `k8s`.
        runtime: Runtime => Kubernetes, required, since first, example "runtime: k8s";
        /// The namespace of the parent and of its job pods. It must exist.
        namespace: Name<NamespaceName> => NamespaceName, default (name("default")), since first, example "namespace: default";
        /// The name of the Service through which job pods and clients reach the server. Has no effect for a client's kit.
        server_service_name: Name<ServiceName> => ServiceName, default (name("nvflare-server")), since first, example "server_service_name: nvflare-server";
        /// The long-running pod of the participant.
        parent: ParentConfig => ParentConfig, required, since first, example "parent: {docker_image: registry.example.com/nvflare:2.8.3}";
        /// How the parent starts job pods.
        job_launcher: JobLauncherConfig => JobLauncherConfig, block, since first, example "job_launcher: {pending_timeout: 300}";
        plus
        /// The place of the value of each key that was written, by path (`parent.parent_port`).
        places: BTreeMap<String, Place>;
    }
}

block! {
    /// The block `parent`.
    pub struct ParentConfig {
        /// The image of the parent, with tag or digest. Every node of the cluster must be able to pull it.
        docker_image: Image => ImageReference, required, since first, example "docker_image: registry.example.com/nvflare:2.8.3";
        /// The port on which the parent waits for its job pods. On a server it must differ from FL and admin port.
        parent_port: Port => u16, default (8102), since first, example "parent_port: 8102";
        /// The persistent volume claim that holds the participant's workspace. Two participants never share one.
        workspace_pvc: Name<ClaimName> => ClaimName, default (name("nvflws")), since first, example "workspace_pvc: nvflws";
        /// Where the workspace is mounted in the parent and in job pods: an absolute path in its shortest form, not `/`.
        workspace_mount_path: MountPath => String, default ("/var/tmp/nvflare/workspace".to_owned()), since first, example "workspace_mount_path: /var/tmp/nvflare/workspace";
        /// The Python interpreter of the parent, in its image.
        python_path: Path => String, default (PYTHON_PATH.to_owned()), since first, example "python_path: /usr/local/bin/python3";
        /// CPU and memory of the parent, as in a container's manifest. `{}` means none.
        resources: Resources => Map<String, Value>, default (default_resources()), since first, example "resources: {requests: {cpu: 2, memory: 8Gi}}";
        /// The `securityContext` of the parent's pod, passed through.
        pod_security_context: PassThrough => Map<String, Value>, optional, since first, example "pod_security_context: {fsGroup: 1000}";
        /// Secrets with registry credentials for the parent's image. They must exist.
        image_pull_secrets: Names<PullSecretName> => Vec<PullSecretName>, optional, since first, example "image_pull_secrets: [registry-credentials]";
        /// How the link between the parent and its job pods is secured. Releases without this key have a clear link.
        internal_connection_security: Security => InternalSecurity, default (InternalSecurity::Mtls), since internal_mutual_tls, example "internal_connection_security: mtls";
    }
}

block! {
    /// The block `job_launcher`.
    pub struct JobLauncherConfig {
        /// A kubeconfig in the parent's container. Left out: the parent's own service account.
        config_file_path: Path => String, optional, since first, example "config_file_path: /etc/kubeconfig";
        /// The Python interpreter of job pods, in the job's image.
        default_python_path: Path => String, default (PYTHON_PATH.to_owned()), since first, example "default_python_path: /usr/local/bin/python3";
        /// How many seconds a job pod may take to start. Left out: the launcher's own 120; 0 gives up at the first check.
        pending_timeout: Seconds => u64, optional, since first, example "pending_timeout: 300";
        /// The ephemeral storage of job pods that do not request their own, a quantity. Left out: the launcher's own 1Gi, which is
        /// little for current models. Not a key of the reference: its launcher takes the argument, its `prepare` has no key for it.
        ephemeral_storage: PositiveAmount => String, optional, since first, example "ephemeral_storage: 8Gi";
        /// The `securityContext` of job pods, passed through.
        job_pod_security_context: PassThrough => Map<String, Value>, optional, since first, example "job_pod_security_context: {runAsNonRoot: true}";
        /// Secrets with registry credentials for job images. They must exist.
        image_pull_secrets: Names<PullSecretName> => Vec<PullSecretName>, optional, since first, example "image_pull_secrets: [registry-credentials]";
    }

    /// The keys of `job_launcher` that only flare-kube's launcher reads, since FLARE's own has no argument for them. Each is a default:
    /// what a job or a study's pod template says takes precedence over it.
    pub struct JobPodDefaults {
        /// The CPU limit, a quantity, of job pods whose job sets none. This key and all that follow need `prepare
        /// --launcher flare-kube`: FLARE's own launcher refuses arguments that it does not know.
        cpu: PositiveAmount => String, optional, since first, example "cpu: 4";
        /// The CPU request of job pods that give neither limit nor request. Left out: the limit.
        cpu_request: PositiveAmount => String, optional, since first, example "cpu_request: 500m";
        /// The memory limit, a quantity, of job pods whose job sets none.
        memory: PositiveAmount => String, optional, since first, example "memory: 16Gi";
        /// The memory request of job pods that give neither limit nor request. Left out: the limit.
        memory_request: PositiveAmount => String, optional, since first, example "memory_request: 8Gi";
        /// The size of `/dev/shm` in job pods, a quantity: an emptyDir in memory, which counts towards the memory limit. Left out: the
        /// container runtime's, usually 64Mi, which is too little for data loaders with several workers.
        shm_size: PositiveAmount => String, optional, since first, example "shm_size: 2Gi";
        /// The resource that a job's `num_of_gpus` counts, such as a MIG profile. Left out: `nvidia.com/gpu`.
        gpu_resource_name: ExtendedResource => String, optional, since first, example "gpu_resource_name: nvidia.com/mig-1g.5gb";
        /// The labels of nodes on which job pods may run.
        node_selector: NodeSelector => BTreeMap<String, String>, optional, since first, example "node_selector: {accelerator: a100}";
        /// The taints of nodes that job pods tolerate, as in a pod's manifest.
        tolerations: Tolerations => Vec<Map<String, Value>>, optional, since first, example "tolerations: [{key: nvidia.com/gpu, operator: Exists, effect: NoSchedule}]";
        /// The `affinity` of job pods, as in a pod's manifest.
        affinity: Affinity => Map<String, Value>, optional, since first, example "affinity: {nodeAffinity: {requiredDuringSchedulingIgnoredDuringExecution: {nodeSelectorTerms: [{matchExpressions: [{key: gpu, operator: Exists}]}]}}}";
        /// The `RuntimeClass` of job pods. It must exist.
        runtime_class_name: Name<RuntimeClassName> => RuntimeClassName, optional, since first, example "runtime_class_name: nvidia";
        /// The `PriorityClass` of job pods. It must exist.
        priority_class_name: Name<PriorityClassName> => PriorityClassName, optional, since first, example "priority_class_name: training";
        /// When a node pulls a job's image: `Always`, `IfNotPresent` or `Never`. Left out: `Always`.
        image_pull_policy: PullPolicy => JobPullPolicy, optional, since first, example "image_pull_policy: IfNotPresent";
    }
}

/// The pairs of keys of which the first may not be above the second.
pub(crate) const REQUESTS_AND_LIMITS: [(&str, &str); 2] =
    [("job_launcher.cpu_request", "job_launcher.cpu"), ("job_launcher.memory_request", "job_launcher.memory")];

/// All blocks, with the prefix of their keys' paths.
pub(crate) const BLOCKS: &[(&str, &[KeyRule])] =
    &[("", SiteConfig::KEYS), ("parent.", ParentConfig::KEYS), ("job_launcher.", JobLauncherConfig::KEYS)];

/// The keys of `parent` and `job_launcher` that hold a mapping, each with its block: `("parent", "resources")`. When files are
/// merged, an empty mapping means "none".
pub fn mapping_keys() -> &'static [(&'static str, &'static str)] {
    static KEYS: LazyLock<Vec<(&str, &str)>> = LazyLock::new(|| {
        let holds_mapping = |rule: &&KeyRule| (rule.schema)(&Target::ALL).get("type").is_some_and(|kind| kind == "object");
        let inner = BLOCKS.iter().filter_map(|(path, keys)| Some((path.strip_suffix('.')?, *keys)));
        inner.flat_map(|(block, keys)| keys.iter().filter(holds_mapping).map(move |rule| (block, rule.key))).collect()
    });
    &KEYS
}

/// The default of both interpreters.
const PYTHON_PATH: &str = "/usr/local/bin/python3";

/// The default of `parent.resources`.
fn default_resources() -> Map<String, Value> {
    Map::from_iter([("requests".to_owned(), json!({"cpu": "2", "memory": "8Gi"}))])
}

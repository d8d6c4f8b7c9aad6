//! The table of `docs/behaviour.md` section 1: every key, its shape, its default. Checker, JSON Schema and the hints about
//! unknown keys all come from it.

use flare_names::{ClaimName, NamespaceName, PullSecretName, ServiceName};
use serde_json::{Map, Value};

use crate::{
    defaults,
    shape::{
        Block, Image, MountPath, Name, Names, PassThrough, Path, Port, Resources, Runtime, Seconds, Security, Storage, block,
    },
};

block! {
    /// The whole file.
    struct ConfigBlock {
        /// What the kit is prepared for. Must be `k8s`.
        runtime: Runtime, required, since v2_8, default (Value::Null), example "runtime: k8s";
        /// The namespace of the parent and of its job pods. It must exist.
        namespace: Name<NamespaceName>, optional, since v2_8, default (defaults::NAMESPACE), example "namespace: default";
        /// The name of the Service through which job pods and clients reach the server. Of no effect for a client's kit.
        server_service_name: Name<ServiceName>, optional, since v2_8, default (defaults::SERVER_SERVICE_NAME), example "server_service_name: nvflare-server";
        /// The long-running pod of the participant.
        parent: ParentBlock, required, since v2_8, default (Value::Null), example "parent: {docker_image: registry.example.com/nvflare:2.8.3}";
        /// How the parent starts job pods.
        job_launcher: LauncherBlock, optional, since v2_8, default (Map::<String, Value>::new()), example "job_launcher: {pending_timeout: 300}";
    }
}

block! {
    /// The block `parent`.
    struct ParentBlock {
        /// The image of the parent, with tag or digest. Every node of the cluster must be able to pull it.
        docker_image: Image, required, since v2_8, default (Value::Null), example "docker_image: registry.example.com/nvflare:2.8.3";
        /// The port on which the parent waits for its job pods. On a server another than FL and admin port.
        parent_port: Port, optional, since v2_8, default (defaults::PARENT_PORT), example "parent_port: 8102";
        /// The persistent volume claim that holds the participant's workspace. Two participants never share one.
        workspace_pvc: Name<ClaimName>, optional, since v2_8, default (defaults::WORKSPACE_CLAIM), example "workspace_pvc: nvflws";
        /// Where the workspace is mounted in the parent and in job pods: an absolute path in its shortest form, not `/`.
        workspace_mount_path: MountPath, optional, since v2_8, default (defaults::WORKSPACE_MOUNT_PATH), example "workspace_mount_path: /var/tmp/nvflare/workspace";
        /// The Python interpreter of the parent, in its image.
        python_path: Path, optional, since v2_8, default (defaults::PYTHON_PATH), example "python_path: /usr/local/bin/python3";
        /// CPU and memory of the parent, as in a container's manifest. `{}` means none.
        resources: Resources, optional, since v2_8, default (defaults::resources()), example "resources: {requests: {cpu: 2, memory: 8Gi}}";
        /// The `securityContext` of the parent's pod, passed through.
        pod_security_context: PassThrough, optional, since v2_8, default (Value::Null), example "pod_security_context: {fsGroup: 1000}";
        /// Secrets with registry credentials for the parent's image. They must exist.
        image_pull_secrets: Names<PullSecretName>, optional, since v2_8, default (Value::Null), example "image_pull_secrets: [registry-credentials]";
        /// How the link between the parent and its job pods is secured. FLARE 2.9 only; in 2.8 it is always clear.
        internal_connection_security: Security, optional, since v2_9, default (defaults::INTERNAL_SECURITY_2_9.as_str()), example "internal_connection_security: mtls";
    }
}

block! {
    /// The block `job_launcher`.
    struct LauncherBlock {
        /// A kubeconfig in the parent's container. Left out: the parent's own service account.
        config_file_path: Path, optional, since v2_8, default (Value::Null), example "config_file_path: /etc/kubeconfig";
        /// The Python interpreter of job pods, in the job's image.
        default_python_path: Path, optional, since v2_8, default (defaults::PYTHON_PATH), example "default_python_path: /usr/local/bin/python3";
        /// How many seconds a job pod may take to start. Left out: the launcher's own 120; 0 gives up at the first look.
        pending_timeout: Seconds, optional, since v2_8, default (Value::Null), example "pending_timeout: 300";
        /// The ephemeral storage of job pods that do not ask for their own, a quantity. Left out: the launcher's own 1Gi, which is
        /// little for a model of today. Not a key of the reference: its launcher takes the argument, its `prepare` has no key for it.
        ephemeral_storage: Storage, optional, since v2_8, default (Value::Null), example "ephemeral_storage: 8Gi";
        /// The `securityContext` of job pods, passed through.
        job_pod_security_context: PassThrough, optional, since v2_8, default (Value::Null), example "job_pod_security_context: {runAsNonRoot: true}";
        /// Secrets with registry credentials for job images. They must exist.
        image_pull_secrets: Names<PullSecretName>, optional, since v2_8, default (Value::Null), example "image_pull_secrets: [registry-credentials]";
    }
}

/// Where a key that is written in the wrong block belongs.
pub(crate) fn homes(key: &str) -> Vec<String> {
    let blocks = [("", ConfigBlock::KEYS), ("parent.", ParentBlock::KEYS), ("job_launcher.", LauncherBlock::KEYS)];
    blocks
        .iter()
        .flat_map(|(path, keys)| keys.iter().filter(|rule| rule.key == key).map(move |rule| format!("{path}{}", rule.key)))
        .collect()
}

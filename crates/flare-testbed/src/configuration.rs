//! The configuration of every component, as files in the state directory. Paths in them are those inside the cluster's namespaces.

use std::{net::Ipv4Addr, path::Path};

use flare_diagnostic::Faults;
use serde_json::{Value, json};

use crate::{
    DefaultStorageClass, UpOptions,
    certificates::{Authority, Identity, Subject, key_pair},
    state::{INSIDE, StateDirectory},
};

/// The node's address inside the cluster.
pub(crate) const NODE: Ipv4Addr = Ipv4Addr::new(172, 30, 0, 2);

/// The node's name.
pub(crate) const NODE_NAME: &str = "node-1";

/// The first Service address, which is the API server's.
const SERVICE: Ipv4Addr = Ipv4Addr::new(10, 96, 0, 1);

/// The namespace of the storage provisioner.
const STORAGE: &str = "local-path-storage";

/// Writes everything that does not depend on the cluster's external address.
pub(crate) fn write(state: &StateDirectory, options: &UpOptions, cni: &Path) -> Result<(), Faults> {
    for directory in DIRECTORIES {
        state.make(directory)?;
    }
    state.write("containerd.toml", containerd(cni))?;
    state.write("cni/10-testbed.conflist", network().to_string())?;
    state.write("resolv.conf", format!("nameserver {NODE}\n"))?;
    state.write("Corefile", COREFILE)?;
    state.write("audit.json", audit_policy().to_string())?;
    state.write("kubelet.json", kubelet(state, options).to_string())?;
    state.write("proxy.json", proxy().to_string())?;
    for (file, content) in storage_files() {
        state.write(&format!("storage-provisioner/{file}"), content)?;
    }
    Ok(())
}

/// Directories that must exist before the components start.
const DIRECTORIES: [&str; 9] = ["etcd", "run", "tmp", "home", "log/pods", "storage", "registry", "kubelet/plugins", "certs.d"];

/// Writes keys, certificates and the kubeconfigs of the components, and finally that of the user.
pub(crate) fn write_identities(state: &StateDirectory, machine_side: Ipv4Addr) -> Result<(), Faults> {
    let authority = Authority::new()?;
    state.write("pki/ca.crt", &authority.certificate)?;
    let (private, public) = key_pair()?;
    state.write("pki/accounts.key", private)?;
    state.write("pki/accounts.pub", public)?;
    let client =
        |common_name, organisation| authority.identify(Subject { common_name, organisation, dns_names: &[], addresses: &[] });
    let server = authority.identify(Subject {
        common_name: "kube-apiserver",
        organisation: None,
        dns_names: &API_SERVER_NAMES,
        addresses: &[Ipv4Addr::LOCALHOST, NODE, SERVICE, machine_side],
    })?;
    let node_user = format!("system:node:{NODE_NAME}");
    let node = authority.identify(Subject {
        common_name: &node_user,
        organisation: Some("system:nodes"),
        dns_names: &[NODE_NAME],
        addresses: &[NODE],
    })?;
    let kubelet_client = client("apiserver-kubelet-client", Some("system:masters"))?;
    for (name, identity) in [("apiserver", &server), ("node", &node), ("kubelet-client", &kubelet_client)] {
        state.write(&format!("pki/{name}.crt"), &identity.certificate)?;
        state.write(&format!("pki/{name}.key"), &identity.key)?;
    }
    let admin = client("admin", Some("system:masters"))?;
    let inside = format!("https://{NODE}:6443");
    let components = [
        ("controller-manager", client("system:kube-controller-manager", None)?),
        ("scheduler", client("system:kube-scheduler", None)?),
        ("proxy", client("system:kube-proxy", None)?),
        ("node", node),
        ("admin", admin.clone()),
    ];
    for (name, identity) in &components {
        let text = kubeconfig(&inside, "testbed", &authority, identity);
        state.write(&format!("kubeconfigs/{name}"), text)?;
    }
    let context = format!("flare-kube-{}", state.name());
    state.write("kubeconfig", kubeconfig(&format!("https://{machine_side}:6443"), &context, &authority, &admin))
}

const API_SERVER_NAMES: [&str; 5] =
    ["kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local", "localhost"];

/// A kubeconfig, as JSON, which is YAML.
fn kubeconfig(server: &str, context: &str, authority: &Authority, identity: &Identity) -> String {
    let data = |text: &str| base64::Engine::encode(&base64::engine::general_purpose::STANDARD, text);
    let config = json!({
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": context,
        "clusters": [{"name": context, "cluster": {"server": server, "certificate-authority-data": data(&authority.certificate)}}],
        "users": [{"name": context, "user": {
            "client-certificate-data": data(&identity.certificate),
            "client-key-data": data(&identity.key),
        }}],
        "contexts": [{"name": context, "context": {"cluster": context, "user": context}}],
    });
    format!("{config:#}\n")
}

/// The configuration of containerd. `CAP_SYS_RESOURCE` may be missing, so no process's OOM score may be lowered; pods' network
/// namespaces are mounted in the cluster's own mount namespace.
fn containerd(cni: &Path) -> String {
    let cni = cni.display();
    format!(
        r#"version = 2
root = "{INSIDE}/containerd"
state = "/run/containerd"
[grpc]
  address = "{INSIDE}/run/containerd.sock"
[plugins."io.containerd.internal.v1.opt"]
  path = "{INSIDE}/opt"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "docker.io/lab/pause:1"
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "overlayfs"
    default_runtime_name = "runc"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "{cni}"
    conf_dir = "{INSIDE}/cni"
  [plugins."io.containerd.grpc.v1.cri".registry]
    config_path = "{INSIDE}/certs.d"
"#
    )
}

fn network() -> Value {
    let addresses = json!({
        "type": "host-local",
        "ranges": [[{"subnet": "10.244.0.0/24"}]],
        "routes": [{"dst": "0.0.0.0/0"}],
        "dataDir": "/run/cni",
    });
    json!({"cniVersion": "1.0.0", "name": "testbed", "plugins": [
        {"type": "bridge", "bridge": "cni0", "isGateway": true, "ipMasq": false, "hairpinMode": true, "ipam": addresses},
        {"type": "portmap", "capabilities": {"portMappings": true}},
    ]})
}

const COREFILE: &str = ".:53 {
    errors
    kubernetes cluster.local in-addr.arpa ip6.arpa {
        kubeconfig /run/flare-kube/kubeconfigs/admin testbed
        pods insecure
    }
}
";

fn audit_policy() -> Value {
    json!({
        "apiVersion": "audit.k8s.io/v1",
        "kind": "Policy",
        "omitStages": ["RequestReceived"],
        "rules": [{"level": "Metadata"}],
    })
}

/// The configuration of the kubelet. 1.34 is the last version that was tested with control groups of version 1. Images are never
/// garbage-collected: the disk is the machine's, and loaded images should stay.
fn kubelet(state: &StateDirectory, options: &UpOptions) -> Value {
    let taints: Vec<_> = options.taints.iter().map(|taint| json!(taint)).collect();
    let mut config = json!({
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "authentication": {
            "anonymous": {"enabled": false},
            "webhook": {"enabled": true},
            "x509": {"clientCAFile": format!("{INSIDE}/pki/ca.crt")},
        },
        "authorization": {"mode": "Webhook"},
        "tlsCertFile": format!("{INSIDE}/pki/node.crt"),
        "tlsPrivateKeyFile": format!("{INSIDE}/pki/node.key"),
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": format!("/{}", state.control_group()),
        "cgroupsPerQOS": true,
        "enforceNodeAllocatable": [],
        "failCgroupV1": false,
        "failSwapOn": false,
        "containerRuntimeEndpoint": format!("unix://{INSIDE}/run/containerd.sock"),
        "clusterDNS": [NODE],
        "clusterDomain": "cluster.local",
        "resolvConf": format!("{INSIDE}/resolv.conf"),
        "podLogsDir": format!("{INSIDE}/log/pods"),
        "volumePluginDir": format!("{INSIDE}/kubelet/plugins"),
        "evictionHard": {"memory.available": "100Mi", "nodefs.available": "1%", "imagefs.available": "1%"},
        "imageGCHighThresholdPercent": 100,
        // So that a slow registry does not delay pulls from others.
        "serializeImagePulls": false,
        "localStorageCapacityIsolation": true,
        // Kubernetes' default is 110. The network of pods has 253 addresses, and some of them are still held by pods that just ended.
        "maxPods": 230,
        "registerNode": true,
    });
    if !taints.is_empty() {
        config["registerWithTaints"] = json!(taints);
    }
    config
}

fn proxy() -> Value {
    json!({
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "clientConnection": {"kubeconfig": format!("{INSIDE}/kubeconfigs/proxy")},
        "mode": "iptables",
        "clusterCIDR": "10.244.0.0/16",
        "hostnameOverride": NODE_NAME,
        // The connection tracking table belongs to the machine.
        "conntrack": {"maxPerCore": 0, "min": 0},
    })
}

/// The configuration of local-path-provisioner. A class that binds immediately has no node yet, which the provisioner accepts
/// only for storage that all nodes share; here there is only one node.
fn storage_files() -> [(&'static str, String); 4] {
    let directory = format!("{INSIDE}/storage");
    let by_node = json!({"nodePathMap": [{"node": "DEFAULT_PATH_FOR_NON_LISTED_NODES", "paths": [directory]}]});
    let config = json!({"storageClassConfigs": {
        "local-path": by_node,
        "local-path-immediate": {"sharedFileSystemPath": directory},
    }});
    let helper = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "helper-pod"}, "spec": {
        "tolerations": [{"operator": "Exists"}],
        "containers": [{
            "name": "helper-pod",
            "image": "docker.io/library/busybox:1.36",
            "imagePullPolicy": "IfNotPresent",
        }],
    }});
    [
        ("config.json", config.to_string()),
        ("setup", "#!/bin/sh\nset -eu\nmkdir -m 0777 -p \"$VOL_DIR\"\n".to_owned()),
        ("teardown", "#!/bin/sh\nset -eu\nrm -rf \"$VOL_DIR\"\n".to_owned()),
        ("helperPod.yaml", helper.to_string()),
    ]
}

/// The objects that are created at the start.
pub(crate) fn objects(default: DefaultStorageClass) -> Value {
    let class = |name: &str, mode: &str, is_default: bool| {
        json!({
            "apiVersion": "storage.k8s.io/v1",
            "kind": "StorageClass",
            "metadata": {"name": name, "annotations": {"storageclass.kubernetes.io/is-default-class": is_default.to_string()}},
            "provisioner": "rancher.io/local-path",
            "volumeBindingMode": mode,
            "reclaimPolicy": "Delete",
        })
    };
    let data: serde_json::Map<String, Value> =
        storage_files().into_iter().map(|(file, content)| (file.to_owned(), Value::String(content))).collect();
    json!({"apiVersion": "v1", "kind": "List", "items": [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": STORAGE}},
        {"apiVersion": "v1", "kind": "ServiceAccount",
         "metadata": {"name": "local-path-provisioner-service-account", "namespace": STORAGE}},
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "local-path-config", "namespace": STORAGE}, "data": data},
        // The Node authorizer learns of a new pod slightly later than the kubelet. On a busy machine it would refuse the kubelet the
        // pod's claim and ConfigMaps, which is retried only after 15 s; this binding avoids the refusal.
        {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding", "metadata": {"name": "flare-kube:nodes"},
         "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "system:node"},
         "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": "system:nodes"}]},
        class("local-path", "WaitForFirstConsumer", default == DefaultStorageClass::LocalPath),
        class("local-path-immediate", "Immediate", default == DefaultStorageClass::LocalPathImmediate),
    ]})
}

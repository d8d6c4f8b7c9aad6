//! The programs of a cluster, each with its arguments.

use std::path::Path;

use crate::{
    build::Programs,
    configuration::{NODE, NODE_NAME},
    namespaces::Component,
    registry::RegistryProcess,
    state::INSIDE,
};

/// The components that run before the API server answers, including the API server.
pub(crate) fn base_components(programs: &Programs, containerd: &Path, registries: Vec<RegistryProcess>) -> Vec<Component> {
    let containerd = component("containerd", containerd, &["--config", "{}/containerd.toml"]);
    let registries = registries.into_iter().map(|registry| Component {
        name: registry.name,
        program: registry.program,
        arguments: registry.arguments,
        environment: Vec::new(),
    });
    [etcd(programs), api_server(programs), containerd].into_iter().chain(registries).collect()
}

/// The clients of the API server.
pub(crate) fn api_clients(programs: &Programs) -> Vec<Component> {
    vec![controller_manager(programs), scheduler(programs), kubelet(programs), proxy(programs), dns(programs), storage(programs)]
}

/// A component. `{}` in an argument stands for the path of the state directory inside the cluster.
fn component(name: &'static str, program: &Path, arguments: &[&str]) -> Component {
    let arguments = arguments.iter().map(|argument| argument.replace("{}", INSIDE)).collect();
    Component { name, program: program.to_owned(), arguments, environment: Vec::new() }
}

/// A component of Kubernetes; all of them are in one program.
fn kubernetes_component(programs: &Programs, name: &'static str, arguments: &[&str]) -> Component {
    component(name, &programs.hyperkube, &[&[name], arguments].concat())
}

/// etcd without fsync: after a crash of the machine a cluster is made anew.
fn etcd(programs: &Programs) -> Component {
    let arguments = [
        "--data-dir={}/etcd",
        "--listen-client-urls=http://127.0.0.1:2379",
        "--advertise-client-urls=http://127.0.0.1:2379",
        "--listen-peer-urls=http://127.0.0.1:2380",
        "--unsafe-no-fsync",
    ];
    kubernetes_component(programs, "etcd", &arguments)
}

fn api_server(programs: &Programs) -> Component {
    let address = format!("--advertise-address={NODE}");
    let arguments = [
        "--etcd-servers=http://127.0.0.1:2379",
        &address,
        "--bind-address=0.0.0.0",
        "--secure-port=6443",
        "--service-cluster-ip-range=10.96.0.0/16",
        "--tls-cert-file={}/pki/apiserver.crt",
        "--tls-private-key-file={}/pki/apiserver.key",
        "--client-ca-file={}/pki/ca.crt",
        "--kubelet-client-certificate={}/pki/kubelet-client.crt",
        "--kubelet-client-key={}/pki/kubelet-client.key",
        "--kubelet-certificate-authority={}/pki/ca.crt",
        "--kubelet-preferred-address-types=InternalIP",
        "--service-account-issuer=https://kubernetes.default.svc.cluster.local",
        "--service-account-key-file={}/pki/accounts.pub",
        "--service-account-signing-key-file={}/pki/accounts.key",
        "--authorization-mode=Node,RBAC",
        "--enable-admission-plugins=NodeRestriction",
        "--allow-privileged=true",
        "--audit-log-path={}/log/audit.log",
        "--audit-policy-file={}/audit.json",
        // One file for the life of a cluster, because tests count its entries.
        "--audit-log-maxsize=100000",
    ];
    kubernetes_component(programs, "kube-apiserver", &arguments)
}

fn controller_manager(programs: &Programs) -> Component {
    let arguments = [
        "--kubeconfig={}/kubeconfigs/controller-manager",
        "--service-account-private-key-file={}/pki/accounts.key",
        "--root-ca-file={}/pki/ca.crt",
        "--use-service-account-credentials",
        "--allocate-node-cidrs",
        "--cluster-cidr=10.244.0.0/16",
        "--service-cluster-ip-range=10.96.0.0/16",
        "--flex-volume-plugin-dir={}/kubelet/plugins",
        "--leader-elect=false",
        // Controllers start one after the other, and the default rate limit on their requests would cost every start five seconds.
        "--kube-api-qps=500",
        "--kube-api-burst=1000",
    ];
    kubernetes_component(programs, "kube-controller-manager", &arguments)
}

fn scheduler(programs: &Programs) -> Component {
    kubernetes_component(programs, "kube-scheduler", &["--kubeconfig={}/kubeconfigs/scheduler", "--leader-elect=false"])
}

fn kubelet(programs: &Programs) -> Component {
    let (name, address) = (format!("--hostname-override={NODE_NAME}"), format!("--node-ip={NODE}"));
    let arguments = [
        "--config={}/kubelet.json",
        "--kubeconfig={}/kubeconfigs/node",
        "--root-dir={}/kubelet",
        "--cert-dir={}/pki",
        &name,
        &address,
    ];
    kubernetes_component(programs, "kubelet", &arguments)
}

fn proxy(programs: &Programs) -> Component {
    kubernetes_component(programs, "kube-proxy", &["--config={}/proxy.json"])
}

fn dns(programs: &Programs) -> Component {
    component("coredns", &programs.coredns, &["-conf", "{}/Corefile"])
}

/// The storage provisioner, which runs beside the cluster and not in it, with the same configuration as its ConfigMap.
fn storage(programs: &Programs) -> Component {
    let arguments = [
        "start",
        "--kubeconfig={}/kubeconfigs/admin",
        "--config={}/storage-provisioner/config.json",
        "--namespace=local-path-storage",
        "--configmap-name=local-path-config",
        "--helper-image=docker.io/library/busybox:1.36",
    ];
    let mut component = component("local-path-provisioner", &programs.local_path_provisioner, &arguments);
    component.environment =
        vec![("CONFIG_MOUNT_PATH", format!("{INSIDE}/storage-provisioner")), ("POD_NAMESPACE", "local-path-storage".to_owned())];
    component
}

//! A real cluster for tests and benches: separate namespaces, federations, staging, installation, jobs.

mod access;
pub mod admin;
pub mod classes;
pub mod cluster_lock;
pub mod component;
pub mod copy;
pub mod cutting_proxy;
pub mod federation;
pub mod guide;
pub mod install;
pub mod limited_user;
pub mod namespace;
pub mod node;
pub mod parent;
pub mod run;
pub mod stage;
pub mod storage;
pub mod telling;
pub mod witness;

use std::path::Path;
use std::sync::Once;

pub use access::Cluster;

use crate::cleanup;

impl Cluster {
    /// The cluster of `FLARE_KUBE_TEST_KUBECONFIG`, with its images below `FLARE_KUBE_TEST_REGISTRY` (`registry.example.com`).
    pub fn named() -> Self {
        let kubeconfig = std::env::var_os("FLARE_KUBE_TEST_KUBECONFIG").filter(|value| !value.is_empty()).expect(
            "FLARE_KUBE_TEST_KUBECONFIG names no cluster: these tests create and delete namespaces, so they take none by themselves",
        );
        Self::of(Path::new(&kubeconfig))
    }

    /// The cluster of `FLARE_KUBE_TEST_SECOND_KUBECONFIG`, if there is one: for tests that change the node, which then run beside the others.
    pub fn second() -> Option<Self> {
        let kubeconfig = std::env::var_os("FLARE_KUBE_TEST_SECOND_KUBECONFIG").filter(|value| !value.is_empty())?;
        Some(Self::of(Path::new(&kubeconfig)))
    }

    /// The cluster of a kubeconfig. The first call of a process removes what killed runs left in it, and handles Ctrl-C.
    pub fn of(kubeconfig: &Path) -> Self {
        static FIRST: Once = Once::new();
        let registry = std::env::var("FLARE_KUBE_TEST_REGISTRY").unwrap_or_else(|_| "registry.example.com".to_owned());
        let cluster = Self::at(kubeconfig, registry);
        FIRST.call_once(|| {
            cleanup::listen();
            namespace::sweep(&cluster);
            node::sweep(&cluster);
            classes::sweep(&cluster);
            storage::sweep(&cluster);
        });
        cluster
    }
}

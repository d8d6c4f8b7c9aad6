//! A real cluster for tests and benches: separate namespaces, federations, staging, installation, jobs.

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
pub mod witness;

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Once;

use crate::cleanup;
use crate::reference::Release;

/// A cluster in which namespaces may be created and deleted.
#[derive(Debug, Clone)]
pub struct Cluster {
    kubeconfig: PathBuf,
    registry: String,
}

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
        let cluster = Self { kubeconfig: kubeconfig.to_path_buf(), registry };
        FIRST.call_once(|| {
            cleanup::listen();
            namespace::sweep(&cluster);
            node::sweep(&cluster);
            classes::sweep(&cluster);
            storage::sweep(&cluster);
        });
        cluster
    }

    /// The file that says where it is.
    pub fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }

    /// The FLARE image of a release, for parents and job pods.
    pub fn image(&self, release: Release) -> String {
        self.image_with_tag(release.version())
    }

    /// The FLARE image with any tag.
    pub fn image_with_tag(&self, tag: &str) -> String {
        format!("{}/nvflare/nvflare:{tag}", self.registry)
    }

    /// The user's kubectl, for only this cluster.
    pub fn kubectl(&self) -> Command {
        self.program("kubectl")
    }

    /// Any program that reads `KUBECONFIG`, such as Helm.
    pub fn program(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        command.env("KUBECONFIG", &self.kubeconfig);
        command
    }
}

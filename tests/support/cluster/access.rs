//! A cluster by its kubeconfig, the images in it, and programs for it.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::reference::Release;

/// A cluster in which namespaces may be created and deleted.
#[derive(Debug, Clone)]
pub struct Cluster {
    kubeconfig: PathBuf,
    registry: String,
}

impl Cluster {
    /// The cluster of a kubeconfig, as it is.
    pub(super) fn at(kubeconfig: &Path, registry: String) -> Self {
        Self { kubeconfig: kubeconfig.to_path_buf(), registry }
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

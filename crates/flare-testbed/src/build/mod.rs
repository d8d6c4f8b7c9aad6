//! The programs of a cluster, built from source once and kept in the cache.

mod go;
mod program;

use std::path::PathBuf;

use flare_diagnostic::Faults;

use crate::Context;

/// The paths of the programs that a cluster runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Programs {
    /// kubectl, etcd, the API server, controller manager, scheduler, kubelet and kube-proxy in one: `hyperkube COMPONENT [flags]`.
    pub hyperkube: PathBuf,
    /// The DNS server of the cluster.
    pub coredns: PathBuf,
    /// Creates directories for claims; runs beside the cluster with a kubeconfig.
    pub local_path_provisioner: PathBuf,
}

/// Finds the programs in the cache and builds what is missing, which takes minutes.
///
/// An interrupted build continues where it stopped, since Go caches each package that it compiled.
///
/// # Errors
/// Go is missing or too old, the disk is full, the network is not reachable, a build failed, or the run was interrupted.
pub fn programs(context: &Context<'_>) -> Result<Programs, Faults> {
    // The small ones first, so that problems with Go or the network show after seconds. CoreDNS needs the newest Go.
    let coredns = go::built(context, &program::COREDNS)?;
    let local_path_provisioner = go::built(context, &program::LOCAL_PATH_PROVISIONER)?;
    let hyperkube = go::built(context, &program::KUBERNETES)?;
    Ok(Programs { hyperkube, coredns, local_path_provisioner })
}

/// Whether all programs are in the cache, so that [`programs`] builds nothing.
pub fn is_built(context: &Context<'_>) -> bool {
    program::ALL.iter().all(|program| program.path(context.cache).is_file())
}

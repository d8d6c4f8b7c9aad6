//! Stand-in until the branch `images` is merged.

use std::path::PathBuf;

use flare_diagnostic::Faults;

use crate::Surroundings;

/// The programs of a cluster.
#[derive(Debug, Clone)]
pub struct Programs {
    /// All of Kubernetes.
    pub hyperkube: PathBuf,
    /// DNS.
    pub coredns: PathBuf,
    /// Storage.
    pub local_path_provisioner: PathBuf,
}

/// Finds the programs.
pub fn programs(_surroundings: &Surroundings<'_>) -> Result<Programs, Faults> {
    let bin = PathBuf::from("/tmp/tb/bin");
    Ok(Programs {
        hyperkube: bin.join("hyperkube"),
        coredns: bin.join("coredns"),
        local_path_provisioner: bin.join("local-path-provisioner"),
    })
}

/// Whether nothing has to be built.
pub fn is_built(surroundings: &Surroundings<'_>) -> bool {
    programs(surroundings).is_ok()
}

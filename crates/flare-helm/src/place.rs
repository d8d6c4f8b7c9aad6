//! The name, namespace and cluster that identify a release.

use std::path::PathBuf;

/// Identifies a release in a cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReleaseId {
    /// Its name.
    pub release: String,
    /// Its namespace.
    pub namespace: String,
    /// The kubeconfig file; `None`: Helm's default, the same as kubectl's.
    pub kubeconfig: Option<PathBuf>,
    /// The context in it; `None`: the current one.
    pub context: Option<String>,
}

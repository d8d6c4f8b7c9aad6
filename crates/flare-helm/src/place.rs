//! The location of a release.

use std::path::PathBuf;

/// The location of a release.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Its name.
    pub release: String,
    /// Its namespace.
    pub namespace: String,
    /// The kubeconfig file; `None`: the one that Helm finds by itself, like kubectl.
    pub kubeconfig: Option<PathBuf>,
    /// The context in it; `None`: the current one.
    pub context: Option<String>,
}

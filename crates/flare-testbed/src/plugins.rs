//! The plugins of the pod network, which lie in a folder of their own.

use std::path::{Path, PathBuf};

/// The plugins that a cluster uses.
const NAMES: [&str; 4] = ["bridge", "host-local", "loopback", "portmap"];

/// The folder of the plugins: Debian's, else that of their own releases.
pub(crate) fn folder() -> Option<PathBuf> {
    let folders = ["/usr/lib/cni", "/opt/cni/bin"].map(Path::new);
    folders.into_iter().find(|folder| NAMES.iter().all(|plugin| folder.join(plugin).is_file())).map(Path::to_owned)
}

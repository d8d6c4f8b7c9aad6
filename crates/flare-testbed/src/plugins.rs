//! The plugins of the pod network, which have their own directory.

use std::path::{Path, PathBuf};

/// The plugins that a cluster uses.
const NAMES: [&str; 4] = ["bridge", "host-local", "loopback", "portmap"];

/// The directory of the plugins: Debian's, otherwise that of their own releases.
pub(crate) fn directory() -> Option<PathBuf> {
    let directories = ["/usr/lib/cni", "/opt/cni/bin"].map(Path::new);
    directories.into_iter().find(|directory| NAMES.iter().all(|plugin| directory.join(plugin).is_file())).map(Path::to_owned)
}

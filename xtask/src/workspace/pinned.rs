//! The versions of what `tools/` builds, from `tools/NAME/versions`, which the scripts there read too.

use std::path::{Path, PathBuf};

use flare_diagnostic::{Code, Faults};

/// The versions of a tool, one for each line of its file.
pub(crate) fn versions(root: &Path, tool: &str) -> Result<Vec<String>, Faults> {
    let path = root.join("tools").join(tool).join("versions");
    let bytes = flare_file_tree::read_file(&path, 1 << 10, Code::CheckFailed, Code::CheckFailed)?;
    Ok(String::from_utf8_lossy(&bytes).lines().map(str::to_owned).collect())
}

/// The path of a Helm in the cache.
pub(crate) fn helm(cache: &Path, version: &str) -> PathBuf {
    cache.join(format!("tools/helm-{version}/helm"))
}

/// The file that marks a complete reference in the cache.
pub(crate) fn reference(cache: &Path, version: &str) -> PathBuf {
    cache.join(format!("reference/nvflare-{version}/.complete"))
}

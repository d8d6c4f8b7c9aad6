//! What the tests of images and of registries share.

use std::path::PathBuf;

/// The directories of programs.
pub(crate) fn search_path() -> Vec<PathBuf> {
    std::env::split_paths(&std::env::var_os("PATH").unwrap()).collect()
}

/// The user's cache, in which layers are built once.
pub(crate) fn cache() -> PathBuf {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    set("FLARE_KUBE_CACHE")
        .or_else(|| set("XDG_CACHE_HOME").map(|directory| directory.join("flare-kube")))
        .unwrap_or_else(|| set("HOME").unwrap().join(".cache/flare-kube"))
}

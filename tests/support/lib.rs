//! Shared code of the integration tests: kits in memory, the reference as an oracle, hermetic commands, Helm, a cluster.
//!
//! Nothing here implements a rule of flare-kube, because then a test could agree with the code under test for the wrong reason.
#![allow(clippy::disallowed_methods, reason = "tests stand at the edge: they make kits on disk and start processes")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::missing_panics_doc,
    clippy::print_stderr,
    reason = "a helper that fails must end its test at once"
)]

pub mod api_server;
pub mod bench;
pub mod cleanup;
pub mod closed_api_server;
pub mod cluster;
pub mod command;
pub mod demo_federation;
pub mod helm;
pub mod identity;
pub mod kit;
pub mod oracle;
pub mod pod_cluster;
pub mod random;
pub mod reference;

use std::path::PathBuf;

/// The directory in which tools and references are kept between runs: `$FLARE_KUBE_CACHE`, otherwise
/// `$XDG_CACHE_HOME/flare-kube`, otherwise `~/.cache/flare-kube`.
pub fn cache_directory() -> PathBuf {
    let variable = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    variable("FLARE_KUBE_CACHE")
        .or_else(|| variable("XDG_CACHE_HOME").map(|directory| directory.join("flare-kube")))
        .or_else(|| variable("HOME").map(|directory| directory.join(".cache/flare-kube")))
        .expect("HOME is set wherever tests run")
}

/// The root of the workspace.
pub fn workspace_directory() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ lies in the workspace").to_path_buf()
}

//! The registries of a cluster: a plain one, one with a password, a slow one. All serve one root folder.

use std::path::{Path, PathBuf};

use flare_diagnostic::Faults;

use crate::Surroundings;

/// A process to be started in the cluster's network namespace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegistryProcess {
    /// The name of the part, for logs.
    pub name: &'static str,
    /// The program.
    pub program: PathBuf,
    /// Its arguments.
    pub arguments: Vec<String>,
}

/// Where the registries of a cluster live.
#[derive(Debug, Clone, Copy)]
pub struct Place<'a> {
    /// The state folder as this process sees it; configuration is written below `registries/` and `certs.d/` of it.
    pub state_folder: &'a Path,
    /// The same folder as the cluster's own processes see it.
    pub seen_as: &'a Path,
    /// The root folder of the registry's storage as the cluster's own processes see it.
    pub root: &'a Path,
    /// The port of the plain registry; the others take the two after it.
    pub port: u16,
    /// The `flare-kube` program, whose hidden verb [`SLOW_LINK_VERB`] makes the slow registry slow.
    pub own_program: &'a Path,
}

/// The hidden verb of `flare-kube` that calls [`serve_slow_link`] with its arguments.
pub const SLOW_LINK_VERB: &str = "slow-link";

/// Writes the configuration of all registries and names the processes to start.
///
/// # Errors
/// `docker-registry` is missing, or the disk refused.
pub fn processes(surroundings: &Surroundings<'_>, place: Place<'_>) -> Result<Vec<RegistryProcess>, Faults> {
    let _ = surroundings;
    std::fs::create_dir_all(place.state_folder.join("registries")).unwrap_or_default();
    let config = serde_json::json!({
        "version": 0.1,
        "log": {"level": "warn"},
        "storage": {"filesystem": {"rootdirectory": place.root}, "delete": {"enabled": true}},
        "http": {"addr": format!(":{}", place.port)},
    });
    let _ = std::fs::write(place.state_folder.join("registries/plain.yml"), config.to_string());
    for host in ["registry.example.com", "docker.io"] {
        let server = format!("http://127.0.0.1:{}", place.port);
        let hosts = format!("server = \"{server}\"\n[host.\"{server}\"]\n  capabilities = [\"pull\", \"resolve\"]\n");
        let folder = place.state_folder.join("certs.d").join(host);
        let _ = std::fs::create_dir_all(&folder);
        let _ = std::fs::write(folder.join("hosts.toml"), hosts);
    }
    Ok(vec![RegistryProcess {
        name: "registry",
        program: PathBuf::from("/usr/bin/docker-registry"),
        arguments: vec!["serve".to_owned(), place.seen_as.join("registries/plain.yml").display().to_string()],
    }])
}

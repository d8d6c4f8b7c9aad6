//! The registries of a cluster: a plain one, one that requires a password, and a slow one. All serve the same directory, so
//! every image can be pulled from each.

mod credentials;
mod files;
mod slow_link;

use std::{
    net::Ipv4Addr,
    path::{Path, PathBuf},
};

use flare_diagnostic::{Code, Diagnostic, Faults};
use serde_json::json;

pub use credentials::Credentials;
pub(crate) use files::credentials_file;
pub use slow_link::{SlowLink, serve_slow_link};

use self::files::{DIRECTORY, write_private};
use crate::Context;

/// The name under which pods pull from the plain registry, as does `docker.io`.
pub(crate) const PLAIN_HOST: &str = "registry.example.com";

/// The name under which pods pull from the registry that requires a password.
pub(crate) const PRIVATE_HOST: &str = "private.example.com";

/// The name under which pods pull from the slow registry.
pub(crate) const SLOW_HOST: &str = "slow.example.com";

/// The slow registry's bytes per second: a small layer takes seconds, FLARE's take many minutes.
const SLOW_RATE: u32 = 256 << 10;

/// A process to be started in the cluster's network namespace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegistryProcess {
    /// The name of the component, for logs.
    pub name: &'static str,
    /// The program.
    pub program: PathBuf,
    /// Its arguments.
    pub arguments: Vec<String>,
    /// The port on which it listens, inside.
    pub port: u16,
}

/// Where the registries of a cluster run.
#[derive(Debug, Clone, Copy)]
pub struct RegistryPlacement<'a> {
    /// The state directory as this process sees it; configuration is written to its `registries/` and `certs.d/`.
    pub state_directory: &'a Path,
    /// The same directory as the cluster's own processes see it.
    pub seen_as: &'a Path,
    /// The directory of the images, below the state directory.
    pub images: &'a str,
    /// The address on which the registries listen: [`Ipv4Addr::UNSPECIFIED`] lets this machine reach them through the cluster's
    /// link. The slow one is only for the node.
    pub listen: Ipv4Addr,
    /// The port of the plain registry; the private one and the slow one use the next two.
    pub port: u16,
    /// The program that serves a [`SlowLink`] if it is started with its arguments.
    pub own_program: &'a Path,
}

/// Writes the configuration of all registries and of containerd's access to them (`certs.d/HOST/hosts.toml`), creates the
/// credentials if there are none, and returns the processes to start.
///
/// # Errors
/// `docker-registry` is missing, or an I/O error.
pub fn processes(context: &Context<'_>, place: RegistryPlacement<'_>) -> Result<Vec<RegistryProcess>, Faults> {
    let missing = || {
        Diagnostic::error(Code::ToolNotFound, "the program `docker-registry` is not there")
            .hint("install it with `apt-get install docker-registry`, and run again")
    };
    let registry = context.find("docker-registry").ok_or_else(missing)?;
    let credentials = Credentials::get_or_build(place.state_directory)?;
    write(place, &format!("{DIRECTORY}/htpasswd"), &credentials.htpasswd()?)?;
    write(place, &format!("{DIRECTORY}/plain.yml"), &configuration(place, place.port, false))?;
    write(place, &format!("{DIRECTORY}/private.yml"), &configuration(place, place.port + 1, true))?;
    for (host, port) in hosts(place.port) {
        write(place, &format!("certs.d/{host}/hosts.toml"), &hosts_toml(port))?;
    }
    let serve = |name, file: &str, port| RegistryProcess {
        name,
        program: registry.clone(),
        arguments: vec!["serve".to_owned(), inside(place, &format!("{DIRECTORY}/{file}"))],
        port,
    };
    let slow = SlowLink { listen: place.port + 2, forward: place.port, rate: SLOW_RATE };
    Ok(vec![
        serve("registry", "plain.yml", place.port),
        serve("registry-private", "private.yml", place.port + 1),
        RegistryProcess {
            name: "registry-slow",
            program: place.own_program.to_owned(),
            arguments: slow.arguments().to_vec(),
            port: slow.listen,
        },
    ])
}

/// The credentials of a cluster's private registry.
///
/// # Errors
/// There are none, they are damaged, or an I/O error.
pub fn credentials(state_directory: &Path) -> Result<Credentials, Faults> {
    Credentials::read(state_directory)
}

/// Names of registries, with their ports.
fn hosts(port: u16) -> [(&'static str, u16); 4] {
    [(PLAIN_HOST, port), ("docker.io", port), (PRIVATE_HOST, port + 1), (SLOW_HOST, port + 2)]
}

/// containerd's configuration for a registry: without TLS, since nothing leaves the node.
fn hosts_toml(port: u16) -> String {
    let server = format!("http://127.0.0.1:{port}");
    format!("server = \"{server}\"\n\n[host.\"{server}\"]\n  capabilities = [\"pull\", \"resolve\"]\n")
}

/// The configuration of docker-registry, as JSON, which is YAML. The private one is read-only, so that only one process
/// changes the directory.
fn configuration(place: RegistryPlacement<'_>, port: u16, is_private: bool) -> String {
    let mut configuration = json!({
        "version": 0.1,
        "log": {"level": "warn"},
        "storage": {
            "filesystem": {"rootdirectory": inside(place, place.images)},
            "delete": {"enabled": !is_private},
            "maintenance": {"readonly": {"enabled": is_private}},
        },
        "http": {"addr": format!("{}:{port}", place.listen)},
    });
    if is_private {
        let path = inside(place, &format!("{DIRECTORY}/htpasswd"));
        configuration["auth"] = json!({"htpasswd": {"realm": PRIVATE_HOST, "path": path}});
    }
    format!("{configuration:#}\n")
}

/// A path below the state directory, as the cluster's processes see it.
fn inside(place: RegistryPlacement<'_>, path: &str) -> String {
    place.seen_as.join(path).to_string_lossy().into_owned()
}

/// Writes a file below the state directory that only its owner can read.
fn write(place: RegistryPlacement<'_>, path: &str, content: &str) -> Result<(), Faults> {
    write_private(&place.state_directory.join(path), content).map_err(Faults::from)
}

#[cfg(test)]
mod tests {
    use std::{fs, net::Ipv4Addr, os::unix::fs::PermissionsExt as _, path::Path, sync::atomic::AtomicBool};

    use serde_json::Value;

    use super::{RegistryPlacement, processes};
    use crate::Context;

    #[test]
    fn every_registry_is_configured_and_nobody_else_can_read_the_password() {
        let (state, interrupted) = (tempfile::tempdir().unwrap(), AtomicBool::new(false));
        fs::write(state.path().join("docker-registry"), "").unwrap();
        let search_path = [state.path().to_owned()];
        let context =
            Context { cache: state.path(), search_path: &search_path, interrupted: &interrupted, report: &|_: &str| {} };
        let own_program = Path::new("/opt/flare-kube");
        let place = RegistryPlacement {
            state_directory: state.path(),
            seen_as: Path::new("/run/x"),
            images: "registry",
            listen: Ipv4Addr::UNSPECIFIED,
            port: 5000,
            own_program,
        };
        let started = processes(&context, place).unwrap();
        assert_eq!(
            started.iter().map(|process| (process.name, process.port)).collect::<Vec<_>>(),
            [("registry", 5000), ("registry-private", 5001), ("registry-slow", 5002)]
        );
        assert_eq!(started[1].arguments, ["serve", "/run/x/registries/private.yml"]);
        assert_eq!(started[2].arguments, ["internal:slow-link", "5002", "5000", "262144"]);
        let read = |path: &str| fs::read_to_string(state.path().join(path)).unwrap();
        let configuration: Value = serde_json::from_str(&read("registries/private.yml")).unwrap();
        assert_eq!(configuration["auth"]["htpasswd"]["path"], "/run/x/registries/htpasswd");
        assert_eq!(configuration["storage"]["filesystem"]["rootdirectory"], "/run/x/registry");
        assert!(read("certs.d/slow.example.com/hosts.toml").contains("[host.\"http://127.0.0.1:5002\"]"));
        for secret in ["registries/htpasswd", "registries/credentials.json"] {
            assert_eq!(fs::metadata(state.path().join(secret)).unwrap().permissions().mode() & 0o777, 0o600);
        }
        let first = read("registries/credentials.json");
        processes(&context, place).unwrap();
        assert_eq!(read("registries/credentials.json"), first, "the password changed");
    }
}

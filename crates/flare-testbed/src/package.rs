//! The programs of the operating system that a cluster uses, and the Debian packages that have them.

use std::path::{Path, PathBuf};

use flare_diagnostic::{Diagnostic, Faults};

use crate::{
    Surroundings,
    command::{command, find, run},
    preflight::not_ready,
};

/// Program, Debian package.
const PROGRAMS: [(&str, &str); 10] = [
    ("containerd", "containerd"),
    ("runc", "runc"),
    ("docker-registry", "docker-registry"),
    ("iptables", "iptables"),
    ("ip", "iproute2"),
    ("mount", "mount"),
    ("nsenter", "util-linux"),
    ("unshare", "util-linux"),
    ("setsid", "util-linux"),
    ("busybox", "busybox-static"),
];

/// The plugins of the pod network.
const CNI: [&str; 4] = ["bridge", "host-local", "loopback", "portmap"];

/// The Debian package of [`CNI`].
const CNI_PACKAGE: &str = "containernetworking-plugins";

/// The folder of the pod network's plugins: Debian's, else that of their own releases.
pub(crate) fn cni_folder() -> Option<PathBuf> {
    let folders = ["/usr/lib/cni", "/opt/cni/bin"].map(Path::new);
    folders.into_iter().find(|folder| CNI.iter().all(|plugin| folder.join(plugin).is_file())).map(Path::to_owned)
}

/// The packages of which something is missing; none where all is there.
pub(crate) fn missing(surroundings: &Surroundings<'_>) -> Option<Vec<&'static str>> {
    let absent = PROGRAMS.iter().filter(|(program, _)| find(surroundings, program).is_none());
    let mut packages: Vec<_> = absent.map(|(_, package)| *package).collect();
    packages.extend(cni_folder().is_none().then_some(CNI_PACKAGE));
    packages.dedup();
    (!packages.is_empty()).then_some(packages)
}

/// The fault of missing packages.
pub(crate) fn fault(packages: &[&str]) -> Diagnostic {
    let names = packages.join(" ");
    not_ready(format!("Debian packages are missing: {names}"))
        .hint(format!("run `apt-get install --no-install-recommends {names}`, or add `--install-packages`"))
}

/// Installs what is missing with apt-get.
pub(crate) fn install(surroundings: &Surroundings<'_>) -> Result<(), Faults> {
    let Some(packages) = missing(surroundings) else { return Ok(()) };
    (surroundings.say)(&format!("installing Debian packages: {}", packages.join(" ")));
    let words = [&["install", "--yes", "--no-install-recommends"], packages.as_slice()].concat();
    for words in [vec!["update"], words] {
        surroundings.check()?;
        let mut apt = command(surroundings, "apt-get").map_err(|_| fault(&packages))?;
        run(apt.env("DEBIAN_FRONTEND", "noninteractive").args(words), &[]).map_err(|faults| {
            let why = faults.first().message.clone();
            not_ready(format!("Debian packages cannot be installed: {why}"))
                .hint(format!("run `apt-get update && apt-get install {}` by hand", packages.join(" ")))
        })?;
    }
    Ok(())
}

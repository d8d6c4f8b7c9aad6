//! The Debian packages that a cluster from source needs.

mod lists_lock;

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::Command,
};

use flare_diagnostic::{Code, Diagnostic, Faults};

use self::lists_lock::LISTS_LOCK;
use crate::{Context, build_cache::LongRun, command::find, fault::cache_disk};

/// A Debian package, with the programs or files for which it is needed.
struct Package {
    name: &'static str,
    programs: &'static [&'static str],
    files: &'static [&'static str],
}

const fn programs(name: &'static str, programs: &'static [&'static str]) -> Package {
    Package { name, programs, files: &[] }
}

const PACKAGES: [Package; 10] = [
    programs("containerd", &["containerd", "containerd-shim-runc-v2"]),
    programs("runc", &["runc"]),
    Package {
        name: "containernetworking-plugins",
        programs: &[],
        files: &["/usr/lib/cni/bridge", "/usr/lib/cni/host-local", "/usr/lib/cni/loopback", "/usr/lib/cni/portmap"],
    },
    programs("docker-registry", &["docker-registry"]),
    programs("skopeo", &["skopeo"]),
    programs("iptables", &["iptables"]),
    programs("iproute2", &["ip"]),
    programs("mount", &["mount"]),
    programs("util-linux", &["unshare", "nsenter", "setpriv", "setsid"]),
    programs("mmdebstrap", &["mmdebstrap"]),
];

/// `apt-get install` waits up to five minutes for another one; for the lists of packages it cannot.
const WAIT_FOR_DPKG: &str = "DPkg::Lock::Timeout=300";

/// The script that Debian's maintainer scripts call before they start a service; 101 forbids it.
const REFUSAL: &str = "#!/bin/sh\nexit 101\n";

/// The packages of which something is missing, in the order of the manual.
pub fn missing(context: &Context<'_>) -> Vec<&'static str> {
    missing_of(&PACKAGES, context)
}

fn missing_of(packages: &[Package], context: &Context<'_>) -> Vec<&'static str> {
    let has = |program: &str| find(context, program).is_some();
    let is_whole = |package: &&Package| {
        package.programs.iter().all(|program| has(program)) && package.files.iter().all(|file| Path::new(file).exists())
    };
    packages.iter().filter(|package| !is_whole(package)).map(|package| package.name).collect()
}

/// Installs missing packages with apt-get. No package is removed, and no service of these packages is started, because
/// clusters start their own.
///
/// # Errors
/// Not root, no apt-get, the disk is full, the network is not reachable, apt-get failed, or the run was interrupted.
pub fn install(context: &Context<'_>) -> Result<(), Faults> {
    let packages = missing(context);
    if packages.is_empty() {
        return Ok(());
    }
    let names = packages.join(" ");
    if !rustix::process::geteuid().is_root() {
        return Err(Diagnostic::error(
            Code::MachineNotReady,
            format!("Debian packages are missing, and only root can install them: {names}"),
        )
        .hint(format!("run `sudo apt-get install --no-install-recommends {names}`"))
        .into());
    }
    let no_apt = || {
        Diagnostic::error(
            Code::ToolNotFound,
            format!("`apt-get` is not there, and programs of these Debian packages are missing: {names}"),
        )
        .hint("install these programs as your distribution has them")
    };
    let apt = context.find("apt-get").ok_or_else(no_apt)?;
    (context.report)(&format!("installing Debian packages: {names}"));
    let refusal = PolicyRcD::put(Path::new("/usr/sbin/policy-rc.d"))?;
    let run = |words: &[&str], log: &str, may_be_ended| {
        let mut command = Command::new(&apt);
        command.args(words).env("DEBIAN_FRONTEND", "noninteractive");
        let run = LongRun::new(context, "the installation of Debian packages", log);
        LongRun { may_be_ended, ..run }.run(context, command)
    };
    lists_lock::wait_for_others(context, Path::new(LISTS_LOCK), lists_lock::LIMIT)?;
    run(&["update"], "apt-get-update", true)?;
    // An interrupted installation would have to be repaired by hand.
    run(
        &[&["-o", WAIT_FOR_DPKG, "install", "--yes", "--no-remove", "--no-install-recommends"], packages.as_slice()].concat(),
        "apt-get-install",
        false,
    )?;
    drop(refusal);
    match missing(context) {
        still if still.is_empty() => Ok(()),
        still => Err(Diagnostic::error(
            Code::MachineNotReady,
            format!("after apt-get something is still missing of: {}", still.join(" ")),
        )
        .hint("put `/usr/sbin` on PATH, or look at the packages with `dpkg --listfiles NAME`")
        .into()),
    }
}

/// Forbids Debian to start services for as long as this value lives. An existing policy stays.
struct PolicyRcD(Option<PathBuf>);

impl PolicyRcD {
    fn put(path: &Path) -> Result<Self, Faults> {
        if path.exists() {
            return Ok(Self(None));
        }
        let put = fs::write(path, REFUSAL).and_then(|()| fs::set_permissions(path, fs::Permissions::from_mode(0o755)));
        put.map_err(|error| cache_disk("written", path, &error))?;
        Ok(Self(Some(path.to_owned())))
    }
}

impl Drop for PolicyRcD {
    fn drop(&mut self) {
        if let Some(path) = &self.0 {
            // If it cannot be removed, it only keeps services from starting when they are installed.
            let _ = fs::remove_file(path);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, sync::atomic::AtomicBool};

    use super::{PACKAGES, Package, PolicyRcD, missing_of, programs};
    use crate::Context;

    #[test]
    fn a_package_is_missing_where_one_of_its_programs_or_files_is() {
        let (directory, interrupted) = (tempfile::tempdir().unwrap(), AtomicBool::new(false));
        fs::write(directory.path().join("first-program"), "").unwrap();
        let search_path = [directory.path().to_owned()];
        let context =
            Context { cache: directory.path(), search_path: &search_path, interrupted: &interrupted, report: &|_: &str| {} };
        let packages = [
            programs("whole", &["first-program"]),
            programs("half", &["first-program", "second-program"]),
            Package { name: "file", programs: &[], files: &["/no/such/file"] },
        ];
        assert_eq!(missing_of(&packages, &context), ["half", "file"]);
    }

    #[test]
    fn the_list_names_no_package_twice() {
        let mut names: Vec<_> = PACKAGES.iter().map(|package| package.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), PACKAGES.len());
    }

    #[test]
    fn services_are_refused_for_a_while_and_a_policy_of_the_users_stays() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("policy-rc.d");
        let refusal = PolicyRcD::put(&path).unwrap();
        assert!(fs::read_to_string(&path).unwrap().contains("exit 101"));
        drop(refusal);
        assert!(!path.exists());
        fs::write(&path, "mine").unwrap();
        drop(PolicyRcD::put(&path).unwrap());
        assert_eq!(fs::read_to_string(&path).unwrap(), "mine");
    }
}

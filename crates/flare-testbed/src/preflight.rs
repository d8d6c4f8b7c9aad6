//! The requirements on the machine, checked before anything is started; everything that is missing is reported at once.

use std::{
    fs,
    path::{Path, PathBuf},
};

use flare_diagnostic::{Code, Collector, Diagnostic, Faults};

use crate::{
    Context, UpOptions,
    command::{command, find, output},
    control_group, link, packages,
};

/// The script that tests the kernel, in temporary namespaces.
const TRIAL: &str = include_str!("kernel_probe.sh");

/// The free disk space that a cluster with FLARE images needs, in bytes.
const NEEDED: u64 = 4 << 30;

/// The free disk space that building everything needs, in bytes.
const NEEDED_TO_BUILD: u64 = 12 << 30;

/// Checks everything, then installs missing packages if that is allowed and all other requirements are met, so that an
/// unsuitable machine is not changed.
///
/// # Errors
/// [`Code::MachineNotReady`] for each missing requirement.
pub(crate) fn check(context: &Context<'_>, options: &UpOptions) -> Result<(), Faults> {
    let mut found = Collector::from_iter(taken_port(options.registry_port));
    let root = rustix::process::geteuid().is_root();
    found.extend((!root).then(not_root));
    control_groups(&mut found);
    found.extend(disk(context, needed(context)));
    found.extend(place(context.cache));
    if !crate::build::is_built(context) && find(context, "go").is_none() {
        found.push(not_ready("Go is missing, and Kubernetes is not built yet").hint("install Go 1.26 or later, and run again"));
    }
    if options.install_packages && !found.has_errors() {
        packages::install(context)?;
    }
    found.extend(missing_packages(&packages::missing(context)));
    if root && find(context, "ip").is_some() {
        kernel(context, &mut found);
        found.extend(link::free(context)?.is_empty().then(link::no_block));
    }
    found.finish(|| ()).map(|checked| checked.value)
}

fn not_ready(message: impl Into<String>) -> Diagnostic {
    Diagnostic::error(Code::MachineNotReady, message)
}

/// Ports of the node's own components: DNS, etcd, the API server, the kubelet with its neighbours.
const PORTS: [std::ops::RangeInclusive<u32>; 4] = [53..=53, 2379..=2380, 6443..=6443, 10_248..=10_259];

/// The fault if one of the registries' three consecutive ports conflicts with another component.
fn taken_port(port: u16) -> Option<Diagnostic> {
    let wanted = u32::from(port)..=u32::from(port) + 2;
    let is_free = PORTS.iter().all(|taken| wanted.end() < taken.start() || wanted.start() > taken.end());
    (!is_free || *wanted.end() > u32::from(u16::MAX)).then(|| {
        Diagnostic::error(
            Code::InvalidArgs,
            format!("the registries cannot have the ports from {port} on: the cluster itself has one of them"),
        )
        .hint("take another `--registry-port`, such as 5000")
    })
}

fn not_root() -> Diagnostic {
    not_ready("a local cluster from source needs root, for namespaces, mounts and control groups")
        .hint("run it as root (`sudo -E`), or name a cluster that you have with `--kubeconfig FILE`")
}

fn missing_packages(packages: &[&str]) -> Option<Diagnostic> {
    let names = packages.join(" ");
    (!packages.is_empty()).then(|| {
        not_ready(format!("Debian packages are missing: {names}"))
            .hint(format!("run `apt-get install --no-install-recommends {names}` as root; `cluster up` itself does so as root"))
    })
}

/// Tests the kernel's features, as root.
fn kernel(context: &Context<'_>, found: &mut Collector) {
    let Ok(mut unshare) = command(context, "unshare") else { return };
    unshare.args(["--net", "--mount", "--pid", "--fork", "--mount-proc", "--propagation", "private", "sh", "-c", TRIAL]);
    unshare.env("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
    let said = output(&mut unshare, &[]).map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
    judge_trial(&said, found);
}

/// Evaluates the output of the test, which prints what is missing, then `tried`.
fn judge_trial(said: &str, found: &mut Collector) {
    if !said.lines().any(|line| line == "tried") {
        let fault = not_ready("namespaces of network, mounts and processes cannot be made here");
        let hint = "inside a container, run it privileged; else take a kernel with CONFIG_NET_NS and CONFIG_PID_NS";
        return found.push(fault.hint(hint));
    }
    let missing = said.lines().filter(|line| *line != "tried");
    let fault = |what| {
        not_ready(format!("the kernel lacks {what}")).hint("load the module with `modprobe`, or take a kernel that has it")
    };
    found.extend(missing.map(fault));
}

fn control_groups(found: &mut Collector) {
    let hierarchies = control_group::hierarchies();
    let hint = "mount control groups at /sys/fs/cgroup, writable; inside a container, run it privileged";
    if hierarchies.is_empty() {
        return found.push(not_ready("no control groups are mounted").hint(hint));
    }
    let read_only = |path: &&PathBuf| {
        rustix::fs::statvfs(path.as_path()).is_ok_and(|found| found.f_flag.contains(rustix::fs::StatVfsMountFlags::RDONLY))
    };
    let fault = |path: &PathBuf| not_ready(format!("the control groups at `{}` are read-only", path.display())).hint(hint);
    found.extend(hierarchies.iter().filter(read_only).map(fault));
}

fn needed(context: &Context<'_>) -> u64 {
    if crate::build::is_built(context) { NEEDED } else { NEEDED_TO_BUILD }
}

fn disk(context: &Context<'_>, needed: u64) -> Option<Diagnostic> {
    let directory = context.cache.ancestors().find(|directory| directory.is_dir())?;
    let found = rustix::fs::statvfs(directory).ok()?;
    let free = found.f_bavail * found.f_frsize;
    (free < needed).then(|| {
        let (free, needed) = (free >> 20, needed >> 20);
        not_ready(format!("{free} MiB are free at `{}`, and {needed} MiB are needed", directory.display()))
            .hint("free some disk, or name another directory with FLARE_KUBE_CACHE")
    })
}

/// Refuses unsuitable places of a state directory: the cluster has its own /run, and overlays cannot be nested.
fn place(cache: &Path) -> Option<Diagnostic> {
    let existing = cache.ancestors().find_map(|directory| fs::canonicalize(directory).ok())?;
    let shown = cache.display();
    let hint = "name a directory on an ordinary disk with FLARE_KUBE_CACHE";
    if existing.starts_with("/run") || cache.starts_with("/run") {
        return Some(
            not_ready(format!("the cache directory `{shown}` lies below `/run`, where a cluster cannot see it")).hint(hint),
        );
    }
    let is_overlay = rustix::fs::statfs(&existing).is_ok_and(|found| found.f_type == OVERLAY);
    is_overlay
        .then(|| not_ready(format!("the cache directory `{shown}` lies on an overlay file system, as in a container")).hint(hint))
}

/// `OVERLAYFS_SUPER_MAGIC` of linux/magic.h.
const OVERLAY: rustix::fs::FsWord = 0x794c_7630;

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{judge_trial, place, taken_port};

    #[test]
    fn registries_take_no_port_of_the_cluster() {
        for free in [1, 80, 2376, 5000, 6444, 65533] {
            assert_eq!(taken_port(free), None, "{free}");
        }
        for taken in [51, 53, 2377, 2380, 6441, 6443, 10_250, 65534, 65535] {
            assert!(taken_port(taken).is_some(), "{taken}");
        }
    }

    #[test]
    fn a_trial_tells_each_thing_that_is_missing() {
        for (said, faults) in [("tried\n", 0), ("bridges\noverlay file systems\ntried\n", 2), ("", 1), ("bridges\ntried\n", 1)] {
            let mut found = flare_diagnostic::Collector::new();
            judge_trial(said, &mut found);
            assert!(found.clone().into_iter().all(|fault| fault.hint.is_some()), "{said}");
            assert_eq!(found.into_iter().count(), faults, "{said}");
        }
    }

    #[test]
    fn the_cache_cannot_lie_where_the_cluster_sees_something_else() {
        assert!(place(Path::new("/run/user/0/cache")).is_some());
    }
}

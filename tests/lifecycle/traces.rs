//! Finds traces of a cluster on a machine, without any code of the testbed.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::Command,
};

/// A cluster, seen from outside.
#[derive(Debug)]
pub(crate) struct Cluster {
    /// Its name.
    pub(crate) name: String,
    /// Its state directory.
    pub(crate) state: PathBuf,
    /// Directories of the machine that existed before.
    directories: Vec<PathBuf>,
    /// Names of network namespaces that existed before.
    namespaces: String,
}

/// The default directories of Kubernetes, containerd and CNI.
const DIRECTORIES: [&str; 12] = [
    "/etc/cni",
    "/opt/containerd",
    "/run/containerd",
    "/run/flare-kube",
    "/run/xtables.lock",
    "/usr/libexec/kubernetes",
    "/var/lib/cni",
    "/var/lib/containerd",
    "/var/lib/etcd",
    "/var/lib/kubelet",
    "/var/log/containers",
    "/var/log/pods",
];

impl Cluster {
    /// Records the state of the machine before the cluster is started.
    pub(crate) fn new(name: &str) -> Self {
        let state = integration_tests::cache_directory().canonicalize().unwrap().join("clusters").join(name);
        let cluster = Self { name: name.to_owned(), state, directories: existing(), namespaces: namespaces() };
        assert_eq!(
            cluster.traces(),
            Vec::<String>::new(),
            "an earlier run left something: cargo xtask cluster down --name {name}"
        );
        cluster
    }

    /// Ids of processes that have the state directory in their environment or are in a control group of the cluster.
    pub(crate) fn processes(&self) -> Vec<i32> {
        let entries = fs::read_dir("/proc").unwrap().filter_map(Result::ok);
        let ids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
        ids.filter(|id| self.holds(*id)).collect()
    }

    fn holds(&self, id: i32) -> bool {
        let read = |file: &str| fs::read(format!("/proc/{id}/{file}")).unwrap_or_default();
        let carries = [&b"FLARE_KUBE_TESTBED_STATE="[..], self.state.as_os_str().as_encoded_bytes()].concat();
        let ended = String::from_utf8_lossy(&read("stat")).rsplit(')').next().is_some_and(|rest| rest.trim().starts_with('Z'));
        let group = format!("/flare-kube-{}-", self.name);
        let grouped = String::from_utf8_lossy(&read("cgroup")).lines().any(|line| is_group(line, &group));
        !ended && (read("environ").split(|byte| *byte == 0).any(|pair| pair == carries) || grouped)
    }

    /// Kills one process, if it still belongs to the cluster.
    pub(crate) fn kill(&self, id: i32) {
        if self.holds(id) {
            let _ = Command::new("kill").args(["-s", "KILL", &id.to_string()]).stderr(std::process::Stdio::null()).status();
        }
    }

    /// All traces of the cluster, one line each.
    pub(crate) fn traces(&self) -> Vec<String> {
        let mut traces: Vec<_> = self.processes().iter().map(|id| format!("process {id}: {}", command_line(*id))).collect();
        let text = self.state.to_str().unwrap();
        let mounts = fs::read_to_string("/proc/self/mounts").unwrap();
        traces.extend(mounts.lines().filter(|line| line.contains(&format!("{text}/"))).map(|line| format!("mount {line}")));
        let links = output("ip", &["-json", "link", "show"]);
        // The state directory ends the link's alias; a name may begin with another cluster's.
        traces.extend(links.contains(&format!("{text}\"")).then(|| format!("link in {links}")));
        let groups = output("find", &["/sys/fs/cgroup", "-type", "d", "-name", &format!("flare-kube-{}-????????", self.name)]);
        traces.extend(groups.lines().map(|group| format!("control group {group}")));
        for path in [self.state.clone(), self.state.with_extension("lock")] {
            traces.extend(path.exists().then(|| format!("file {}", path.display())));
        }
        let new = existing().into_iter().filter(|directory| !self.directories.contains(directory));
        traces.extend(new.map(|directory| format!("new directory {}", directory.display())));
        let new = namespaces();
        let is_new = |line: &&str| !line.is_empty() && !self.namespaces.contains(*line) && !line.starts_with("cni-");
        traces.extend(new.lines().filter(is_new).map(|line| format!("network namespace {line}")));
        traces
    }

    /// Files of a running cluster that users other than root can read.
    pub(crate) fn open_secrets(&self) -> Vec<PathBuf> {
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o077;
        let files = ["kubeconfig", "pki", "kubeconfigs"].map(|file| self.state.join(file));
        std::iter::once(self.state.clone()).chain(files).filter(|path| mode(path) != 0).collect()
    }
}

fn is_group(line: &str, group: &str) -> bool {
    line.find(group).is_some_and(|at| {
        let rest = &line[at + group.len()..];
        rest.len() >= 8 && rest[..8].bytes().all(|byte| byte.is_ascii_hexdigit())
    })
}

fn existing() -> Vec<PathBuf> {
    DIRECTORIES.iter().map(PathBuf::from).filter(|directory| directory.exists()).collect()
}

fn namespaces() -> String {
    output("ip", &["netns", "list"])
}

/// Machine-wide settings that a kubelet would change.
pub(crate) fn settings() -> Vec<String> {
    let names = ["vm/overcommit_memory", "vm/panic_on_oom", "kernel/panic", "kernel/panic_on_oops", "net/ipv4/ip_forward"];
    names.iter().map(|name| fs::read_to_string(format!("/proc/sys/{name}")).unwrap_or_default()).collect()
}

fn command_line(id: i32) -> String {
    let words = fs::read(format!("/proc/{id}/cmdline")).unwrap_or_default();
    String::from_utf8_lossy(&words).replace('\0', " ").chars().take(200).collect()
}

fn output(program: &str, arguments: &[&str]) -> String {
    String::from_utf8_lossy(&Command::new(program).args(arguments).output().unwrap().stdout).into_owned()
}

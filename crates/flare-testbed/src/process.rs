//! The machine's processes, as reported by the kernel, and which of them belong to a cluster. That is decided by their
//! environment, namespaces and control groups, not by a record.

use std::{
    collections::BTreeSet,
    fs,
    io::Read as _,
    os::unix::fs::MetadataExt as _,
    path::Path,
    thread,
    time::{Duration, Instant},
};

use flare_diagnostic::Faults;
use rustix::process::{Pid, PidfdFlags, Signal, WaitOptions, pidfd_open, pidfd_send_signal, waitpid};

use crate::fault::failed;

/// The environment variable with the cluster's state directory, in every process of a cluster and its children.
pub(crate) const STATE_LABEL: &str = "FLARE_KUBE_TESTBED_STATE";

/// The environment variable with the component's name, in the same processes.
pub(crate) const COMPONENT: &str = "FLARE_KUBE_TESTBED_PART";

/// The component that keeps the cluster's namespaces alive.
pub(crate) const INIT_PROCESS: &str = "init";

/// The name of that component in clusters that an earlier flare-kube started.
const EARLIER_INIT_PROCESS: &str = "anchor";

/// How much of an environment is looked at, in bytes. Those of a cluster's processes take less than one thousand.
const LONGEST_ENVIRONMENT: usize = 256 << 10;

/// One process.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Process {
    pub(crate) id: i32,
    pub(crate) parent: i32,
    /// Whether it is a zombie: ended, but not yet reaped by its parent.
    pub(crate) ended: bool,
    /// Its ids, from this process's namespace inwards.
    pub(crate) ids: Vec<i32>,
    /// The value of [`STATE_LABEL`].
    pub(crate) state_label: Option<String>,
    /// The value of [`COMPONENT`].
    pub(crate) component: Option<String>,
    /// Whether it has no environment. So it is while the kernel loads a process's program, which takes long on a slow disk.
    pub(crate) is_loading: bool,
    /// The inode of its network namespace.
    pub(crate) network: u64,
    /// The inode of its process namespace.
    pub(crate) processes: u64,
    /// Its control groups, as paths.
    pub(crate) groups: Vec<String>,
}

impl Process {
    /// Reads one process; `None` if it is gone or belongs to the kernel.
    pub(crate) fn read(proc: &Path, id: i32) -> Option<Self> {
        let directory = proc.join(id.to_string());
        let status = fs::read_to_string(directory.join("status")).ok()?;
        let field = |name: &str| status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).map(str::trim);
        let namespace = |name: &str| fs::metadata(directory.join("ns").join(name)).map_or(0, |found| found.ino());
        let environment = environment(&directory.join("environ"));
        let variable = |name: &str| {
            let mut pairs = environment.split(|byte| *byte == 0).filter_map(|pair| std::str::from_utf8(pair).ok());
            pairs.find_map(|pair| pair.strip_prefix(name)?.strip_prefix('=').map(str::to_owned))
        };
        let groups = fs::read_to_string(directory.join("cgroup")).unwrap_or_default();
        Some(Self {
            id,
            parent: field("PPid")?.parse().ok()?,
            ended: field("State")?.starts_with(['Z', 'X']),
            ids: field("NSpid").unwrap_or_default().split_whitespace().filter_map(|id| id.parse().ok()).collect(),
            state_label: variable(STATE_LABEL),
            component: variable(COMPONENT).map(|name| if name == EARLIER_INIT_PROCESS { INIT_PROCESS.to_owned() } else { name }),
            is_loading: environment.is_empty(),
            network: namespace("net"),
            processes: namespace("pid"),
            groups: groups.lines().filter_map(|line| line.splitn(3, ':').nth(2)).map(str::to_owned).collect(),
        })
    }

    /// Whether it is the first process of a cluster's own process namespace.
    fn is_init_process(&self) -> bool {
        self.component.as_deref() == Some(INIT_PROCESS) && self.ids.len() > 1 && self.ids.last() == Some(&1)
    }
}

/// The environment of a process, empty if it has none. It is read at once: if the process begins another program between two reads, the
/// second one finds nothing, and a part of the environment would be taken for all of it.
fn environment(path: &Path) -> Vec<u8> {
    let mut environment = vec![0; LONGEST_ENVIRONMENT];
    let length = fs::File::open(path).and_then(|mut file| file.read(&mut environment)).unwrap_or_default();
    environment.truncate(length);
    environment
}

/// All processes, without zombies.
pub(crate) fn all(proc: &Path) -> Vec<Process> {
    let entries = fs::read_dir(proc).into_iter().flatten().filter_map(Result::ok);
    let ids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    ids.filter_map(|id| Process::read(proc, id)).filter(|process| !process.ended).collect()
}

/// The characteristics by which a process belongs to a cluster.
#[derive(Debug, Clone)]
pub(crate) struct Ownership {
    /// The value of [`STATE_LABEL`].
    pub(crate) state_label: String,
    /// The name of the cluster's control group.
    pub(crate) group: String,
    /// Inodes of the network and process namespaces that the init process made.
    spaces: BTreeSet<u64>,
    /// This process and its ancestors, which never belong to a cluster.
    spared: BTreeSet<i32>,
}

impl Ownership {
    /// Finds the cluster's namespaces in a listing of processes. `own` is the id of this process.
    pub(crate) fn of_listing(state_label: &str, group: &str, listing: &[Process], own: i32) -> Self {
        let find = |id: i32| listing.iter().find(|process| process.id == id);
        let mut spared = BTreeSet::from([own]);
        let mut above = find(own);
        while let Some(process) = above {
            if !spared.insert(process.parent) {
                break;
            }
            above = find(process.parent);
        }
        // A cluster's init process is never in this process's namespaces; even if it seems so, they do not count as a cluster's.
        let own = find(own).map_or([0, 0], |own| [own.network, own.processes]);
        let init_processes =
            listing.iter().filter(|process| process.state_label.as_deref() == Some(state_label) && process.is_init_process());
        let spaces = init_processes
            .flat_map(|init_process| [init_process.network, init_process.processes])
            .filter(|space| !own.contains(space));
        Self {
            state_label: state_label.to_owned(),
            group: group.to_owned(),
            spaces: spaces.filter(|space| *space != 0).collect(),
            spared,
        }
    }

    /// Whether a process belongs to the cluster.
    pub(crate) fn owns(&self, process: &Process) -> bool {
        let carries = process.state_label.as_deref() == Some(&self.state_label);
        let lives = self.spaces.contains(&process.network) || self.spaces.contains(&process.processes);
        let grouped = process.groups.iter().any(|path| path.split('/').any(|name| name == self.group));
        (carries || lives || grouped) && !self.spared.contains(&process.id)
    }
}

/// The current processes of a cluster.
pub(crate) fn of_cluster(state_label: &str, group: &str) -> (Ownership, Vec<Process>) {
    let listing = all(Path::new("/proc"));
    let ownership = Ownership::of_listing(state_label, group, &listing, own_id());
    let held = listing.into_iter().filter(|process| ownership.owns(process)).collect();
    (ownership, held)
}

/// The init process's id, as seen by this process.
pub(crate) fn init_process(processes: &[Process]) -> Option<i32> {
    processes.iter().find(|process| process.is_init_process()).map(|process| process.id)
}

/// The components that are running: those inside the cluster's process namespace.
pub(crate) fn living_components(processes: &[Process]) -> BTreeSet<String> {
    inside(processes).filter_map(|process| process.component.clone()).collect()
}

/// Whether the kernel still loads a program inside the cluster's process namespace: it may be that of any component.
pub(crate) fn any_is_loading(processes: &[Process]) -> bool {
    inside(processes).any(|process| process.is_loading)
}

/// The processes inside the cluster's process namespace.
fn inside(processes: &[Process]) -> impl Iterator<Item = &Process> {
    let space = processes.iter().find(|process| process.is_init_process()).map(|init_process| init_process.processes);
    processes.iter().filter(move |process| Some(process.processes) == space)
}

/// Kills all processes of a cluster and returns their number.
pub(crate) fn end_all(state_label: &str, group: &str) -> Result<usize, Faults> {
    let began = Instant::now();
    let mut ended = BTreeSet::new();
    loop {
        let (ownership, mut held) = of_cluster(state_label, group);
        if held.is_empty() {
            return Ok(ended.len());
        }
        if began.elapsed() > Duration::from_secs(30) {
            let ids: Vec<_> = held.iter().map(|process| process.id.to_string()).collect();
            return Err(failed(format!("the processes {} do not end", ids.join(", "))).into());
        }
        // With the init process the kernel kills all processes in its namespace, so none can start another one meanwhile.
        held.sort_by_key(|process| !process.is_init_process());
        for process in held {
            end(&ownership, process.id);
            ended.insert(process.id);
        }
        thread::sleep(Duration::from_millis(30));
    }
}

/// Kills one process if it still belongs to the cluster. The descriptor is opened before that check, so the signal
/// cannot reach a process that got the id later.
fn end(ownership: &Ownership, id: i32) {
    let Some(pid) = Pid::from_raw(id) else { return };
    let Ok(descriptor) = pidfd_open(pid, PidfdFlags::empty()) else { return };
    if Process::read(Path::new("/proc"), id).is_some_and(|process| ownership.owns(&process)) {
        // It is fine if the process has just ended.
        let _ = pidfd_send_signal(&descriptor, Signal::KILL);
    }
    // A child of this process stays a zombie until it is reaped.
    let _ = waitpid(Some(pid), WaitOptions::NOHANG);
}

fn own_id() -> i32 {
    i32::try_from(std::process::id()).expect("the kernel's process ids fit into 31 bits")
}

#[cfg(test)]
mod tests;

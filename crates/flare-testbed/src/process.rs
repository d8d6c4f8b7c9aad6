//! The machine's processes, as reported by the kernel, and which of them belong to a cluster. That is decided by their
//! environment, namespaces and control groups, not by a record.

use std::{
    collections::BTreeSet,
    fs,
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
pub(crate) const INIT_PROCESS: &str = "anchor";

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
        let environment = fs::read(directory.join("environ")).unwrap_or_default();
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
            component: variable(COMPONENT),
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
mod tests {
    use super::{Ownership, Process, any_is_loading, living_components};

    const STATE: &str = "/cache/clusters/a";
    const GROUP: &str = "flare-kube-a-01234567";

    /// id, parent, ids inwards, state label, component, network, processes, group
    type Row = (i32, i32, &'static [i32], Option<&'static str>, Option<&'static str>, u64, u64, &'static str);

    /// A machine with this cluster, another one, and unrelated processes that look like components.
    const LISTING: [Row; 15] = [
        (1, 0, &[1], None, None, 10, 20, "/"),
        // This process and its shell, which has the variable by accident.
        (50, 1, &[50], Some(STATE), None, 10, 20, "/"),
        (51, 50, &[51], Some(STATE), None, 10, 20, "/"),
        // The init process's parent and the init process.
        (100, 1, &[100], Some(STATE), Some("anchor"), 11, 20, "/"),
        (101, 100, &[101, 1], Some(STATE), Some("anchor"), 11, 21, "/"),
        // A component, a container of a pod with its own namespaces, a pod with the node's network.
        (102, 101, &[102, 5], Some(STATE), Some("etcd"), 11, 21, "/"),
        (103, 102, &[103, 9, 1], None, None, 12, 22, "/flare-kube-a-01234567/kubepods/besteffort/pod1/c1"),
        (104, 102, &[104, 10, 1], None, None, 11, 23, "/other"),
        // A shell that somebody opened in the cluster's network.
        (105, 1, &[105], None, None, 11, 20, "/"),
        // Another cluster whose names begin with this one's.
        (200, 1, &[200], Some("/cache/clusters/a-2"), Some("anchor"), 31, 20, "/"),
        (201, 200, &[201, 1], Some("/cache/clusters/a-2"), Some("anchor"), 31, 41, "/"),
        (202, 201, &[202, 7], None, None, 32, 42, "/flare-kube-a-2-89abcdef/kubepods/pod1"),
        // Unrelated: another kubelet's pod, a process whose namespaces cannot be read, one in the machine's namespaces.
        (300, 1, &[300], None, None, 10, 20, "/kubepods/besteffort/pod1"),
        (301, 1, &[301], None, None, 0, 0, "/"),
        (302, 1, &[302, 1], Some("/elsewhere"), Some("anchor"), 10, 20, "/flare-kube-a-01234567x"),
    ];

    fn listing() -> Vec<Process> {
        let process = |(id, parent, ids, state_label, component, network, processes, group): Row| Process {
            id,
            parent,
            ended: false,
            ids: ids.to_vec(),
            state_label: state_label.map(str::to_owned),
            component: component.map(str::to_owned),
            is_loading: false,
            network,
            processes,
            groups: vec![group.to_owned()],
        };
        LISTING.into_iter().map(process).collect()
    }

    fn held(listing: &[Process]) -> Vec<i32> {
        let ownership = Ownership::of_listing(STATE, GROUP, listing, 51);
        listing.iter().filter(|process| ownership.owns(process)).map(|process| process.id).collect()
    }

    #[test]
    fn only_a_clusters_own_processes_are_selected() {
        assert_eq!(held(&listing()), [100, 101, 102, 103, 104, 105]);
    }

    #[test]
    fn without_its_init_process_a_cluster_is_known_by_marks_and_groups() {
        let rest: Vec<_> = listing().into_iter().filter(|process| process.id != 101).collect();
        assert_eq!(held(&rest), [100, 102, 103]);
    }

    #[test]
    fn an_init_process_that_seems_to_live_with_us_makes_nobody_a_component() {
        let mut listing = listing();
        let init_process = listing.iter_mut().find(|process| process.id == 101).unwrap();
        (init_process.network, init_process.processes) = (10, 20);
        assert!(!held(&listing).contains(&300));
    }

    #[test]
    fn a_part_lives_only_inside_the_clusters_process_namespace() {
        let listing: Vec<_> = listing().into_iter().filter(|process| process.state_label.as_deref() == Some(STATE)).collect();
        assert_eq!(living_components(&listing).into_iter().collect::<Vec<_>>(), ["anchor", "etcd"]);
    }
    #[test]
    fn a_program_that_is_being_loaded_counts_only_inside_the_clusters_process_namespace() {
        let loads = |id: i32| {
            let mut listing = listing();
            listing.iter_mut().find(|process| process.id == id).unwrap().is_loading = true;
            let ownership = Ownership::of_listing(STATE, GROUP, &listing, 51);
            listing.retain(|process| ownership.owns(process));
            any_is_loading(&listing)
        };
        assert!(loads(102), "a component");
        assert!(!loads(103) && !loads(105) && !loads(202), "a container, a shell and another cluster");
        assert!(!any_is_loading(&[]), "nothing");
    }
}

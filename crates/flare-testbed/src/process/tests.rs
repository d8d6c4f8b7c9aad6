//! Which processes belong to a cluster, by a listing of a machine.

use std::path::Path;

use super::{Ownership, Process, any_is_loading, environment, living_components};

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
    (100, 1, &[100], Some(STATE), Some("init"), 11, 20, "/"),
    (101, 100, &[101, 1], Some(STATE), Some("init"), 11, 21, "/"),
    // A component, a container of a pod with its own namespaces, a pod with the node's network.
    (102, 101, &[102, 5], Some(STATE), Some("etcd"), 11, 21, "/"),
    (103, 102, &[103, 9, 1], None, None, 12, 22, "/flare-kube-a-01234567/kubepods/besteffort/pod1/c1"),
    (104, 102, &[104, 10, 1], None, None, 11, 23, "/other"),
    // A shell that somebody opened in the cluster's network.
    (105, 1, &[105], None, None, 11, 20, "/"),
    // Another cluster whose names begin with this one's.
    (200, 1, &[200], Some("/cache/clusters/a-2"), Some("init"), 31, 20, "/"),
    (201, 200, &[201, 1], Some("/cache/clusters/a-2"), Some("init"), 31, 41, "/"),
    (202, 201, &[202, 7], None, None, 32, 42, "/flare-kube-a-2-89abcdef/kubepods/pod1"),
    // Unrelated: another kubelet's pod, a process whose namespaces cannot be read, one in the machine's namespaces.
    (300, 1, &[300], None, None, 10, 20, "/kubepods/besteffort/pod1"),
    (301, 1, &[301], None, None, 0, 0, "/"),
    (302, 1, &[302, 1], Some("/elsewhere"), Some("init"), 10, 20, "/flare-kube-a-01234567x"),
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
    assert_eq!(living_components(&listing).into_iter().collect::<Vec<_>>(), ["etcd", "init"]);
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

/// A part of an environment once let a component that had just been started pass for one that had ended.
#[test]
fn an_environment_is_read_whole_or_not_at_all_while_a_program_is_loaded() {
    const NAMES: [&str; 3] = ["ONE", "OTHER", "THIRD"];
    const AGAIN: &str = r#"[ "$1" -eq 0 ] || exec sh -c "$2" sh $(($1 - 1)) "$2""#;
    let mut child = std::process::Command::new("sh")
        .args(["-c", AGAIN, "sh", "1000", AGAIN])
        .env_clear()
        .envs(NAMES.map(|name| (name, "x".repeat(100))))
        .spawn()
        .unwrap();
    let path = Path::new("/proc").join(child.id().to_string()).join("environ");
    let mut whole = 0;
    while child.try_wait().unwrap().is_none() {
        let environment = environment(&path);
        let variables: Vec<_> = environment.split(|byte| *byte == 0).filter(|pair| !pair.is_empty()).collect();
        let found = NAMES.iter().filter(|name| variables.iter().any(|pair| pair.starts_with(name.as_bytes()))).count();
        assert!([0, NAMES.len()].contains(&found), "{found} of {}", NAMES.len());
        whole += found;
    }
    assert!(whole > 0, "it was never read");
}

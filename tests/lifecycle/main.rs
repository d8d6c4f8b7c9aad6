//! The lifecycle of local clusters on a real machine: killed, interrupted and broken ones leave nothing behind, and unrelated
//! processes are not affected.
//!
//! Needs root and built programs. The tests start and kill only processes of clusters whose names begin with `life-`,
//! and of that of `demo`, which must not run when they begin.
#![allow(clippy::disallowed_methods, reason = "tests stand at the edge: they start processes and look at the machine")]
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, clippy::print_stderr, reason = "these are tests")]

mod demo;
mod offers;
mod refusals;
mod traces;

use std::{
    process::{Child, Command, Output, Stdio},
    sync::{Mutex, MutexGuard},
    thread,
    time::{Duration, Instant},
};

use integration_tests::random::Random;
use serde_json::Value;
use traces::{Cluster, settings};

/// A cluster needs all of a machine with two processors while it starts, so these tests run one at a time. In processes of their own, as
/// cargo-nextest runs them, this holds nobody up: there `.config/nextest.toml` says so, and lets that of the demo run beside the others.
static MACHINE: Mutex<()> = Mutex::new(());

fn machine() -> MutexGuard<'static, ()> {
    MACHINE.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// `cargo xtask cluster VERB --name NAME` with JSON output. Without FLARE images, which take minutes to build.
fn command(verb: &str, cluster: &Cluster, more: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_flare-kube-under-test"));
    command.args(["cluster", verb, "--name", &cluster.name, "--format", "json"]).args(more).stdin(Stdio::null());
    if verb == "up" {
        command.args(["--provider", "source", "--images", "none"]);
    }
    command
}

fn run(verb: &str, cluster: &Cluster, more: &[&str]) -> (i32, Value) {
    let Output { status, stdout, stderr } = command(verb, cluster, more).output().unwrap();
    let said = String::from_utf8_lossy(&stderr);
    let answer = serde_json::from_slice(&stdout).unwrap_or_else(|_| panic!("no JSON but {said}"));
    (status.code().unwrap_or(-1), answer)
}

/// A failed test takes its cluster down, as far as possible.
impl Drop for Cluster {
    fn drop(&mut self) {
        if thread::panicking() {
            let _ = command("down", self, &[]).status();
        }
    }
}

fn up(cluster: &Cluster) -> Value {
    up_with(cluster, &[])
}

fn up_with(cluster: &Cluster, options: &[&str]) -> Value {
    let (code, answer) = run("up", cluster, options);
    assert_eq!(code, 0, "{answer}");
    answer["data"].clone()
}

fn begin(cluster: &Cluster) -> Child {
    command("up", cluster, &[]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

/// Takes a cluster down twice and checks that nothing is left of it.
fn down_without_a_trace(cluster: &Cluster) {
    let (code, answer) = run("down", cluster, &[]);
    assert_eq!(code, 0, "{answer}");
    let (code, again) = run("down", cluster, &[]);
    assert_eq!((code, &again["data"]["processes"]), (0, &0.into()), "{again}");
    let deadline = Instant::now() + Duration::from_secs(5);
    while Instant::now() < deadline && !cluster.traces().is_empty() {
        thread::sleep(Duration::from_millis(50));
    }
    assert_eq!(cluster.traces(), Vec::<String>::new(), "after {answer}");
}

/// The random numbers for times. The seed is printed, so that a failing run can be repeated.
fn random() -> Random {
    let seed = std::env::var("FLARE_KUBE_LIFECYCLE_SEED").ok().and_then(|seed| seed.parse().ok());
    let seed = seed.unwrap_or_else(|| u64::from(std::process::id()));
    println!("FLARE_KUBE_LIFECYCLE_SEED={seed}");
    Random::new(seed)
}

fn rounds() -> usize {
    std::env::var("FLARE_KUBE_LIFECYCLE_ROUNDS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(6)
}

#[test]
fn an_up_that_is_killed_at_any_moment_leaves_nothing_after_down() {
    let _machine = machine();
    let (mut random, cluster, settings_before) = (random(), Cluster::new("life-killed-up"), settings());
    for round in 0..rounds() {
        let mut child = begin(&cluster);
        // Most steps are at the beginning.
        let limit = if round % 2 == 0 { 1_500 } else { 9_000 };
        thread::sleep(Duration::from_millis(random.below(limit) as u64));
        child.kill().unwrap();
        child.wait().unwrap();
        down_without_a_trace(&cluster);
    }
    assert_eq!(settings(), settings_before, "settings of the machine");
}

#[test]
fn parts_that_are_killed_are_told_and_made_anew_or_taken_down() {
    let _machine = machine();
    let (mut random, cluster) = (random(), Cluster::new("life-killed-part"));
    up(&cluster);
    for _ in 0..rounds() {
        let processes = cluster.processes();
        for _ in 0..=random.below(3) {
            cluster.kill(*random.pick(&processes));
        }
        thread::sleep(Duration::from_millis(random.below(1_000) as u64));
        if random.chance(50) {
            // The cluster may not have needed the killed process; only the final state matters.
            assert_eq!(up(&cluster)["ready"], true);
            assert_eq!(run("status", &cluster, &[]).0, 0);
        } else {
            down_without_a_trace(&cluster);
            let (code, answer) = run("status", &cluster, &[]);
            assert_eq!((code, &answer["data"]["ready"]), (1, &false.into()));
            up(&cluster);
        }
    }
    down_without_a_trace(&cluster);
}

#[test]
fn an_interrupted_up_takes_everything_down_before_it_ends() {
    let _machine = machine();
    let (mut random, cluster) = (random(), Cluster::new("life-interrupted"));
    for _ in 0..rounds() {
        let mut latest = 5_000;
        // On a fast machine the last step may be over when the signal is sent; then an earlier time is tried.
        while !was_interrupted(&cluster, 50 + random.below(latest)) {
            latest /= 2;
        }
    }
}

/// Interrupts `up` after this time. Returns whether it was still running; if not, takes the cluster down.
fn was_interrupted(cluster: &Cluster, milliseconds: usize) -> bool {
    let mut child = begin(cluster);
    thread::sleep(Duration::from_millis(milliseconds as u64));
    assert!(Command::new("kill").args(["-s", "INT", &child.id().to_string()]).status().unwrap().success());
    let code = child.wait().unwrap().code();
    if code == Some(0) {
        down_without_a_trace(cluster);
        return false;
    }
    assert_eq!(code, Some(130));
    assert_eq!(cluster.traces(), Vec::<String>::new());
    true
}

#[test]
fn a_cluster_that_runs_is_left_alone_and_a_neighbour_survives_its_end() {
    let _machine = machine();
    let long = Cluster::new(&format!("life-{}", "x".repeat(50)));
    let short = Cluster::new("life-x");
    let first = up(&long);
    up(&short);
    assert_eq!(long.open_secrets(), Vec::<std::path::PathBuf>::new(), "others can read");
    let processes = long.processes();
    let (code, again) = run("up", &long, &["--gpus", "1"]);
    assert_eq!((code, &again["data"]), (0, &first), "an `up` of a cluster that runs");
    assert_eq!(again["warnings"][0]["code"], "NOTICE", "{again}");
    // An unrelated process with its own namespaces, and one whose arguments name the cluster.
    let mut stranger = Command::new("unshare").args(["--net", "sleep", "600"]).spawn().unwrap();
    let mut namesake = Command::new("sleep").arg("600").env("ABOUT", &short.state).spawn().unwrap();
    down_without_a_trace(&short);
    assert!(stranger.try_wait().unwrap().is_none() && namesake.try_wait().unwrap().is_none());
    for child in [&mut stranger, &mut namesake] {
        child.kill().unwrap();
        child.wait().unwrap();
    }
    assert_eq!(run("status", &long, &[]).0, 0);
    assert!(processes.iter().all(|id| long.processes().contains(id)), "processes of the neighbour were ended");
    down_without_a_trace(&long);
}

#[test]
fn a_cluster_whose_state_directory_is_gone_is_ended_all_the_same() {
    let _machine = machine();
    let cluster = Cluster::new("life-stateless");
    up(&cluster);
    // Moved away and not removed, since the components continue writing.
    let moved = tempfile::tempdir_in(cluster.state.ancestors().nth(2).unwrap()).unwrap();
    std::fs::rename(&cluster.state, moved.path().join("state")).unwrap();
    assert_eq!(run("status", &cluster, &[]).0, 1);
    down_without_a_trace(&cluster);
}

#[test]
fn a_cluster_answers_this_machine_and_asks_nobody() {
    let _machine = machine();
    let cluster = Cluster::new("life-silent");
    let address = up(&cluster)["registry_address"].as_str().unwrap().to_owned();
    let node: std::net::SocketAddrV4 = address.parse().unwrap();
    std::net::TcpStream::connect(node).expect("the registry is reached from this machine");
    // This machine's end of the link is the address before the node's.
    let ours = std::net::Ipv4Addr::from(u32::from(*node.ip()) - 1);
    let listener = std::net::TcpListener::bind((ours, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    // 192.0.2.0/24 is reserved for documentation: no packet of this test can reach anyone.
    for (address, port) in [(ours.to_string(), port), ("192.0.2.1".to_owned(), 80)] {
        let connect = format!("exec 3<>/dev/tcp/{address}/{port}");
        let inside = cluster.processes().into_iter().map(|id| id.to_string());
        for id in inside.take(3) {
            let mut enter = Command::new("nsenter");
            enter.args(["--target", &id, "--net", "timeout", "2", "bash", "-c", &connect]).stderr(Stdio::null());
            assert!(!enter.status().unwrap().success(), "{address} was reached from process {id}");
        }
    }
    down_without_a_trace(&cluster);
}

#[test]
fn reset_keeps_the_path_of_the_kubeconfig_and_nothing_else() {
    let _machine = machine();
    let cluster = Cluster::new("life-reset");
    let before = up(&cluster);
    let kubeconfig = before["kubeconfig"].as_str().unwrap();
    let keys = std::fs::read_to_string(kubeconfig).unwrap();
    let (code, answer) = run("reset", &cluster, &[]);
    assert_eq!((code, &answer["data"]["kubeconfig"], &answer["data"]["ready"]), (0, &before["kubeconfig"], &true.into()));
    assert_ne!(std::fs::read_to_string(kubeconfig).unwrap(), keys);
    down_without_a_trace(&cluster);
}

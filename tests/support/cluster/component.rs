//! Kills components of a local cluster and starts them again, as a service manager restarts one that crashed; closes ports.

use std::fs::{self, OpenOptions};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use super::Cluster;
use super::namespace::Namespace;
use super::run::{succeed, wait};
use crate::cleanup::CleanupGuard;

/// A process of a cluster that `cluster up --provider source` started.
#[derive(Debug)]
struct Process {
    id: i32,
    arguments: Vec<String>,
    environment: Vec<(String, String)>,
}

/// Kills a component such as `kubelet`, starts it with the same arguments, and waits until the API server answers. The test must hold
/// the exclusive lock.
pub fn restart(namespace: &Namespace, component: &str) {
    drop(stop(namespace, component));
    let node = ["wait", "--for=condition=Ready", "node", "--all", "--timeout=120s"];
    succeed(namespace.kubectl().args(node));
}

/// Kills a component. It is started again, with the same arguments, when the returned value is dropped, which waits until the API server
/// answers.
pub fn stop(namespace: &Namespace, component: &str) -> CleanupGuard {
    assert!(namespace.is_exclusive(), "a test that stops components disturbs others: use Namespace::exclusive");
    let state = state_directory(namespace);
    let process = find(&state, |process| process.arguments.get(1).is_some_and(|first| first == component));
    // `anchor` in a cluster that an earlier flare-kube started.
    let is_init = |process: &Process| matches!(variable(process, "FLARE_KUBE_TESTBED_PART"), Some("init" | "anchor"));
    let init = find(&state, |process| is_init(process) && is_first(process.id));
    let log = state.join(format!("log/{component}.log"));
    let (id, cluster) = (process.id, namespace.cluster.clone());
    let start = CleanupGuard::plan(move || {
        start_again(&process, init.id, &log);
        wait_for_answer(&cluster);
    });
    kill_process(Pid::from_raw(id).unwrap(), Signal::KILL).unwrap();
    // It has no arguments any more while its last threads still hold its ports; once it is reaped, they are free.
    let process = PathBuf::from(format!("/proc/{id}"));
    wait(Duration::from_secs(30), || format!("{component} to end"), || (!process.exists()).then_some(()));
    start
}

fn start_again(process: &Process, init: i32, log: &Path) {
    let log = || OpenOptions::new().append(true).open(log).unwrap();
    let mut enter = Command::new("nsenter");
    enter.args(["--target", &init.to_string(), "--net", "--mount", "--pid", "--", "setsid", "--fork"]);
    enter.args(&process.arguments).env_clear().envs(process.environment.iter().cloned());
    succeed_quietly(enter.stdin(Stdio::null()).stdout(log()).stderr(log()));
}

/// Waits until the API server answers, without the means of tests, since this is part of a cleanup.
fn wait_for_answer(cluster: &Cluster) {
    for _ in 0..240 {
        let mut ready = cluster.kubectl();
        ready.args(["get", "--raw", "/readyz", "--request-timeout=5s"]).stdin(Stdio::null()).stdout(Stdio::null());
        if ready.stderr(Stdio::null()).status().is_ok_and(|status| status.success()) {
            return;
        }
        thread::sleep(Duration::from_millis(500));
    }
    eprintln!("the API server does not answer");
}

/// Closes a port of all others to a participant's parent, by a firewall in the network of its pod, which ends with the pod: packets to the
/// port are dropped.
pub fn close_port(namespace: &Namespace, participant: &str, port: u16) {
    let pod = namespace.parent(participant);
    let process = processes().find(|process| variable(process, "HOSTNAME") == Some(&pod));
    let id = process.unwrap_or_else(|| panic!("no process of {pod} runs on this machine")).id.to_string();
    let rule = ["-A", "OUTPUT", "-p", "tcp", "--dport", &port.to_string(), "-j", "DROP"];
    let mut enter = Command::new("nsenter");
    succeed(enter.args(["--target", &id, "--net", "--", "iptables", "-w"]).args(rule));
}

/// Runs a command that must succeed. Its output goes to a file, since processes that it starts keep it open.
fn succeed_quietly(command: &mut Command) {
    let status = command.status().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(status.success(), "{command:?}: {status}");
}

/// The state directory of the tests' cluster, which must be a local one.
fn state_directory(namespace: &Namespace) -> PathBuf {
    let kubeconfig = namespace.cluster.kubeconfig();
    let state = kubeconfig.parent().expect("a file has a directory");
    assert!(
        state.join("cluster.json").is_file(),
        "this test kills components, so it needs a cluster of `cluster up --provider source`: {}",
        kubeconfig.display()
    );
    state.to_path_buf()
}

/// The only process of the cluster that is `wanted`.
fn find(state: &Path, wanted: impl Fn(&Process) -> bool) -> Process {
    let of_cluster = |process: &Process| variable(process, "FLARE_KUBE_TESTBED_STATE") == state.to_str();
    let mut found: Vec<_> = processes().filter(|process| of_cluster(process) && wanted(process)).collect();
    assert_eq!(found.len(), 1, "one process: {found:?}");
    found.remove(0)
}

/// The processes of this machine.
fn processes() -> impl Iterator<Item = Process> {
    let entries = fs::read_dir("/proc").unwrap().filter_map(Result::ok);
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).filter_map(read)
}

fn variable<'process>(process: &'process Process, name: &str) -> Option<&'process str> {
    process.environment.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
}

/// Whether it is the first process of its own PID namespace.
fn is_first(id: i32) -> bool {
    let status = fs::read_to_string(format!("/proc/{id}/status")).unwrap_or_default();
    let ids = status.lines().find_map(|line| line.strip_prefix("NSpid:")).unwrap_or_default();
    ids.split_whitespace().count() > 1 && ids.split_whitespace().next_back() == Some("1")
}

/// A running process. One that has ended has no arguments.
fn read(id: i32) -> Option<Process> {
    let texts = |name: &str| -> Option<Vec<String>> {
        let bytes = fs::read(format!("/proc/{id}/{name}")).ok()?;
        let texts = bytes.split(|byte| *byte == 0).filter(|text| !text.is_empty());
        Some(texts.map(|text| String::from_utf8_lossy(text).into_owned()).collect())
    };
    let (arguments, environment) = (texts("cmdline")?, texts("environ")?);
    let pairs = environment.iter().filter_map(|pair| pair.split_once('='));
    let environment = pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    (!arguments.is_empty()).then_some(Process { id, arguments, environment })
}

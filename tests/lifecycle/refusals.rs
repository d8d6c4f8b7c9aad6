//! Machines that cannot run a cluster: one message with everything that is missing and what to do, and nothing left behind.

use std::{ffi::OsStr, process::Command};

use serde_json::Value;

use super::{Cluster, command, machine};

/// Exit status and faults of an `up` that is refused.
fn faults(cluster: &Cluster, up: &mut Command) -> (i32, Vec<Value>) {
    let output = up.output().unwrap();
    let answer: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|_| panic!("no JSON but {}", String::from_utf8_lossy(&output.stderr)));
    let faults = answer["errors"].as_array().cloned().unwrap_or_default();
    assert_eq!(cluster.traces(), Vec::<String>::new(), "after {answer}");
    for fault in &faults {
        assert!(fault["hint"].as_str().is_some_and(|hint| !hint.is_empty()), "{fault} says nothing that one can do");
    }
    (output.status.code().unwrap_or(-1), faults)
}

/// The same for an `up` that another program starts, such as one that drops privileges, with an environment.
fn refused(cluster: &Cluster, around: &[&str], environment: &[(&str, &OsStr)], more: &[&str]) -> (i32, Vec<Value>) {
    let up = command("up", cluster, &[&["--install-packages=false"], more].concat());
    let mut outer = Command::new(around.first().copied().unwrap_or("env"));
    outer.args(around.iter().skip(1)).arg(up.get_program()).args(up.get_args()).envs(environment.iter().copied());
    faults(cluster, &mut outer)
}

/// Whether one of the faults contains this text.
fn tells(faults: &[Value], words: &str) -> bool {
    faults.iter().any(|fault| fault["message"].as_str().is_some_and(|message| message.contains(words)))
}

#[test]
fn somebody_who_is_not_root_is_told_all_that_is_missing_at_once() {
    let _machine = machine();
    let (cluster, cache) = (Cluster::new("life-nobody"), tempfile::tempdir().unwrap());
    // A copy, since only root may be able to read the build directory.
    let place = tempfile::Builder::new().permissions(std::os::unix::fs::PermissionsExt::from_mode(0o755)).tempdir().unwrap();
    let program = place.path().join("flare-kube");
    std::fs::copy(env!("CARGO_BIN_EXE_flare-kube-under-test"), &program).unwrap();
    std::os::unix::fs::chown(cache.path(), Some(65534), Some(65534)).unwrap();
    let mut nobody = Command::new("setpriv");
    nobody.args(["--reuid=65534", "--regid=65534", "--clear-groups"]).arg(&program);
    nobody.args(["cluster", "up", "--provider=source", "--name", &cluster.name, "--format=json"]);
    nobody.env("FLARE_KUBE_CACHE", cache.path()).env("PATH", "/usr/bin:/bin").env("HOME", cache.path());
    let (code, faults) = faults(&cluster, nobody.current_dir("/"));
    assert_eq!(code, 5, "{faults:?}");
    for words in ["needs root", "Go is missing"] {
        assert!(tells(&faults, words), "`{words}` is not told in {faults:?}");
    }
    assert_eq!(std::fs::read_dir(cache.path()).unwrap().count(), 0, "something was written");
}

#[test]
fn a_machine_without_namespaces_go_disk_or_a_free_port_is_told_so() {
    let _machine = machine();
    let (cluster, cache) = (Cluster::new("life-refused"), tempfile::tempdir().unwrap());

    let without_rights = ["setpriv", "--bounding-set=-sys_admin", "--inh-caps=-sys_admin"];
    let (code, faults) = refused(&cluster, &without_rights, &[], &[]);
    assert_eq!(code, 5, "{faults:?}");
    assert!(tells(&faults, "namespaces of network, mounts and processes cannot be made here"), "{faults:?}");

    let nothing = [("PATH", OsStr::new("/nowhere")), ("FLARE_KUBE_CACHE", cache.path().as_os_str())];
    let (code, faults) = refused(&cluster, &["/usr/bin/env"], &nothing, &[]);
    assert_eq!(code, 5, "{faults:?}");
    assert!(tells(&faults, "Go is missing"), "{faults:?}");

    let small = format!("mount -t tmpfs -o size=16m tmpfs {} && exec \"$@\"", cache.path().display());
    let around = ["unshare", "--mount", "--propagation", "private", "sh", "-c", &small, "sh"];
    let (code, faults) = refused(&cluster, &around, &[("FLARE_KUBE_CACHE", cache.path().as_os_str())], &[]);
    assert_eq!(code, 5, "{faults:?}");
    assert!(tells(&faults, "16 MiB are free at"), "{faults:?}");

    let (code, faults) = refused(&cluster, &[], &[], &["--registry-port", "6443"]);
    assert_eq!(code, 4, "{faults:?}");
    assert!(tells(&faults, "the cluster itself has one of them"), "{faults:?}");
}

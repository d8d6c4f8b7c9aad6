//! Tests on a real Kubernetes with real FLARE parents, for what only a kubelet can confirm.
//!
//! `FLARE_KUBE_TEST_KUBECONFIG` names the cluster, which is never guessed. Each test has its own namespace, which is deleted
//! however the test ends; of a failed one the logs, events and objects are kept in a directory that is named on stderr. Code that
//! these tests share with the benches is in `tests/support/cluster/`.
#![allow(clippy::disallowed_methods, reason = "tests stand at the edge: they make kits on disk and start processes")]
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, clippy::print_stderr, reason = "these are tests")]

mod acceptance;
mod backup;
mod edge;
mod federation_exposed;
mod federation_up;
mod federation_users;
mod harness;
mod install;
mod install_microk8s;
mod jobs;
mod launch;
mod probes;
mod quota_and_node;
mod reprovision;
mod restart;
mod restricted;
mod staged_objects;
mod staging;
mod staging_disk;
mod staging_faults;
mod study_data;
mod upgrade;
mod verify;
mod verify_faults;

/// The program under test.
const PROGRAM: &str = env!("CARGO_BIN_EXE_flare-kube-under-test");

/// Cargo does not search `cluster/`, so the tests of a file without a `mod` line would never run.
#[test]
fn no_file_is_forgotten() {
    let directory = integration_tests::workspace_directory().join("tests/cluster");
    for (directory, parent) in [(directory.clone(), "main"), (directory.join("launch"), "mod")] {
        let modules = std::fs::read_to_string(directory.join(parent).with_extension("rs")).unwrap();
        for entry in std::fs::read_dir(&directory).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            let Some(module) = name.strip_suffix(".rs") else { continue };
            assert!(
                module == parent || modules.lines().any(|line| line == format!("mod {module};")),
                "{} has no `mod {module};` in {parent}.rs",
                directory.join(&name).display()
            );
        }
    }
}

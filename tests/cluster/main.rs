//! Tests on a real Kubernetes with real FLARE parents: what the charts promise, a kubelet has to confirm.
//!
//! The cluster is named by `FLARE_KUBE_TEST_KUBECONFIG`, never guessed. Each test has a namespace of its own, which is deleted at its
//! end, whatever that is; of a failed one the logs, events and objects are kept in a directory that is named on stderr. What both these
//! tests and the benches need is in `tests/support/cluster/`.
#![allow(clippy::disallowed_methods, reason = "tests stand at the edge: they make kits on disk and start processes")]
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, clippy::print_stderr, reason = "these are tests")]

mod acceptance;
mod backup;
mod edge;
mod harness;
mod jobs;
mod probes;
mod quota_and_node;
mod restart;
mod restricted;
mod staged_objects;
mod staging;
mod staging_disk;
mod staging_faults;
mod study_data;
mod upgrade;

/// The program under test: it prepares.
const PROGRAM: &str = env!("CARGO_BIN_EXE_flare-kube-under-test");

/// Cargo does not look into `cluster/`, so a file without a `mod` line would be a test that never runs.
#[test]
fn no_file_is_forgotten() {
    let directory = integration_tests::workspace_directory().join("tests/cluster");
    let main = std::fs::read_to_string(directory.join("main.rs")).unwrap();
    for entry in std::fs::read_dir(directory).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let Some(module) = name.strip_suffix(".rs") else { continue };
        assert!(
            module == "main" || main.lines().any(|line| line == format!("mod {module};")),
            "tests/cluster/{name} has no `mod {module};` in main.rs"
        );
    }
}

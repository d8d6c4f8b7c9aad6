//! The integration tests, one module for each subject.
#![allow(clippy::disallowed_methods, reason = "tests stand at the edge: they make kits on disk and start processes")]
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "these are tests")]
#![allow(clippy::cast_precision_loss, reason = "counts here are far below 2^52")]

mod canary;
mod cases;
mod citations;
mod cluster_verbs;
mod cold;
mod command_line;
mod features;
mod federation_contexts;
mod federation_up;
mod init;
mod install;
mod interrupted_objects;
mod interruption;
mod launch;
mod launch_run;
mod launch_secrets;
mod live_table;
mod many_kits;
mod modules;
mod output;
mod parity;
mod prepare;
mod refusals;
mod releases;
mod report;
mod reprovision;
mod silent_cluster;
mod sources;
mod stage_federation;
mod staged_objects;
mod study_data;
mod tidy;
mod uninstall;
mod yaml_readers;

/// Cargo does not search `it/`, so the tests of a file without a `mod` line would never run.
#[test]
fn no_file_is_forgotten() {
    let directory = integration_tests::workspace_directory().join("tests/it");
    let main = std::fs::read_to_string(directory.join("main.rs")).unwrap();
    for entry in std::fs::read_dir(directory).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let module = name.trim_end_matches(".rs");
        assert!(
            module == "main" || module == "snapshots" || main.lines().any(|line| line == format!("mod {module};")),
            "tests/it/{name} has no `mod {module};` in main.rs"
        );
    }
}

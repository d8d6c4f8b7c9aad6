//! Users and tests run the same third-party code, and it is compiled once: `cargo xtask` and the tests of the workspace switch on the same
//! features. Cargo unifies features over what one command builds, so each command could have its own.

use std::{
    collections::{BTreeMap, BTreeSet},
    process::Command,
};

use integration_tests::workspace_directory;
use serde_json::Value;

/// What the alias `xtask` builds (`.cargo/config.toml`).
const OF_XTASK: [&str; 5] = ["build", "--package", "xtask", "--bin", "flare-kube"];

/// What `cargo xtask test` builds, with its features, so that nothing is left to compile where that runs this test.
const OF_TESTS: [&str; 5] = ["test", "--no-run", "--workspace", "--features", "integration-tests/cluster,flare-testbed/cluster"];

/// Third-party package → each list of features with which a command compiles one of its libraries.
///
/// Build scripts are programs and not libraries; a package that only they use can have its own features.
fn features(command: [&str; 5]) -> BTreeMap<String, BTreeSet<Vec<String>>> {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(command).args(["--locked", "--offline", "--quiet", "--message-format", "json"]);
    // Set for this test; a build script that sees another value runs again, and all that depends on it is compiled anew.
    for (variable, _) in std::env::vars_os() {
        if variable.to_str().is_some_and(|name| name.starts_with("CARGO_MANIFEST_") || name.starts_with("CARGO_PKG_")) {
            cargo.env_remove(variable);
        }
    }
    let output = cargo.current_dir(workspace_directory()).output().expect("cargo runs");
    assert!(output.status.success(), "{cargo:?}: {}", String::from_utf8_lossy(&output.stderr));
    let mut found = BTreeMap::<_, BTreeSet<_>>::new();
    for line in output.stdout.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        let message: Value = serde_json::from_slice(line).expect("cargo prints JSON");
        let is_library = message["target"]["kind"].as_array().is_some_and(|kinds| kinds.contains(&"lib".into()));
        let package = message["package_id"].as_str().unwrap_or_default();
        if message["reason"] == "compiler-artifact" && is_library && package.starts_with("registry+") {
            let features = serde_json::from_value(message["features"].clone()).expect("features are strings");
            found.entry(package.to_owned()).or_default().insert(features);
        }
    }
    found
}

#[test]
fn cargo_xtask_and_the_tests_share_what_they_compile() {
    let (of_xtask, of_tests) = (features(OF_XTASK), features(OF_TESTS));
    assert!(of_xtask.len() > 100, "only {} packages were found", of_xtask.len());
    let none = BTreeSet::new();
    // The tests may compile it with fewer features as well, for a test library of their own.
    let differ =
        |(package, features): &(&String, &BTreeSet<Vec<String>>)| !features.is_subset(of_tests.get(*package).unwrap_or(&none));
    let differing: Vec<_> =
        of_xtask.iter().filter(differ).map(|(package, features)| (package, features, of_tests.get(package))).collect();
    assert!(
        differing.is_empty(),
        "`cargo xtask` and the tests would each compile these for themselves, see xtask/Cargo.toml; package, features of `cargo xtask`, \
         features of the tests: {differing:#?}"
    );
}

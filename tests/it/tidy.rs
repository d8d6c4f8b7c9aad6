//! Rules for the workspace itself: ARCHITECTURE.md is correct, every file has a module comment, versions agree.
//!
//! Starts `cargo metadata`, since only that knows the dependencies.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;

use crate::sources::product;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the tests are a directory of the workspace")
}

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The metadata of the workspace's own packages; others, such as those for other platforms, may not have been downloaded.
fn metadata() -> Value {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--locked", "--no-deps"])
        .current_dir(root())
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("cargo metadata prints JSON")
}

/// Package → its normal and build dependencies that are packages of the workspace.
fn arrows_of_cargo() -> BTreeMap<String, BTreeSet<String>> {
    let metadata = metadata();
    let packages = metadata["packages"].as_array().expect("packages");
    let names: BTreeSet<&str> = packages.iter().filter_map(|package| package["name"].as_str()).collect();
    let arrows = |package: &Value| {
        let dependencies = package["dependencies"].as_array().expect("dependencies");
        let ours = dependencies.iter().filter(|dependency| dependency["kind"] != "dev");
        ours.filter_map(|dependency| dependency["name"].as_str()).filter(|name| names.contains(name)).map(str::to_owned).collect()
    };
    packages.iter().map(|package| (package["name"].as_str().expect("name").to_owned(), arrows(package))).collect()
}

/// The lines `crate ─▶ crate, crate` of the map.
fn arrows_of_the_map() -> BTreeMap<String, BTreeSet<String>> {
    let page = read("ARCHITECTURE.md");
    let section = page.split("## Arrows").nth(1).expect("the map has a section Arrows");
    let lines = section.lines().skip_while(|line| !line.starts_with("```")).skip(1).take_while(|line| !line.starts_with("```"));
    let split = |line: &str| {
        let (from, to) = line.split_once("─▶").unwrap_or_else(|| panic!("not an arrow: {line}"));
        let to = to.split(',').map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned).collect();
        (from.trim().to_owned(), to)
    };
    lines.map(split).collect()
}

/// Every crate that can be reached from a crate by the arrows of the map.
fn reach(from: &str, map: &BTreeMap<String, BTreeSet<String>>) -> BTreeSet<String> {
    let mut reached = BTreeSet::new();
    let mut open: Vec<&String> = map[from].iter().collect();
    while let Some(name) = open.pop() {
        if reached.insert(name.clone()) {
            open.extend(map.get(name).into_iter().flatten());
        }
    }
    reached
}

#[test]
fn the_map_lists_every_crate() {
    let page = read("ARCHITECTURE.md");
    let rows: BTreeSet<&str> = page.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next()).collect();
    let cargo = arrows_of_cargo();
    let crates: BTreeSet<&str> = cargo.keys().map(String::as_str).collect();
    assert_eq!(rows, crates, "the table `Crates` of ARCHITECTURE.md and the workspace differ");
}

#[test]
fn every_dependency_is_an_arrow_of_the_map_and_every_arrow_is_a_dependency() {
    let map = arrows_of_the_map();
    let cargo = arrows_of_cargo();
    assert_eq!(map.keys().collect::<Vec<_>>(), cargo.keys().collect::<Vec<_>>(), "a crate is missing among the arrows");
    for (name, dependencies) in &cargo {
        if map[name].contains("everything") {
            continue;
        }
        let allowed = reach(name, &map);
        let forbidden: Vec<_> = dependencies.difference(&allowed).collect();
        assert!(forbidden.is_empty(), "{name} depends on {forbidden:?}, which the map does not show");
        let unused: Vec<_> = map[name].difference(dependencies).collect();
        assert!(unused.is_empty(), "the map shows {name} ─▶ {unused:?}, which Cargo.toml does not have");
    }
}

/// The crates that may use a Kubernetes client and an async runtime, each with the packages that it may depend on directly. All
/// others must not, so that using them does not require building a Kubernetes client.
const ASYNCHRONOUS: [(&str, &[&str]); 6] = [
    ("flare-cluster", &HEAVY),
    // The types of pods and events, and the task of each namespace.
    ("flare-pod-launch", &["k8s-openapi", "tokio", "futures-util"]),
    ("flare-pvc-stage", &["tokio"]),
    // Deployments and pods as types, and time that passes while it waits.
    ("flare-doctor", &["k8s-openapi", "tokio", "futures-util"]),
    // The runtime, which it starts in verbs that use a cluster; several participants are staged at once.
    ("xtask", &["tokio", "futures-util"]),
    // The runtime of the launcher that `bench launch` measures.
    ("integration-tests", &["tokio"]),
];

/// The packages that only the crates of that list may depend on: those of the section `the cluster` of the workspace's Cargo.toml.
const HEAVY: [&str; 12] = [
    "kube",
    "k8s-openapi",
    "tokio",
    "tower",
    "tokio-tungstenite",
    "hyper",
    "hyper-util",
    "tokio-util",
    "futures-util",
    "bytes",
    "http",
    "rustls",
];

#[test]
fn the_list_of_heavy_packages_is_that_of_the_manifest() {
    let manifest = read("Cargo.toml");
    let section =
        manifest.split("\n# --- the cluster").nth(1).and_then(|rest| rest.split("\n# ---").next()).expect("the section");
    let packages = section.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.split_once(" = "));
    assert_eq!(packages.map(|(name, _)| name).collect::<Vec<_>>(), HEAVY);
}

#[test]
fn only_the_listed_crates_use_a_cluster_client_or_an_async_runtime() {
    let metadata = metadata();
    for package in metadata["packages"].as_array().expect("packages") {
        let name = package["name"].as_str().expect("name");
        let allowed = ASYNCHRONOUS.iter().find(|(listed, _)| *listed == name).map_or(&[][..], |(_, allowed)| allowed);
        let dependencies = package["dependencies"].as_array().expect("dependencies");
        let used = dependencies
            .iter()
            .filter(|dependency| dependency["kind"] != "dev")
            .filter_map(|dependency| dependency["name"].as_str());
        let wrong: Vec<_> = used.filter(|used| HEAVY.contains(used) && !allowed.contains(used)).collect();
        assert!(wrong.is_empty(), "{name} depends on {wrong:?}; go through flare-cluster, or add it to the list with a reason");
    }
}

#[test]
fn crates_below_the_edge_do_not_reach_a_cluster_client() {
    let cargo = arrows_of_cargo();
    let pure = cargo.keys().filter(|name| !MAY_REACH_A_CLUSTER.contains(&name.as_str()));
    for name in pure {
        let reached = reach(name, &cargo);
        assert!(!reached.contains("flare-cluster"), "{name} reaches flare-cluster; only {MAY_REACH_A_CLUSTER:?} may");
    }
}

/// Crates whose work is done in a cluster.
const MAY_REACH_A_CLUSTER: [&str; 6] =
    ["flare-cluster", "flare-doctor", "flare-pod-launch", "flare-pvc-stage", "xtask", "integration-tests"];

#[test]
fn nothing_that_is_banned_comes_into_the_tree() {
    // The lock file lists the packages of all platforms.
    let lock = read("Cargo.lock");
    let packages: BTreeSet<&str> = lock.lines().filter_map(|line| line.strip_prefix("name = \"")?.strip_suffix('"')).collect();
    assert!(packages.contains("xtask"), "the lock file has another form than this test reads");
    for banned in ["openssl-sys", "aws-lc-sys", "serde_yml"] {
        assert!(!packages.contains(banned), "`{banned}` came into the tree");
    }
}

fn files(directory: &Path, ending: &str, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(directory).unwrap_or_else(|error| panic!("{}: {error}", directory.display())) {
        let path = entry.expect("entry").path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
        if path.is_dir() && name != "target" && name != ".git" && name != "fixtures" {
            files(&path, ending, found);
        } else if name.ends_with(ending) {
            found.push(path);
        }
    }
}

/// A bare list of diagnostics does not distinguish success from failure, and its warnings are easily lost.
#[test]
fn crates_fail_with_faults_or_collect_and_hand_no_list_around() {
    // These types are defined in the first, and the second prints the list.
    let excepted = ["crates/flare-diagnostic", "xtask/src/output/mod.rs"];
    for source in product().iter().filter(|source| !excepted.iter().any(|one| source.path.starts_with(one))) {
        for word in ["Vec<Diagnostic>", ".into_vec()"] {
            assert!(!source.code.contains(word), "{}: `{word}`; use `Collector`, `Faults` or `Checked`", source.path.display());
        }
    }
}

/// A message or a hint may be reworded at any time: codes, kinds and typed fields decide.
#[test]
fn nothing_is_decided_by_the_text_of_a_message() {
    let texts = [".message", ".hint", "fault.to_string()", "faults.to_string()", "error.to_string()"];
    let questions = [".contains(", ".starts_with(", ".ends_with(", ".strip_prefix(", "==\"\"", "!=\"\""];
    for source in product() {
        for (text, question) in texts.into_iter().flat_map(|text| questions.map(|question| (text, question))) {
            let asked = format!("{text}{question}");
            assert!(
                !source.code.contains(&asked),
                "{}: `{asked}`; ask for the code, or for a typed field",
                source.path.display()
            );
        }
    }
}

#[test]
fn one_crate_escapes_what_others_wrote() {
    for source in product().iter().filter(|source| !source.path.starts_with("crates/flare-diagnostic")) {
        for word in [".escape_debug()", ".escape_default()"] {
            assert!(!source.code.contains(word), "{}: `{word}`; use `flare_diagnostic::shown`", source.path.display());
        }
    }
}

/// Such a key is a format that several crates share, and so do objects that are in clusters already. Only the charts' templates have some too.
#[test]
fn keys_of_labels_and_annotations_stand_in_one_module() {
    // In a JSON pointer, `~1` stands for the slash. Below a directory `flare-kube` are files.
    let is_key = |text: &str| {
        let own = text.match_indices("flare-kube/").any(|(at, _)| !text[..at].ends_with('/'));
        own || ["app.kubernetes.io/", "app.kubernetes.io~1", "flare-kube~1"].iter().any(|start| text.contains(start))
    };
    let sources = product();
    let (module, others): (Vec<_>, Vec<_>) =
        sources.iter().partition(|source| source.path == Path::new("crates/flare-names/src/labels.rs"));
    let keys = module.iter().flat_map(|source| &source.texts).filter(|text| is_key(text)).count();
    assert!(keys > 12, "only {keys} keys were found");
    for source in others {
        let literals: Vec<_> = source.texts.iter().filter(|text| is_key(text)).collect();
        assert!(literals.is_empty(), "{}: {literals:?}; use `flare_names::labels`", source.path.display());
    }
}

#[test]
fn every_source_file_says_what_it_is_for() {
    let mut sources = Vec::new();
    for directory in ["crates", "xtask", "tests"] {
        files(&root().join(directory), ".rs", &mut sources);
    }
    assert!(sources.len() > 50, "only {} source files were found", sources.len());
    for path in sources {
        let text = std::fs::read_to_string(&path).expect("a source file is text");
        let documented = text.starts_with("//!") || text.starts_with("#![doc = include_str!(");
        assert!(documented, "{}: the file does not start with a comment that says what it is for", path.display());
        let spaces = text.lines().position(|line| line.ends_with([' ', '\t']));
        assert_eq!(spaces, None, "{}: a line ends in white space (counted from 0)", path.display());
    }
}

/// A file that has more than one job is split long before this.
const LONGEST_SOURCE: usize = 300;

/// Source files that may be longer, each with the reason.
const LONG_SOURCES: [(&str, &str); 1] =
    [("crates/flare-pvc-stage/src/round_trip.rs", "tests of one kind, for which the crate's program runs on local directories")];

#[test]
fn no_source_file_is_too_long() {
    let mut sources = Vec::new();
    files(&root().join("crates"), ".rs", &mut sources);
    files(&root().join("xtask"), ".rs", &mut sources);
    let product = sources.iter().filter(|path| path.components().any(|part| part.as_os_str() == "src"));
    let long: BTreeSet<String> = product
        .filter(|path| {
            let text = std::fs::read_to_string(path).expect("a source file is text");
            // A file's own tests stand behind the code.
            text.split("\n#[cfg(test)]\nmod tests").next().unwrap_or_default().lines().count() > LONGEST_SOURCE
        })
        .map(|path| path.strip_prefix(root()).expect("a path of the workspace").to_string_lossy().into_owned())
        .collect();
    let allowed = LONG_SOURCES.map(|(path, _)| path.to_owned()).into();
    assert_eq!(long, allowed, "split a file of more than {LONGEST_SOURCE} lines by its jobs, or give a reason in LONG_SOURCES");
}

#[test]
fn only_flare_yaml_imports_a_yaml_parser() {
    let mut sources = Vec::new();
    files(&root().join("crates"), ".rs", &mut sources);
    files(&root().join("xtask"), ".rs", &mut sources);
    let importing: Vec<_> = sources
        .iter()
        .filter(|path| {
            let text = std::fs::read_to_string(path).expect("a source file is text");
            text.contains("serde_yaml::") || text.contains("use serde_yaml") || text.contains("granit_parser")
        })
        // Tests may read the output of other programs.
        .filter(|path| !path.starts_with(root().join("crates")) || path.components().any(|part| part.as_os_str() == "src"))
        .filter(|path| !path.starts_with(root().join("crates/flare-yaml/src")))
        .collect();
    assert!(importing.is_empty(), "{importing:?} import the YAML crate; use flare-yaml");
}

#[test]
fn the_newest_entry_of_the_changelog_is_the_version_of_the_workspace() {
    let manifest = read("Cargo.toml");
    let version = manifest.lines().find_map(|line| line.strip_prefix("version = \"")?.split('"').next()).expect("a version");
    let changelog = read("CHANGELOG.md");
    let newest = changelog
        .lines()
        .filter_map(|line| line.strip_prefix("## [")?.split(']').next())
        .find(|heading| *heading != "Unreleased");
    assert_eq!(newest, Some(version));
}

#[test]
fn every_version_of_a_dependency_stands_in_the_workspace_manifest() {
    let mut manifests = Vec::new();
    for directory in ["crates", "xtask", "tests"] {
        files(&root().join(directory), "Cargo.toml", &mut manifests);
    }
    for path in manifests {
        let text = std::fs::read_to_string(&path).expect("a manifest is text");
        let dependencies = text.split("dependencies]").skip(1).flat_map(str::lines).filter(|line| line.contains('='));
        for line in dependencies.filter(|line| !line.starts_with('[')) {
            let section_ended = ["name", "path", "harness", "required-features"].iter().any(|key| line.starts_with(key));
            assert!(section_ended || line.contains("workspace = true"), "{}: `{line}` has a version of its own", path.display());
        }
    }
}

/// Product crates can be used alone; the testbed cannot, since it embeds scripts of the checkout.
#[test]
fn product_crates_can_be_picked() {
    let metadata = metadata();
    for package in metadata["packages"].as_array().expect("packages") {
        let name = package["name"].as_str().expect("a name");
        if !name.starts_with("flare-") || name == "flare-testbed" {
            continue;
        }
        let told = |key: &str| package[key].as_array().map_or(package[key].is_string(), |list| !list.is_empty());
        assert!(["description", "keywords", "readme"].into_iter().all(told), "{name} lacks a description, keywords or README.md");
        // A registry takes no more, which `cargo package` does not check.
        let keywords: Vec<&str> = package["keywords"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        let taken = keywords.len() <= 5 && keywords.iter().all(|keyword| keyword.len() <= 20);
        assert!(taken, "{name}: crates.io takes five keywords of at most 20 characters, not {keywords:?}");
        for dependency in package["dependencies"].as_array().expect("dependencies") {
            let is_ours = dependency["path"].is_string() && dependency["kind"] != "dev";
            assert!(!is_ours || dependency["req"] != "*", "{name} needs {} in no version", dependency["name"]);
        }
    }
}

/// Each crate can be used alone, and its README begins with how: an example that is compiled, and where it can be, run as a test.
#[test]
fn each_crate_has_an_example_in_its_readme() {
    let metadata = metadata();
    let names = metadata["packages"].as_array().expect("packages").iter().filter_map(|package| package["name"].as_str());
    let mut seen = 0;
    for name in names.filter(|name| name.starts_with("flare-")) {
        seen += 1;
        let page = read(&format!("crates/{name}/README.md"));
        let tested = ["```", "```rust", "```no_run", "```rust,no_run"];
        let opened = page.lines().filter(|line| line.starts_with("```")).step_by(2).any(|fence| tested.contains(&fence));
        assert!(opened, "{name}: its README has no example in Rust");
        let lib = read(&format!("crates/{name}/src/lib.rs"));
        assert!(lib.contains(r#"#![doc = include_str!("../README.md")]"#), "{name}: the example of its README is not a test");
        for outside in ["/../../", "\"../../"] {
            assert!(!page.contains(outside), "{name}: its README reads a file that its package lacks");
        }
    }
    assert!(seen > 15, "only {seen} crates were found");
}

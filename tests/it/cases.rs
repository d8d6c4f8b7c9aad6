//! Whole prepared kits, file by file, against `fixtures/cases`, for changes that no smaller test would notice.

use std::{collections::BTreeSet, fmt::Write as _, fs, path::Path};

use integration_tests::{
    command::Sandbox,
    kit::{Entry, Tree},
    workspace_directory,
};
use serde_json::Value;

/// A kit with the modes that provisioning gives it, of which git stores only the executable bit.
fn kit_as_provisioned(kit: &str) -> Tree {
    let mut tree = Tree::read(&workspace_directory().join("fixtures/kits").join(kit));
    for (path, entry) in &mut tree.0 {
        match entry {
            Entry::Directory(mode) => *mode = 0o755,
            Entry::File(_, mode) => {
                *mode = match Path::new(path).extension().and_then(|ending| ending.to_str()) {
                    Some("key") => 0o600,
                    Some("sh") => 0o755,
                    _ => 0o644,
                }
            }
            Entry::Link(_) => {}
        }
    }
    tree
}

/// One line for each path: its mode, and whether the file is unchanged from the kit.
fn listing(prepared: &Tree, kit: &Tree) -> String {
    prepared.0.iter().fold(String::new(), |mut text, (path, entry)| {
        let _ = match entry {
            Entry::File(_, mode) => {
                writeln!(text, "{mode:04o} {} {path}", if kit.0.get(path) == Some(entry) { '=' } else { ' ' })
            }
            Entry::Directory(mode) => writeln!(text, "{mode:04o} / {path}"),
            Entry::Link(_) => writeln!(text, "link   {path}"),
        };
        text
    })
}

fn prepare(case: &Path, sandbox: &Sandbox) -> (Tree, Tree) {
    let facts: Value = serde_json::from_slice(&fs::read(case.join("case.json")).unwrap()).unwrap();
    let kit = kit_as_provisioned(facts["kit"].as_str().unwrap());
    let directory = sandbox.join(Path::new(facts["kit"].as_str().unwrap()).file_name().unwrap());
    kit.write(&directory);
    let output = sandbox.join("out");
    let config = case.join("k8s.yaml");
    let arguments = [
        "prepare".as_ref(),
        directory.as_os_str(),
        "--config".as_ref(),
        config.as_os_str(),
        "--output".as_ref(),
        output.as_os_str(),
        "--target".as_ref(),
        facts["target"].as_str().unwrap().as_ref(),
    ];
    let _ = sandbox.run(env!("CARGO_BIN_EXE_flare-kube-under-test"), arguments).expect_code(0);
    (kit, Tree::read(&output))
}

#[test]
fn every_case_comes_out_as_expected() {
    let update = std::env::var_os("UPDATE_FIXTURES").is_some();
    let directory = workspace_directory().join("fixtures/cases");
    let mut count = 0;
    for entry in fs::read_dir(directory).unwrap() {
        let case = entry.unwrap().path();
        if !case.is_dir() {
            continue;
        }
        count += 1;
        let sandbox = Sandbox::new();
        let (kit, prepared) = prepare(&case, &sandbox);
        if update {
            write_expected(&case, &kit, &prepared);
        }
        compare(&case, &kit, &prepared);
    }
    assert!(count >= 5, "only {count} cases were found");
}

fn new_files<'tree>(kit: &'tree Tree, prepared: &'tree Tree) -> impl Iterator<Item = (&'tree String, &'tree Vec<u8>)> {
    prepared.0.iter().filter_map(|(path, entry)| match entry {
        Entry::File(bytes, _) if kit.0.get(path) != Some(entry) => Some((path, bytes)),
        _ => None,
    })
}

fn write_expected(case: &Path, kit: &Tree, prepared: &Tree) {
    let expected = case.join("expected");
    let _ = fs::remove_dir_all(&expected);
    for (path, bytes) in new_files(kit, prepared) {
        let file = expected.join(path);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, bytes).unwrap();
    }
    fs::write(case.join("expected.files.txt"), listing(prepared, kit)).unwrap();
}

fn compare(case: &Path, kit: &Tree, prepared: &Tree) {
    let name = case.file_name().unwrap().display();
    let renew = "look at the difference, then UPDATE_FIXTURES=1";
    let files = fs::read_to_string(case.join("expected.files.txt")).unwrap_or_default();
    assert_eq!(listing(prepared, kit), files, "{name}: other files or modes; {renew}");
    for (path, bytes) in new_files(kit, prepared) {
        let expected = fs::read(case.join("expected").join(path)).unwrap_or_default();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        assert_eq!(text(bytes), text(&expected), "{name}: {path}; {renew}");
    }
    let stale: BTreeSet<String> = Tree::read(&case.join("expected"))
        .0
        .into_iter()
        .filter(|(_, entry)| matches!(entry, Entry::File(..)))
        .map(|(path, _)| path)
        .collect();
    let new: BTreeSet<String> = new_files(kit, prepared).map(|(path, _)| path.clone()).collect();
    assert_eq!(stale, new, "{name}: files are expected that were not written; {renew}");
}

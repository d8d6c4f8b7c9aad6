//! Study files, scripts, modes, signatures, and everything that stays as it is.

use flare_diagnostic::Code;
use flare_file_tree::{Entry, FileTree, RelativePath};
use flare_names::{Role, Target};

use crate::support::*;

fn paths(tree: &FileTree) -> Vec<String> {
    tree.iter().filter(|(_, entry)| matches!(entry, Entry::File { .. })).map(|(path, _)| path.to_string()).collect()
}

fn mode(tree: &FileTree, path: &str) -> u32 {
    match tree.get(path) {
        Some(Entry::File { mode, .. } | Entry::Directory { mode }) => *mode,
        None => panic!("no {path}"),
    }
}

#[test]
fn the_prepared_copy_has_exactly_these_files() {
    for (target, study) in [(Target::V2_8, "local/study_data.yaml"), (Target::V2_9, "local/study_runtime.yaml")] {
        let mut kit = kit(Role::Client);
        put(&mut kit, "local/resources.json", "{}");
        put(&mut kit, "helm_chart/values.yaml", "old");
        put(&mut kit, "transfer/job.zip", "x");
        put(&mut kit, "config.yaml", "runtime: k8s");
        let out = patched(kit, &plan(Role::Client, target)).value;
        let expected =
            ["config.yaml", COMM_CONFIG, RESOURCES, study, "startup/fed_client.json", "transfer/job.zip"].map(str::to_owned);
        assert_eq!(paths(&out), expected);
    }
}

#[test]
fn only_start_scripts_are_removed() {
    let scripts = ["docker.sh", "start_docker.sh", "start_slurm.sh", "parent.slurm", "other.sh", "fl_admin.sh"];
    let left = |target| {
        let mut kit = kit(Role::Server);
        for script in scripts {
            put(&mut kit, &format!("startup/{script}"), "");
        }
        let out = patched(kit, &plan(Role::Server, target)).value;
        paths(&out).into_iter().filter_map(|path| path.strip_prefix("startup/").map(str::to_owned)).collect::<Vec<_>>()
    };
    assert_eq!(left(Target::V2_8), ["fed_server.json", "fl_admin.sh", "other.sh", "parent.slurm", "start_slurm.sh"]);
    assert_eq!(left(Target::V2_9), ["fed_server.json", "fl_admin.sh", "other.sh"]);
}

#[test]
fn created_files_are_0644_and_edited_ones_keep_their_mode() {
    let mut kit = kit(Role::Client);
    let resources = text(&kit, RESOURCES);
    kit.insert_file(RelativePath::literal("local/resources.json.default"), resources, 0o600);
    kit.insert_file(RelativePath::literal("startup/client.key"), "secret", 0o600);
    let out = patched(kit, &plan(Role::Client, Target::V2_8)).value;
    assert_eq!(mode(&out, RESOURCES), 0o600);
    assert_eq!(mode(&out, "startup/client.key"), 0o600);
    assert_eq!(mode(&out, COMM_CONFIG), 0o644);
    assert_eq!(mode(&out, "local/study_data.yaml"), 0o644);
}

#[test]
fn study_templates_are_empty_and_never_overwrite() {
    let data = text(&patched(kit(Role::Client), &plan(Role::Client, Target::V2_8)).value, "local/study_data.yaml");
    insta::assert_snapshot!("study_data", data);
    let runtime = text(&patched(kit(Role::Client), &plan(Role::Client, Target::V2_9)).value, "local/study_runtime.yaml");
    insta::assert_snapshot!("study_runtime", runtime);
    let without_comments = |text: &str| text.lines().filter(|line| !line.starts_with('#')).collect::<Vec<_>>().join("\n");
    assert_eq!(without_comments(&data), "{}");
    assert_eq!(without_comments(&runtime), "format_version: 2\nstudies: {}");

    let mut own = kit(Role::Client);
    put(&mut own, "local/study_data.yaml", "own: {}");
    assert_eq!(text(&patched(own, &plan(Role::Client, Target::V2_8)).value, "local/study_data.yaml"), "own: {}");
}

#[test]
fn a_signed_file_that_is_changed_or_removed_is_warned_about() {
    let mut kit = kit(Role::Client);
    put(&mut kit, "local/signature.json", r#"{"resources.json.default": "c2ln", "privacy.json.sample": "c2ln"}"#);
    put(&mut kit, "startup/signature.json", r#"{"start.sh": "c2ln", "stop_fl.sh": "c2ln", "client.crt": "c2ln"}"#);
    let warnings = patched(kit.clone(), &plan(Role::Client, Target::V2_8)).warnings;
    assert!(warnings.iter().all(|warning| warning.code == Code::SignedFileChanged));
    insta::assert_snapshot!(shown(&warnings), @r"
    startup/signature.json: `startup/signature.json` signs files that are changed or removed: `start.sh`, `stop_fl.sh`
    local/signature.json: `local/signature.json` signs files that are changed or removed: `resources.json.default`
    ");
    put(&mut kit, "local/signature.json", "no json");
    put(&mut kit, "startup/signature.json", r#"{"client.crt": "c2ln"}"#);
    let warnings = patched(kit, &plan(Role::Client, Target::V2_8)).warnings;
    assert_eq!(warnings.len(), 1, "an unreadable list may name any file: {}", shown(&warnings));
}

#[test]
fn a_directory_where_a_file_belongs_is_refused_and_not_dropped() {
    for path in [RESOURCES, COMM_CONFIG, "local/resources.json", "local/study_data.yaml", "startup/stop_fl.sh"] {
        let mut kit = kit(Role::Client);
        kit.remove(path);
        put(&mut kit, &format!("{path}/file"), "");
        let found = faults(kit, &plan(Role::Client, Target::V2_8));
        assert_invalid_kit(&found);
        assert_eq!(found.first().place.as_ref().unwrap().file, path);
    }
}

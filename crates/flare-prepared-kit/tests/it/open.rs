//! Reading back: what is accepted, and what is refused with its name.

use flare_diagnostic::{Code, Severity};
use flare_file_tree::{CommitOptions, Digest, RelativePath, commit};
use flare_names::{Role, Target};
use flare_prepared_kit::{
    ChangeKind, ExistingOutput, FingerprintedKit, MARKER_FILE, Marker, MarkerHead, OpenOptions, PreparedKit, check_replaceable,
    fingerprint,
};
use flare_site_plan::JobLauncher;
use serde_json::json;

use crate::support::*;

const STRICT: OpenOptions = OpenOptions { accept_changes: false };

#[test]
fn what_was_assembled_opens_clean() {
    for role in ROLES {
        for target in Target::ALL {
            let kit = prepared(role, target);
            let opened = PreparedKit::from_tree(kit.tree().clone(), STRICT).unwrap();
            assert_eq!(shown(&opened.warnings), "");
            assert_eq!(opened.value.plan(), kit.plan());
            assert_eq!(opened.value.fingerprint(), kit.fingerprint());
            assert!(opened.value.changes().is_empty());
            assert!(opened.value.startup().is_file("rootCA.pem") && opened.value.local().is_file("study_data.yaml"));
            assert!(opened.value.tree().is_file(PreparedKit::chart_path().join("values.yaml")));
        }
    }
}

#[test]
fn a_digest_is_that_of_the_moment_in_which_the_kit_was_opened() {
    let directory = tempfile::tempdir().unwrap();
    let output = directory.path().join("kit");
    commit(prepared(Role::Client, Target::V2_8).tree(), &output, &CommitOptions::default()).unwrap();
    let large = output.join("local/large");
    // Too large to be held in memory.
    let (then, now) = (vec![1; 2 << 20], vec![2; 2 << 20]);
    std::fs::write(&large, &then).unwrap();
    let kit = PreparedKit::open(&output, STRICT).unwrap().value;
    std::fs::write(&large, &now).unwrap();
    let path = RelativePath::literal("local/large");
    let (_, content, _) = kit.tree().files().find(|(found, ..)| **found == path).unwrap();
    assert_eq!(content.digest().unwrap(), Digest::of(&now), "it is read from the disk again");
    assert_eq!(kit.digest(&path), Some(Digest::of(&then)));
    assert_eq!(kit.digest(&RelativePath::literal("transfer/job.zip")), None, "nobody answers for it");
}

#[test]
fn what_is_looked_into_is_in_memory_however_much_else_the_kit_holds() {
    let directory = tempfile::tempdir().unwrap();
    let output = directory.path().join("kit");
    commit(prepared(Role::Client, Target::V2_8).tree(), &output, &CommitOptions::default()).unwrap();
    for number in 0..20 {
        // Each is short enough to be held in memory, all together are not, and they are read before `startup/`.
        std::fs::write(output.join(format!("local/data-{number:02}")), vec![number; 1 << 20]).unwrap();
    }
    for kit in [PreparedKit::open(&output, STRICT), PreparedKit::open_on_disk(&output, STRICT)] {
        let kit = kit.unwrap().value;
        let tree = kit.tree();
        assert!(tree.is_file("local/data-19") && tree.bytes("local/data-19").is_none());
        let startup: Vec<_> = tree.files().filter(|(path, ..)| path.as_path().starts_with("startup")).collect();
        assert!(!startup.is_empty());
        for (path, ..) in startup {
            assert!(tree.bytes(path).is_some(), "{path}");
        }
        for file in ["local/resources.json.default", "local/comm_config.json", "local/study_data.yaml"] {
            assert!(tree.bytes(file).is_some(), "{file}");
        }
    }
}

#[test]
fn the_marker_holds_digests_and_no_key() {
    let kit = prepared(Role::Client, Target::V2_8);
    let marker = text(kit.tree(), MARKER_FILE);
    insta::assert_snapshot!("marker", marker.replace(env!("CARGO_PKG_VERSION"), "VERSION"));
    assert!(!marker.contains("secret key material"));
    assert!(!marker.contains("transfer/"));
}

#[test]
fn defect_11_the_fingerprint_follows_startup_and_local_and_nothing_else() {
    let kit = prepared(Role::Client, Target::V2_8);
    let mut tree = kit.tree().clone();
    put(&mut tree, "transfer/other.zip", "x");
    put(&mut tree, "helm_chart/values.yaml", "other: 1");
    tree.insert_file(flare_file_tree::RelativePath::literal("startup/rootCA.pem"), "root", 0o600);
    assert_eq!(fingerprint(&tree).unwrap(), kit.fingerprint(), "neither chart, transfer nor modes count");
    for (path, content) in [("startup/rootCA.pem", "other"), ("local/new", ""), ("local/study_data.yaml", "{ }")] {
        let mut tree = kit.tree().clone();
        put(&mut tree, path, content);
        assert_ne!(fingerprint(&tree).unwrap(), kit.fingerprint(), "{path}");
    }
}

#[test]
fn edits_of_local_are_the_users_right() {
    let kit = prepared(Role::Client, Target::V2_8);
    let mut tree = kit.tree().clone();
    put(&mut tree, "local/study_data.yaml", "default:\n  training: {source: nvfldata, mode: ro}\n");
    put(&mut tree, "local/custom/mine.py", "");
    let opened = PreparedKit::from_tree(tree, STRICT).unwrap();
    assert_eq!(shown(&opened.warnings), "");
    let changes: Vec<_> = opened.value.changes().iter().map(|change| (change.file.as_str(), change.kind)).collect();
    assert_eq!(changes, [("local/custom/mine.py", ChangeKind::Added), ("local/study_data.yaml", ChangeKind::Edited)]);
    assert_ne!(opened.value.fingerprint(), kit.fingerprint());

    let mut tree = kit.tree().clone();
    tree.remove("local/study_data.yaml");
    let opened = PreparedKit::from_tree(tree, STRICT).unwrap();
    assert_eq!(opened.value.changes()[0].kind, ChangeKind::Removed);
}

#[test]
fn other_files_are_refused_by_name_all_at_once() {
    let mut tree = prepared(Role::Client, Target::V2_8).tree().clone();
    put(&mut tree, "startup/client.key", "other secret");
    put(&mut tree, "startup/extra.sh", "");
    tree.remove("startup/rootCA.pem");
    put(&mut tree, "helm_chart/templates/extra.yaml", "");
    tree.remove("helm_chart/Chart.yaml");
    put(&mut tree, "helm_chart/templates/service.yaml", "other");
    let found = faults(tree.clone());
    insta::assert_snapshot!(shown(found.all()), @r"
    helm_chart/Chart.yaml: `helm_chart/Chart.yaml` was removed after the kit was prepared
    helm_chart/templates/extra.yaml: `helm_chart/templates/extra.yaml` was added after the kit was prepared
    startup/client.key: `startup/client.key` was changed after the kit was prepared
    startup/extra.sh: `startup/extra.sh` was added after the kit was prepared
    startup/rootCA.pem: `startup/rootCA.pem` was removed after the kit was prepared
    ");
    assert!(found.all().iter().all(|fault| fault.code == Code::InvalidPreparedKit && fault.hint.is_some()));

    let opened = PreparedKit::from_tree(tree, OpenOptions { accept_changes: true }).unwrap();
    assert_eq!(opened.warnings.len(), 6, "the changed template is a warning anyway");
    assert!(opened.warnings.iter().all(|warning| warning.severity == Severity::Warning));
}

#[test]
fn defect_34_values_that_no_longer_fit_are_named_with_both_sides() {
    let cases = [
        (
            Role::Server,
            "serviceName: \"nvflare-server\"",
            "serviceName: other",
            "2:14: value `serviceName` no longer fits the kit: expected `nvflare-server`, found `other`",
        ),
        (
            Role::Server,
            "parentPort: 8102",
            "parentPort: 9000",
            "5:13: value `parentPort` no longer fits the kit: expected `8102`, found `9000`",
        ),
        (
            Role::Server,
            "fedLearnPort: 8002",
            "fedLearnPort: null",
            "3:15: value `fedLearnPort` no longer fits the kit: expected `8002`, found null",
        ),
        (Role::Server, "adminPort: 8003\n", "", "value `adminPort` no longer fits the kit: expected `8003`, found nothing"),
        (
            Role::Client,
            "name: \"site-1\"",
            "name: [site-1]",
            "1:7: value `name` no longer fits the kit: expected `site-1`, found a list",
        ),
        (
            Role::Client,
            "siteName: \"site-1\"",
            "siteName: x",
            "3:11: value `siteName` no longer fits the kit: expected `site-1`, found `x`",
        ),
        (Role::Client, "port: 8102", "port: 8103", "4:7: value `port` no longer fits the kit: expected `8102`, found `8103`"),
        (
            Role::Client,
            "mountPath: \"/var/tmp/nvflare/workspace\"",
            "mountPath: /w",
            "8:16: value `persistence.workspace.mountPath` no longer fits the kit: expected `/var/tmp/nvflare/workspace`, found `/w`",
        ),
        (
            Role::Client,
            "- \"/var/tmp/nvflare/workspace\"",
            "- /w",
            "20:5: value `args (-m)` no longer fits the kit: expected `/var/tmp/nvflare/workspace`, found `/w`",
        ),
        (
            Role::Client,
            "- \"org=nvidia\"",
            "- org=other",
            "24:5: value `args (org)` no longer fits the kit: expected `org=nvidia`, found `org=other`",
        ),
    ];
    for (role, old, new, expected) in cases {
        let found = faults(edited(role, "helm_chart/values.yaml", old, new));
        let message = expected.strip_prefix(|c: char| c.is_ascii_digit()).map_or(format!(" {expected}"), |_| expected.to_owned());
        assert_eq!(shown(found.all()), format!("helm_chart/values.yaml:{message}\n"));
    }
    let free = edited(Role::Server, "helm_chart/values.yaml", "claimName: \"nvflws\"", "claimName: other");
    assert_eq!(shown(&PreparedKit::from_tree(free, STRICT).unwrap().warnings), "", "the claim is the user's to choose");
    let broken = edited(Role::Server, "helm_chart/values.yaml", "name:", "\tname: [");
    assert!(faults(broken).all().iter().all(|fault| fault.code == Code::InvalidPreparedKit));
}

#[test]
fn defect_14_objects_staged_in_another_namespace_do_not_fit() {
    let staged =
        |namespace: &str| edited(Role::Client, "helm_chart/values.yaml", "namespace: null", &format!("namespace: {namespace}"));
    assert!(PreparedKit::from_tree(staged("nvflare"), STRICT).is_ok());
    assert!(
        shown(faults(staged("other")).all())
            .contains("`workspaceConfig.namespace` no longer fits the kit: expected `nvflare`, found `other`")
    );
}

#[test]
fn defect_34_facts_of_local_that_no_longer_fit_are_named_by_file_and_key() {
    let comm = "local/comm_config.json";
    let resources = "local/resources.json.default";
    let cases = [
        (
            comm,
            "8102",
            "8103",
            "`internal.resources.port` in `local/comm_config.json` no longer fits the chart: expected `8102`, found `8103`",
        ),
        (
            comm,
            "\"nvflare-server\"",
            "\"x\"",
            "`internal.resources.host` in `local/comm_config.json` no longer fits the chart: expected `\"nvflare-server\"`, found `\"x\"`",
        ),
        (
            comm,
            "\"clear\"",
            "null",
            "`internal.resources.connection_security` in `local/comm_config.json` no longer fits the chart: expected `\"clear\"`, found `null`",
        ),
        (
            resources,
            "\"namespace\":\"nvflare\"",
            "\"namespace\":\"x\"",
            "`k8s_launcher.args.namespace` in `local/resources.json.default` no longer fits the chart: expected `\"nvflare\"`, found `\"x\"`",
        ),
        (
            resources,
            "\"k8s_launcher\"",
            "\"x\"",
            "`local/resources.json.default` has no component `k8s_launcher`, so no job can start",
        ),
        (
            resources,
            "workspace_mount_path",
            "x",
            "`k8s_launcher.args.workspace_mount_path` in `local/resources.json.default` no longer fits the chart: expected `\"/var/tmp/nvflare/workspace\"`, found nothing",
        ),
    ];
    for (file, old, new, expected) in cases {
        let tree = edited(Role::Server, file, old, new);
        assert_eq!(shown(faults(tree.clone()).all()), format!("{file}: {expected}\n"));
        assert_eq!(PreparedKit::from_tree(tree, OpenOptions { accept_changes: true }).unwrap().warnings.len(), 1);
    }
    let broken = edited(Role::Server, comm, "{", "{,");
    let expected = format!("{comm}:1:2: `{comm}` is not JSON: a comma stands where a value belongs\n");
    assert_eq!(shown(faults(broken.clone()).all()), expected);
    assert_eq!(PreparedKit::from_tree(broken, OpenOptions { accept_changes: true }).unwrap().warnings.len(), 1);
    let mut active = prepared(Role::Server, Target::V2_8).tree().clone();
    put(&mut active, "local/resources.json", "{}");
    assert!(shown(faults(active).all()).contains("`local/resources.json` has no component"), "FLARE reads it first");
}

#[test]
fn numbers_and_escapes_of_python_do_not_stop_it() {
    let odd = r#"{"\ud800": 1e400, "x": "\ud800", "#;
    let mut tree = edited(Role::Server, "local/comm_config.json", "{", odd);
    let resources = text(&tree, "local/resources.json.default");
    put(&mut tree, "local/resources.json.default", resources.replacen('{', odd, 1));
    assert!(PreparedKit::from_tree(tree, STRICT).is_ok());
}

#[test]
fn defect_33_both_study_files_are_warned_about() {
    let mut tree = prepared(Role::Client, Target::V2_9).tree().clone();
    put(&mut tree, "local/study_runtime.yaml", "format_version: 2\nstudies: {}\n");
    let codes: Vec<_> = PreparedKit::from_tree(tree, STRICT).unwrap().warnings.iter().map(|warning| warning.code).collect();
    assert_eq!(codes, [Code::StudyFilesConflict]);
}

#[test]
fn a_marker_that_is_missing_newer_or_garbage_is_refused_even_where_changes_are_accepted() {
    let with_marker = |marker: &str| {
        let mut tree = prepared(Role::Client, Target::V2_8).tree().clone();
        put(&mut tree, MARKER_FILE, marker);
        let fault = PreparedKit::from_tree(tree, OpenOptions { accept_changes: true }).expect_err("a fault");
        assert_eq!(fault.first().code, Code::InvalidPreparedKit);
        fault.first().message.clone()
    };
    assert_eq!(
        with_marker(r#"{"format_version": 3, "what": "ever"}"#),
        "a newer flare-kube made this directory (format 3, known is 2)"
    );
    for garbage in ["", "{}", "[]", "SECRET", r#"{"format_version": 0}"#, r#"{"format_version": -1}"#] {
        assert_eq!(with_marker(garbage), "`.flare-kube.json` is not a marker of flare-kube");
    }
    let damaged = "`.flare-kube.json` cannot be read: it is damaged, or of a release that wrote it otherwise";
    assert_eq!(with_marker(r#"{"format_version": 1, "flare_kube": "SECRET"}"#), damaged);
    // A release of FLARE that this flare-kube does not know, and what is none.
    let for_release = |release: &str| {
        let kit = prepared(Role::Client, Target::V2_8);
        let mut marker: serde_json::Value = serde_json::from_str(&text(kit.tree(), MARKER_FILE)).unwrap();
        marker["plan"]["target"] = json!(release);
        with_marker(&marker.to_string())
    };
    assert_eq!(for_release("2.99"), "a newer flare-kube made this directory, for FLARE 2.99");
    for other in ["2.99.1", "SECRET", ""] {
        assert_eq!(for_release(other), damaged, "{other}");
    }
    let mut reference = prepared(Role::Client, Target::V2_8).tree().clone();
    reference.remove(MARKER_FILE);
    assert!(faults(reference).first().message.starts_with("there is no `.flare-kube.json`"));
}

#[test]
fn paths_in_a_marker_are_only_compared() {
    let mut tree = prepared(Role::Client, Target::V2_8).tree().clone();
    let mut marker: serde_json::Value = serde_json::from_str(&text(&tree, MARKER_FILE)).unwrap();
    marker["files"]["../../etc/passwd"] = json!("00");
    put(&mut tree, MARKER_FILE, marker.to_string());
    assert_eq!(shown(faults(tree).all()), "../../etc/passwd: `../../etc/passwd` was removed after the kit was prepared\n");
}

#[test]
fn markers_of_every_released_format_are_recognised_opened_and_replaced() {
    let directory = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/markers");
    let mut count = 0;
    for format in std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_dir()) {
        for file in std::fs::read_dir(format).unwrap().map(|entry| entry.unwrap().path()) {
            let bytes = std::fs::read(&file).unwrap();
            let head = MarkerHead::parse(&bytes).unwrap_or_else(|| panic!("{}", file.display()));
            assert!(head.files.contains_key("helm_chart/Chart.yaml") && !head.flare_kube.is_empty());
            let marker = Marker::parse(&bytes).unwrap_or_else(|faults| panic!("{}: {faults}", file.display()));
            assert!(!marker.plan.participant.is_empty());
            let output = tempfile::tempdir().unwrap();
            std::fs::write(output.path().join(MARKER_FILE), &bytes).unwrap();
            assert_eq!(check_replaceable(output.path()).unwrap(), ExistingOutput::Marked { head }, "{}", file.display());
            count += 1;
        }
    }
    assert!(count >= 6);
}

/// Releases that know only format 1 refuse the key, and would call the marker damaged.
#[test]
fn a_plan_with_the_key_job_launcher_makes_a_marker_of_format_2() {
    for (launcher, format) in [(JobLauncher::Flare, 1), (JobLauncher::FlareKube(Box::default()), 2)] {
        let mut plan = plan(Role::Client, Target::V2_8);
        plan.job_launcher = launcher;
        let kit = FingerprintedKit::new(kit(&plan)).unwrap();
        let prepared = PreparedKit::assemble(plan.clone(), kit, chart(&plan)).unwrap();
        let marker: serde_json::Value = serde_json::from_str(&text(prepared.tree(), MARKER_FILE)).unwrap();
        assert_eq!(marker["format_version"], format);
        assert_eq!(marker["plan"].get("job_launcher").is_some(), format == 2, "{marker}");
        let opened = Marker::parse(prepared.tree().bytes(MARKER_FILE).unwrap()).unwrap();
        assert_eq!(opened.plan, plan);
    }
}

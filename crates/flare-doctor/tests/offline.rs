//! The checks of a prepared kit, on kits that the reference provisioned and on copies with one fault each.
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests: a failure is a failed test")]

#[path = "../../flare-site-plan/tests/support/plan.rs"]
mod example;

use std::path::Path;

use flare_diagnostic::Code;
use flare_doctor::{CHECKS, Finding, Needs, Severity, offline};
use flare_file_tree::{FileTree, ReadOptions, RelativePath};
use flare_names::{Role, Target};
use flare_prepared_kit::{FingerprintedKit, OpenOptions, PreparedKit};
use flare_site_plan::SitePlan;
use flare_startup_kit::StartupKit;

/// 2027-01-15; the kits' certificates expire in 2126.
const NOW: i64 = 1_800_000_000;
const DAY: i64 = 24 * 60 * 60;

fn kit(path: &str) -> FileTree {
    let kits = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/kits");
    FileTree::read(&kits.join(path), &ReadOptions::new(Code::InvalidKit).in_memory("startup").in_memory("local")).unwrap()
}

/// The plan of a kit, as far as these checks use it.
fn plan(role: Role, tree: &FileTree, participant: &str) -> SitePlan {
    let startup = StartupKit::read(tree, participant, NOW).unwrap().value;
    let root_fingerprint = startup.certificates.root_fingerprint;
    let participant = participant.to_owned();
    SitePlan {
        participant,
        root_fingerprint,
        site: startup.site,
        server_target: startup.server_target,
        ..example::plan(role, Target::V2_8)
    }
}

fn assembled(plan: SitePlan, tree: FileTree, values: &str) -> PreparedKit {
    let mut chart = FileTree::new();
    chart.insert_file(RelativePath::literal("values.yaml"), values, 0o644);
    PreparedKit::assemble(plan, FingerprintedKit::new(tree).unwrap(), chart).unwrap()
}

const VALUES: &str = "image: {repository: \"nvflare/nvflare\", tag: \"2.8.3\", digest: \"\"}\n";

fn site(change: impl FnOnce(&mut SitePlan, &mut FileTree)) -> PreparedKit {
    let mut tree = kit("plain-2.8.3/site-1");
    let mut plan = plan(Role::Client, &tree, "site-1");
    change(&mut plan, &mut tree);
    assembled(plan, tree, VALUES)
}

/// All findings except `ok`.
fn found(kit: &PreparedKit, now: i64) -> Vec<Finding> {
    offline::check(kit, now).into_iter().filter(|finding| finding.severity != Severity::Ok).collect()
}

fn ids(findings: &[Finding]) -> Vec<(&'static str, Severity)> {
    let mut ids: Vec<_> = findings.iter().map(|finding| (finding.id, finding.severity)).collect();
    ids.dedup();
    ids
}

#[test]
fn a_kit_without_a_fault_is_ok_by_each_check() {
    let server = kit("plain-2.8.3/nvflare-server");
    let server = assembled(plan(Role::Server, &server, "nvflare-server"), server, VALUES);
    for kit in [server, site(|_, _| {})] {
        let findings = offline::check(&kit, NOW);
        let expected: Vec<_> =
            CHECKS.iter().filter(|check| matches!(check.needs, Needs::Kit(_))).map(|check| (check.id, Severity::Ok)).collect();
        assert_eq!(ids(&findings), expected, "{findings:#?}");
    }
}

#[test]
fn dates_are_told_apart_from_what_is_wrong_at_any_time() {
    let kit = site(|_, _| {});
    let end = StartupKit::read(kit.tree(), "site-1", NOW).unwrap().value.certificates.identity.not_after;
    let unread = ["D43", "D44"].map(|id| (id, Severity::Unknown));
    assert_eq!(ids(&found(&kit, end + DAY)), [&[("D42", Severity::Error)][..], &unread].concat());
    assert_eq!(ids(&found(&kit, end - 10 * DAY)), [("D42", Severity::Warning)]);
    assert_eq!(ids(&found(&kit, end - 61 * DAY)), []);
    assert_eq!(ids(&found(&kit, 0)), [("D42", Severity::Warning)], "not valid yet");
}

#[test]
fn a_key_of_another_participant_is_an_error_and_expired_certificates_one_besides() {
    let other = kit("plain-2.8.3/site-2");
    let kit = site(|_, tree| {
        tree.insert_file(RelativePath::literal("startup/client.key"), other.bytes("startup/client.key").unwrap(), 0o600);
    });
    let unread = ["D43", "D44"].map(|id| (id, Severity::Unknown));
    assert_eq!(ids(&found(&kit, NOW)), [&[("D41", Severity::Error)][..], &unread].concat());
    let both = ["D41", "D42"].map(|id| (id, Severity::Error));
    assert_eq!(ids(&found(&kit, NOW + 200 * 365 * DAY)), [both, unread].concat());
    let shown = format!("{:?}", found(&kit, NOW));
    assert!(!shown.contains("PRIVATE") && !shown.contains("BEGIN"), "{shown}");
}

#[test]
fn the_kit_of_another_participant_or_provisioning_is_an_error() {
    let other = site(|_, tree| *tree = kit("plain-2.8.3/site-2"));
    assert_eq!(ids(&found(&other, NOW)), [("D40", Severity::Error)]);
    let another_root = site(|plan, _| plan.root_fingerprint = "ab".repeat(32));
    assert_eq!(ids(&found(&another_root, NOW)), [("D40", Severity::Error)]);
}

#[test]
fn certificates_that_newer_pythons_refuse_are_named_each() {
    let tree = kit("old-2.6.2/old-server");
    let plan = plan(Role::Server, &tree, "old-server");
    let findings = found(&assembled(plan, tree, VALUES), NOW);
    assert_eq!(ids(&findings), [("D43", Severity::Warning)], "{findings:#?}");
    assert!(findings.len() > 1 && findings.iter().any(|finding| finding.message.contains("keyUsage")), "{findings:#?}");
}

#[test]
fn a_client_that_calls_its_own_pod_is_an_error() {
    let kit = site(|plan, _| plan.server_target = Some(("localhost".to_owned(), Some(8002))));
    assert_eq!(ids(&found(&kit, NOW)), [("D44", Severity::Error)]);
}

#[test]
fn the_image_is_judged_as_the_values_have_it_now() {
    let with = |values: &str| {
        let tree = kit("plain-2.8.3/site-1");
        ids(&found(&assembled(plan(Role::Client, &tree, "site-1"), tree, values), NOW))
    };
    assert_eq!(with("image: {repository: a, tag: latest}\n"), [("D50", Severity::Warning)]);
    assert_eq!(with("image: {repository: a}\n"), [("D50", Severity::Warning)]);
    assert_eq!(with("image: {repository: a, digest: \"sha256:00\"}\n"), []);
    assert_eq!(with("image: {repository: a, tag: 20261125}\n"), []);
    assert_eq!(with("image: {tag: a}\n"), [("D50", Severity::Error)]);
}

#[test]
fn edits_of_the_user_are_worth_knowing_and_no_fault() {
    let mut tree = site(|_, _| {}).tree().clone();
    tree.insert_file(RelativePath::literal("local/privacy.json"), "{}", 0o644);
    let kit = PreparedKit::from_tree(tree, OpenOptions { accept_changes: true }).unwrap().value;
    let findings = found(&kit, NOW);
    assert_eq!(ids(&findings), [("D40", Severity::Info)]);
    assert_eq!(findings[0].evidence, ["local/privacy.json (added)"]);
}

#[test]
fn study_files_that_stop_every_job_are_errors() {
    let with = |files: &[(&'static str, &str)]| {
        let kit = site(|_, tree| {
            for (path, text) in files {
                tree.insert_file(RelativePath::literal(path), *text, 0o644);
            }
        });
        found(&kit, NOW).into_iter().filter(|finding| finding.id == "D47").collect::<Vec<_>>()
    };
    let findings = with(&[("local/study_data.yaml", "garbage: [")]);
    assert_eq!(ids(&findings), [("D47", Severity::Error)], "{findings:#?}");
    assert!(findings[0].evidence[0].starts_with("local/study_data.yaml:"), "{findings:#?}");
    assert!(findings[0].message.ends_with("FLARE would refuse every job because of it"), "{findings:#?}");
    assert_eq!(with(&[("local/study_data.yaml", "cancer: {training: {source: data, mode: rx}}\n")]).len(), 1);
    assert!(with(&[("local/study_data.yaml", "cancer: {training: {source: data, mode: ro}}\n")]).is_empty());
    assert!(with(&[("local/study_runtime.yaml", "garbage: [")]).is_empty(), "2.8 reads no such file");
}

//! What is read from each fixture kit, as snapshots.

use std::path::Path;

use flare_diagnostic::Code;
use flare_file_tree::directories;
use flare_startup_kit::StartupKit;

use crate::support::{NOW, fixtures, tree};

#[test]
fn every_fixture_kit_is_read_or_refused_as_recorded() {
    let mut kits = Vec::new();
    let name = |path: &Path| path.file_name().unwrap().to_string_lossy().into_owned();
    for project in directories(&fixtures()).unwrap().iter().filter(|project| !project.ends_with("projects")) {
        kits.extend(directories(project).unwrap().iter().map(|kit| (name(project), name(kit))));
    }
    assert!(kits.len() >= 25, "{kits:?}");
    for (project, kit) in kits {
        let text = match StartupKit::read(&tree(&format!("{project}/{kit}")), &kit, NOW) {
            Ok(read) => format!("{:#?}\n{:#?}", read.value, read.warnings),
            Err(faults) => format!("{faults:#?}"),
        };
        insta::with_settings!({filters => vec![("root_fingerprint: \"[0-9a-f]{64}\"", "root_fingerprint: \"[sha256]\""), ("not_before: [0-9]+", "not_before: [seconds]")]}, {
            insta::assert_snapshot!(format!("{project}__{kit}"), text);
        });
    }
}

#[test]
fn defect_27_a_client_below_another_logs_in_under_its_own_name() {
    let read = StartupKit::read(&tree("child-2.8.3/child"), "directory", NOW).unwrap();
    assert_eq!((read.value.participant.as_str(), read.value.site.as_str()), ("site-1.child", "child"));
    assert_eq!(read.warnings, []);
}

#[test]
fn defect_21_the_strict_rules_refuse_kits_of_2_6_and_older_and_take_newer_ones() {
    let extensions = |kit: &str| -> Vec<(String, &'static str)> {
        let kit = StartupKit::read(&tree(kit), "directory", NOW).unwrap().value;
        kit.certificates.strict_faults.into_iter().map(|fault| (fault.file, fault.extension)).collect()
    };
    let old = extensions("old-2.6.2/old-server");
    assert!(old.contains(&("startup/rootCA.pem".to_owned(), "keyUsage")), "{old:?}");
    assert!(old.contains(&("startup/rootCA.pem".to_owned(), "basicConstraints")), "{old:?}");
    assert!(old.contains(&("startup/server.crt".to_owned(), "authorityKeyIdentifier")), "{old:?}");
    for kit in ["plain-2.8.3/nvflare-server", "plain-2.9.0/site-1"] {
        assert_eq!(extensions(kit), []);
    }
}

#[test]
fn an_admins_kit_is_unsupported_and_a_relays_invalid() {
    let code = |kit: &str| StartupKit::read(&tree(kit), "directory", NOW).unwrap_err().first().code;
    assert_eq!(code("plain-2.8.3/admin@nvidia.com"), Code::UnsupportedKit);
    assert_eq!(code("child-2.8.3/relay-1"), Code::InvalidKit);
}

#[test]
fn signed_kits_say_so() {
    for (kit, signed) in [("old-2.6.2/old-server", true), ("plain-2.8.3/site-1", false)] {
        assert_eq!(StartupKit::read(&tree(kit), "directory", NOW).unwrap().value.signed, signed, "{kit}");
    }
}

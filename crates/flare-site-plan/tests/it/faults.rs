//! Faults that can only be found from kit and config together.

use flare_diagnostic::Code;
use flare_names::{Role, Target};
use flare_site_config::{InternalSecurity, SiteConfig};
use flare_site_plan::{Acceptance, JobPodDefaults, LauncherChoice, SitePlan, resolve};
use flare_startup_kit::{StrictFault, StudyFiles};

use crate::support::*;

const STRICT: Acceptance = Acceptance { certificates: false };

#[test]
fn defect_12_the_parent_port_is_none_of_the_servers_others() {
    let cases = [(8002, "FL port"), (8003, "admin port")];
    for (port, name) in cases {
        let mut config = config("2.8");
        config.parent.parent_port = port;
        let faults = resolve(&kit(Role::Server), &config, Target::V2_8, STRICT, LauncherChoice::Flare).expect_err("a fault");
        let expected = format!("INVALID_CONFIG: k8s.yaml:4:16: `parent.parent_port` is {port}, which is the server's {name}\n");
        assert_eq!(shown(faults.all()), expected);
        assert!(
            resolve(&kit(Role::Client), &config, Target::V2_8, STRICT, LauncherChoice::Flare).is_ok(),
            "a client has no other port"
        );
    }
    let mut taken = kit(Role::Server);
    (taken.fl_port, taken.admin_port) = (Some(8102), Some(8103));
    let faults = resolve(&taken, &config("2.8"), Target::V2_8, STRICT, LauncherChoice::Flare)
        .expect_err("the default is the server's FL port");
    assert_eq!(faults.first().hint.as_deref(), Some("choose another `parent_port`, such as 8104"), "not one that is in use");
    let mut unknown = kit(Role::Server);
    (unknown.fl_port, unknown.admin_port) = (None, None);
    let mut config = config("2.8");
    config.parent.parent_port = 8002;
    assert!(
        resolve(&unknown, &config, Target::V2_8, STRICT, LauncherChoice::Flare).is_err(),
        "the chart opens 8002 where the kit says nothing"
    );
}

#[test]
fn the_proposed_port_is_free() {
    for (fl, admin, proposed) in
        [(8002, None, "8102"), (8102, None, "8103"), (8102, Some(8103), "8104"), (8103, Some(8102), "8104")]
    {
        let mut kit = kit(Role::Server);
        (kit.fl_port, kit.admin_port) = (Some(fl), admin);
        let mut config = config("2.8");
        config.parent.parent_port = fl;
        let faults = resolve(&kit, &config, Target::V2_8, STRICT, LauncherChoice::Flare).expect_err("a fault");
        let hint = faults.all()[0].hint.clone().unwrap();
        assert_eq!(hint, format!("choose another `parent_port`, such as {proposed}"));
    }
}

#[test]
fn defect_17_a_clear_link_is_warned_about() {
    let warnings = resolve(&kit(Role::Client), &config("2.8"), Target::V2_8, STRICT, LauncherChoice::Flare).unwrap().warnings;
    assert_eq!(warnings.iter().map(|warning| warning.code).collect::<Vec<_>>(), [Code::ClearInternalLink]);
    assert!(warnings[0].message.contains("command lines"));
    let mut clear = config("2.9");
    clear.parent.internal_connection_security = InternalSecurity::Clear;
    let warnings = resolve(&kit(Role::Client), &clear, Target::V2_9, STRICT, LauncherChoice::Flare).unwrap().warnings;
    assert_eq!(warnings.iter().map(|warning| warning.code).collect::<Vec<_>>(), [Code::ClearInternalLink]);
    assert!(
        resolve(&kit(Role::Client), &config("2.9"), Target::V2_9, STRICT, LauncherChoice::Flare).unwrap().warnings.is_empty()
    );
}

#[test]
fn defect_21_certificates_that_cannot_carry_the_internal_link_are_named() {
    for role in [Role::Server, Role::Client] {
        for (may_serve, may_connect) in [(true, false), (false, true), (false, false)] {
            let mut kit = kit(role);
            (kit.certificates.identity.may_serve, kit.certificates.identity.may_connect) = (may_serve, may_connect);
            kit.certificates.strict_faults = vec![StrictFault {
                file: "startup/rootCA.pem".to_owned(),
                extension: "keyUsage",
                message: "is missing".to_owned(),
            }];
            let faults = resolve(&kit, &config("2.9"), Target::V2_9, STRICT, LauncherChoice::Flare).expect_err("a fault");
            let files: Vec<_> = faults.all().iter().map(|fault| fault.place.clone().unwrap().file).collect();
            assert_eq!(files, [kit.certificates.identity.file.as_str(), "startup/rootCA.pem"]);
            assert!(faults.all()[0].message.contains("`extendedKeyUsage`") && faults.all()[1].message.contains("`keyUsage`"));
            assert!(faults.all().iter().all(|fault| fault.code == Code::InvalidKit));

            let accepted =
                resolve(&kit, &config("2.9"), Target::V2_9, Acceptance { certificates: true }, LauncherChoice::Flare).unwrap();
            assert_eq!(accepted.warnings.iter().map(|warning| warning.code).collect::<Vec<_>>(), [Code::CertificateAtRisk; 2]);

            let mut clear = config("2.9");
            clear.parent.internal_connection_security = InternalSecurity::Clear;
            assert!(
                resolve(&kit, &clear, Target::V2_9, STRICT, LauncherChoice::Flare).is_ok(),
                "a clear link needs no certificate"
            );
            assert!(resolve(&kit, &config("2.8"), Target::V2_8, STRICT, LauncherChoice::Flare).is_ok());
        }
    }
}

#[test]
fn defect_33_both_study_files_are_warned_about_for_2_9() {
    let mut kit = kit(Role::Client);
    kit.study_files = StudyFiles { data: true, runtime: true };
    let codes = |target: Target| {
        let warnings = resolve(&kit, &config(target.as_str()), target, STRICT, LauncherChoice::Flare).unwrap().warnings;
        warnings.iter().any(|warning| warning.code == Code::StudyFilesConflict)
    };
    assert!(codes(Target::V2_9));
    assert!(!codes(Target::V2_8));
}

#[test]
fn a_tag_of_another_release_and_a_floating_one_are_warned_about() {
    // tag, target, the code that is expected beside 2.8's clear link
    let rows = [
        ("2.8", Target::V2_8, None),
        ("2.8.3", Target::V2_8, None),
        ("v2.8.3-gpu", Target::V2_8, None),
        ("2.8rc1", Target::V2_8, None),
        ("mine", Target::V2_8, None),
        ("20.9", Target::V2_8, None),
        ("2.9", Target::V2_8, Some(Code::ReleaseMismatch)),
        ("2.9.0-gpu", Target::V2_8, Some(Code::ReleaseMismatch)),
        ("v2.8.0", Target::V2_9, Some(Code::ReleaseMismatch)),
        ("2.7", Target::V2_9, Some(Code::ReleaseMismatch)),
        ("2.10.0", Target::V2_9, Some(Code::ReleaseMismatch)),
        ("latest", Target::V2_9, Some(Code::FloatingImage)),
        ("", Target::V2_9, Some(Code::FloatingImage)),
    ];
    for (tag, target, expected) in rows {
        let warnings = resolve(&kit(Role::Client), &config(tag), target, STRICT, LauncherChoice::Flare).unwrap().warnings;
        let found: Vec<_> = warnings.iter().filter(|warning| warning.code != Code::ClearInternalLink).collect();
        assert_eq!(found.first().map(|warning| warning.code), expected, "{tag} {target}: {}", shown(&warnings));
        assert!(found.iter().all(|warning| warning.place.as_ref().unwrap().to_string() == "k8s.yaml:3:17"));
    }
    let mut pinned = config("latest");
    pinned.parent.docker_image.digest = Some(format!("sha256:{}", "0".repeat(64)));
    assert!(
        resolve(&kit(Role::Client), &pinned, Target::V2_9, STRICT, LauncherChoice::Flare).unwrap().warnings.is_empty(),
        "a digest fixes the content"
    );
}

#[test]
fn faults_of_kit_and_config_come_at_once() {
    let mut kit = kit(Role::Server);
    kit.certificates.identity.may_connect = false;
    let mut config = config("2.9");
    config.parent.parent_port = 8002;
    let faults = resolve(&kit, &config, Target::V2_9, STRICT, LauncherChoice::Flare).expect_err("faults");
    assert_eq!(faults.all().iter().map(|fault| fault.code).collect::<Vec<_>>(), [Code::InvalidConfig, Code::InvalidKit]);
}

/// A config with every key that only flare-kube's launcher takes.
fn with_pod_defaults() -> SiteConfig {
    let text = include_bytes!("../../../../fixtures/configs/valid/job_pod_defaults.yaml");
    SiteConfig::parse(text, "k8s.yaml", Target::V2_8).unwrap().value
}

#[test]
fn keys_of_flare_kube_s_launcher_are_refused_where_they_stand_without_it() {
    for (role, target) in [(Role::Server, Target::V2_8), (Role::Client, Target::V2_9)] {
        let faults = resolve(&kit(role), &with_pod_defaults(), target, STRICT, LauncherChoice::Flare).expect_err("faults");
        let places: Vec<_> = faults.all().iter().map(|fault| fault.place.as_ref().unwrap().position.unwrap().line).collect();
        assert_eq!(places, [5, 6, 7, 8, 9, 10, 11, 13, 18, 35, 36, 37], "{faults}");
        for (fault, key) in faults.all().iter().zip(JobPodDefaults::KEYS) {
            assert!(fault.code == Code::InvalidConfig && fault.message.contains(&format!("`job_launcher.{key}`")), "{fault}");
            assert!(fault.hint.as_deref().unwrap().contains("--launcher flare-kube"));
        }
    }
}

#[test]
fn with_flare_kube_s_launcher_the_keys_are_facts_and_not_arguments_of_flare_s() {
    for target in Target::ALL {
        let of = |config: &SiteConfig, launcher| resolve(&kit(Role::Client), config, target, STRICT, launcher).unwrap();
        let made = of(&with_pod_defaults(), LauncherChoice::FlareKube);
        let plan = serde_json::to_value(&made.value).unwrap();
        let facts = plan["job_launcher"]["flare-kube"].as_object().unwrap();
        assert_eq!(facts.keys().map(String::as_str).collect::<Vec<_>>(), JobPodDefaults::KEYS);
        let without_keys = of(&config("2.8"), LauncherChoice::Flare).value;
        assert_eq!(
            plan["launcher"].as_object().unwrap().keys().collect::<Vec<_>>(),
            serde_json::to_value(&without_keys.launcher).unwrap().as_object().unwrap().keys().collect::<Vec<_>>()
        );
        assert_eq!(serde_json::from_value::<SitePlan>(plan).unwrap(), made.value);
        let told: Vec<_> = made.warnings.iter().filter(|one| one.code == Code::Notice).collect();
        assert!(told.len() == 1 && told[0].message.contains("FLARE's own launcher"), "{told:?}");
        let without = of(&config("2.8"), LauncherChoice::FlareKube);
        assert_eq!(without.value.job_launcher.pod_defaults(), Some(&JobPodDefaults::default()));
        assert!(without.warnings.iter().all(|one| one.code != Code::Notice));
    }
}

#[test]
fn a_plan_without_the_launcher_is_stored_as_before() {
    let plan = resolve(&kit(Role::Client), &config("2.8"), Target::V2_8, STRICT, LauncherChoice::Flare).unwrap().value;
    let mut stored = serde_json::to_value(&plan).unwrap();
    assert!(stored.get("job_launcher").is_none());
    stored["job_launcher"] = serde_json::json!({"flare-kube": {"cpus": "2"}});
    assert!(serde_json::from_value::<SitePlan>(stored).is_err(), "a fact that this release does not know is not passed over");
}

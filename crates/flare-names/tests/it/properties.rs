//! What holds for every raw name.

use flare_names::{
    ContainerName, DeploymentName, ParticipantNames, ReleaseName, Role, SecretName, ServiceName, VolumeName, digest8, hashed,
    job_id, job_pod, stable, startup_secret,
};
use proptest::prelude::*;

/// Arbitrary texts, and texts of the characters that the rules treat specially.
fn raw() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        "[-a-cA-C0-2_. ]{0,12}",
        "[-a-zA-Z0-9]{40,70}",
        "[a-z]{43,53}[-_]{1,3}[a-z0-9]{0,20}",
        "[İßKΣσςe\u{301}中😀٣²\n-]{0,8}",
        "[a-z]([-a-z0-9]{0,61}[a-z0-9])?",
    ]
}

/// Names that a careless rule would make equal: other case, other characters, another end after the cut, one more hyphen.
fn neighbours(raw: &str) -> Vec<String> {
    let tail = |end: &str| format!("{}{end}", raw.chars().take(70).collect::<String>());
    vec![
        raw.to_uppercase(),
        raw.to_lowercase(),
        raw.replace('-', "_"),
        raw.replace(['_', '.', ' '], "-"),
        raw.replace("--", "-"),
        format!("{raw}-"),
        format!("-{raw}"),
        format!("{raw} "),
        format!("{raw}\n"),
        format!("site-{raw}"),
        format!("s{raw}"),
        tail("a"),
        tail("b"),
        format!("{raw}{}", "x".repeat(64)),
        format!("{raw}{}", "x".repeat(65)),
        format!("{raw}\u{301}"),
    ]
}

fn derived(role: Role, name: &str) -> ParticipantNames {
    ParticipantNames::derive(role, name, name, &ServiceName::new("nvflare-server").unwrap())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]

    #[test]
    fn results_are_valid_for_each_kind_and_within_the_limit(raw in raw(), limit in 10_usize..70) {
        for name in [stable(&raw, limit), hashed(&raw, limit)] {
            prop_assert!(name.len() <= limit, "{}", name);
            prop_assert!(limit > 63 || ServiceName::new(&name).is_ok(), "{}", name);
        }
        prop_assert!(ReleaseName::new(stable(&raw, 53)).is_ok());
        prop_assert!(DeploymentName::new(stable(&raw, 63)).is_ok() && ContainerName::new(stable(&raw, 63)).is_ok());
        prop_assert!(VolumeName::new(hashed(&raw, 63)).is_ok());
    }

    #[test]
    fn the_stable_rule_is_the_identity_on_valid_names_and_on_its_own_results(raw in raw(), valid in "[a-z]([-a-z0-9]{0,61}[a-z0-9])?") {
        prop_assert_eq!(stable(&valid, 63), valid.as_str());
        let once = stable(&raw, 63);
        prop_assert_eq!(stable(&once, 63), once.as_str());
        prop_assert_eq!(ServiceName::new(&raw).is_ok(), once == raw);
    }

    #[test]
    fn different_raw_names_never_meet(one in raw(), other in raw()) {
        for other in neighbours(&one).into_iter().chain([other]).filter(|other| *other != one) {
            for limit in [20, 47, 53, 63] {
                prop_assert_ne!(stable(&one, limit), stable(&other, limit), "{:?} and {:?}", one, other);
                prop_assert_ne!(hashed(&one, limit), hashed(&other, limit), "{:?} and {:?}", one, other);
            }
        }
    }

    #[test]
    fn every_name_of_a_participant_is_derived_without_a_fault(raw in raw(), job in raw()) {
        for role in [Role::Server, Role::Client] {
            let names = derived(role, &raw);
            prop_assert_eq!(names.job_pod_suffix.len() <= 20, true);
            let text = serde_json::to_string(&names).unwrap();
            prop_assert_eq!(serde_json::from_str::<ParticipantNames>(&text).unwrap(), names);
        }
        prop_assert!(job_id(&job).len() <= 63);
        if let Some(pod) = job_pod(&job, &raw) {
            prop_assert!(pod.as_str().ends_with(&hashed(&raw, 20)));
        }
    }

    #[test]
    fn defect_5_a_staged_secret_is_never_a_launcher_s(one in raw(), other in raw()) {
        for site in neighbours(&one).iter().chain([&one, &other]) {
            for role in [Role::Server, Role::Client] {
                prop_assert_ne!(derived(role, &one).staged_startup, startup_secret(site), "{:?} and {:?}", one, site);
            }
        }
    }
}

#[test]
fn defect_5_the_two_secrets_of_site_1_in_capitals() {
    let names = derived(Role::Client, "Site-1");
    // In the reference both are `nvflare-startup-site-1-` with the same digest.
    assert_eq!(names.startup_secret.as_str(), format!("nvflare-startup-site-1-{}", digest8("Site-1")));
    assert_eq!(names.staged_startup.as_str(), format!("nvflare-staged-startup-site-1-{}", digest8("Site-1")));
}

#[test]
fn defect_5_no_launcher_s_secret_can_begin_as_a_staged_one() {
    // The launcher's begins with `nvflare-startup-`, a staged one with `nvflare-staged-`: they differ before any raw name begins.
    assert!(startup_secret("staged-startup").as_str().starts_with("nvflare-startup-"));
    assert!(derived(Role::Client, "x").staged_startup.as_str().starts_with("nvflare-staged-"));
    assert!(SecretName::new("nvflare-staged-startup-x").is_ok());
}

#[test]
fn a_name_that_was_made_up_to_be_another_s_result_is_the_one_way_to_meet() {
    // As in the reference: a valid name stays as it is, even if another raw name becomes the same. Two such
    // participants must not share a namespace; the federation's check finds this, because the results are equal.
    let made_up = stable("Site-1", 63);
    assert_eq!(stable(&made_up, 63), made_up);
    assert_ne!(hashed(&made_up, 63), hashed("Site-1", 63));
}

//! The cross checks of participants.
#![allow(clippy::unwrap_used, reason = "tests")]

use flare_diagnostic::{Checked, Code, Faults};
use flare_federation::{
    Expose, Federation, Member, Participant, ParticipantFacts, check_for_installation, check_shared_objects, cross_check,
};
use flare_names::{ClaimName, NamespaceName, ParticipantNames, Role, ServiceName, Target};
use flare_site_plan::SitePlan;
use flare_startup_kit::Relay;
use serde_json::json;

/// A plan as `prepare` would make it from an ordinary kit.
fn plan(role: Role, name: &str) -> SitePlan {
    let service = ServiceName::new("nvflare-server").unwrap();
    let site = name.rsplit('.').next().unwrap();
    let ports = match role {
        Role::Server => json!({"server": {"fl": 8002, "admin": null, "parent": 8102}}),
        Role::Client => json!({"client": {"parent": 8102}}),
    };
    let names = ParticipantNames::derive(role, name, site, &service);
    let plan = json!({
        "target": "2.8", "role": role, "participant": name, "site": site, "organization": "org", "project": "lab",
        "root_fingerprint": "aa", "server_target": ["server1", 8002], "names": names,
        "namespace": "nvflare", "workspace": {"claim": format!("nvflws-{name}").to_lowercase(), "volume": "workspace", "mount_path": "/w"},
        "ports": ports, "internal": {"security": "clear"},
        "parent": {
            "image": {"repository": "a", "tag": "", "digest": ""}, "image_pull_policy": "Always", "command": [], "args": [],
            "resources": {}, "security_context": {}, "image_pull_secrets": []
        },
        "launcher": {"config_file_path": null, "namespace": "nvflare", "default_python_path": "p", "workspace_mount_path": "/w"},
        "study_template": null
    });
    serde_json::from_value(plan).unwrap()
}

fn entries(names: &[&str]) -> Vec<Participant> {
    let list: Vec<_> = names.iter().map(|name| json!({"name": name, "kit": format!("prod_00/{name}")})).collect();
    let text = serde_json::to_string_pretty(&json!({"participants": list})).unwrap();
    Federation::parse(text.as_bytes(), "f").unwrap().value.participants
}

/// Checks a federation of `server1`, `site-1` and `site-2` after a change, and returns the messages.
fn said(change: impl FnOnce(&mut [Participant], &mut [SitePlan])) -> (Vec<String>, Vec<String>) {
    said_by(cross_check, change)
}

fn said_by(
    check: fn(&[Member<'_>]) -> Result<Checked<()>, Faults>,
    change: impl FnOnce(&mut [Participant], &mut [SitePlan]),
) -> (Vec<String>, Vec<String>) {
    let mut entries = entries(&["server1", "site-1", "site-2"]);
    let mut plans = [plan(Role::Server, "server1"), plan(Role::Client, "site-1"), plan(Role::Client, "site-2")];
    change(&mut entries, &mut plans);
    let names = ["server1".to_owned(), "*.example.com".to_owned()];
    let facts = plans.each_ref().map(|plan| ParticipantFacts::of(plan, &names, None));
    let members: Vec<_> = entries.iter().zip(&facts).map(|(entry, facts)| Member { entry, facts }).collect();
    match check(&members) {
        Ok(checked) => (Vec::new(), checked.warnings.iter().map(|warning| warning.message.clone()).collect()),
        Err(faults) => {
            assert!(
                faults
                    .all()
                    .iter()
                    .all(|fault| fault.code == Code::InvalidFederation && fault.place.is_some() && fault.hint.is_some())
            );
            (faults.all().iter().map(|fault| fault.message.clone()).collect(), Vec::new())
        }
    }
}

#[test]
fn participants_that_fit_together_pass_without_a_word() {
    assert_eq!(said(|_, _| ()), (vec![], vec![]));
}

#[test]
fn defect_15_two_participants_on_one_claim_are_refused() {
    let claim = ClaimName::new("nvflws").unwrap();
    let on_one_claim = |plans: &mut [SitePlan]| plans[1..].iter_mut().for_each(|plan| plan.workspace.claim = claim.clone());
    assert_eq!(
        said(|_, plans| on_one_claim(plans)).0,
        [
            "`site-1` and `site-2` share the claim `nvflws` in namespace `nvflare`: the second kit would overwrite the keys of the first"
        ]
    );
    let apart = |change: fn(&mut [Participant], &mut [SitePlan])| {
        said(|entries, plans| {
            on_one_claim(plans);
            change(entries, plans);
        })
    };
    assert!(apart(|_, plans| plans[2].namespace = NamespaceName::new("other").unwrap()).0.is_empty());
    assert!(apart(|entries, _| entries[2].context = Some("other".to_owned())).0.is_empty());
    assert!(apart(|entries, _| entries[2].kubeconfig = Some("other".to_owned())).0.is_empty());
    let spelled = |first: &'static str, second: &'static str| {
        let named = said(|entries, plans| {
            on_one_claim(plans);
            entries[1].kubeconfig = Some(first.to_owned());
            entries[2].kubeconfig = Some(second.to_owned());
        });
        named.0.len()
    };
    assert_eq!(spelled("../far.yaml", ".././/far.yaml"), 1, "one file, written in two ways");
    assert_eq!(spelled("far.yaml", "./far.yaml/"), 1);
    assert_eq!(spelled("far.yaml", "/far.yaml"), 0);
}

#[test]
fn defect_15_one_cluster_is_one_however_it_is_written() {
    let mut entries = entries(&["server1", "site-1", "site-2"]);
    entries[1].kubeconfig = Some("far.yaml".to_owned());
    entries[2].context = Some("far".to_owned());
    let mut plans = [plan(Role::Server, "server1"), plan(Role::Client, "site-1"), plan(Role::Client, "site-2")];
    plans[2].workspace.claim = plans[1].workspace.claim.clone();
    let facts = plans.each_ref().map(|plan| ParticipantFacts::of(plan, &["server1".to_owned()], None));
    let members: Vec<_> = entries.iter().zip(&facts).map(|(entry, facts)| Member { entry, facts }).collect();
    assert!(cross_check(&members).is_ok(), "written in two ways");
    let found = |clusters: [u8; 3]| match check_shared_objects(&members, &clusters) {
        Ok(()) => Vec::new(),
        Err(faults) => faults.all().iter().map(|fault| fault.message.clone()).collect(),
    };
    let shared = "`site-1` and `site-2` share the claim `nvflws-site-1` in namespace `nvflare`: the second kit would overwrite the keys of the first";
    assert_eq!(found([1, 2, 2]), [shared]);
    assert_eq!(found([1, 1, 2]), [""; 0]);
}

#[test]
fn defect_15_two_servers_are_refused() {
    let (faults, _) = said(|_, plans| plans[2] = plan(Role::Server, "site-2"));
    assert_eq!(faults, ["`server1` and `site-2` are both servers, and a federation has one"]);
    let (faults, _) = said(|_, plans| plans[0] = plan(Role::Client, "server1"));
    assert_eq!(faults, ["no participant is a server"]);
    assert_eq!(cross_check(&[]).unwrap_err().all().len(), 1);
}

#[test]
fn equal_object_names_in_one_namespace_are_refused() {
    let service = |plans: &mut [SitePlan]| plans[0].names.service = plans[1].names.service.clone();
    let (faults, _) = said(|_, plans| service(plans));
    assert_eq!(faults, ["`server1` and `site-1` would share the Service `site-1` in namespace `nvflare`"]);
    let (faults, _) = said(|entries, plans| {
        plans[2] = plan(Role::Client, "below.site-1");
        entries[2].name = "below.site-1".to_owned();
    });
    assert_eq!(faults.len(), 1);
    assert!(faults[0].contains("the Secret `nvflare-startup-site-1-"), "two clients whose own names are equal: {faults:?}");
}

#[test]
fn kits_of_two_provisionings_projects_or_targets_are_refused() {
    let (faults, _) = said(|_, plans| plans[2].root_fingerprint = "bb".to_owned());
    assert_eq!(faults, ["the kits of `server1` and `site-2` come from two provisionings: their root certificates differ"]);
    let (faults, _) = said(|_, plans| plans[1].project = Some("other".to_owned()));
    assert_eq!(faults, ["the kits of `server1` and `site-1` belong to two projects, `lab` and `other`"]);
    assert!(said(|_, plans| plans[1].project = None).0.is_empty(), "a kit that does not say its project");
    let (faults, _) = said(|_, plans| plans[1].target = Target::V2_9);
    assert_eq!(faults, ["`server1` and `site-1` are prepared for two targets, 2.8 and 2.9"]);
}

#[test]
fn a_name_that_is_not_the_kits_is_refused() {
    let (faults, _) = said(|entries, _| entries[1].name = "site_1".to_owned());
    assert_eq!(faults, ["`prod_00/site-1` is the startup kit of `site-1`, not of `site_1`"]);
    let (faults, _) = said(|_, plans| plans.swap(1, 2));
    assert_eq!(faults.len(), 2, "mixed up: {faults:?}");
}

#[test]
fn a_server_under_another_name_or_port_is_warned_about() {
    let target = |host: &str, port| {
        let target = Some((host.to_owned(), port));
        said(move |_, plans| plans[1].server_target = target).1
    };
    assert_eq!(
        target("flare.other.com", None),
        ["`site-1` calls the server `flare.other.com`, and the certificate of `server1` is for `server1`, `*.example.com`"]
    );
    assert_eq!(target("flare.example.com", Some(443)), ["`site-1` calls the server at port 443, and `server1` listens on 8002"]);
    assert!(target("SERVER1", Some(8002)).is_empty());
}

#[test]
fn a_client_behind_a_relay_that_is_not_here_is_refused() {
    let entries = entries(&["server1", "site-1"]);
    let plans = [plan(Role::Server, "server1"), plan(Role::Client, "site-1")];
    let behind = |name: &str| {
        let relay = Relay { name: name.to_owned(), address: None, file: "local/relay__resources.json" };
        let facts = [ParticipantFacts::of(&plans[0], &[], None), ParticipantFacts::of(&plans[1], &[], Some(&relay))];
        let members: Vec<_> = entries.iter().zip(&facts).map(|(entry, facts)| Member { entry, facts }).collect();
        cross_check(&members).map_err(|faults| faults.first().message.clone())
    };
    let expected = "`site-1` logs in through the relay `relay-1` (`local/relay__resources.json` in its kit), which is not a participant of this federation";
    assert_eq!(behind("relay-1").unwrap_err(), expected);
    assert!(behind("server1").is_ok());
}

#[test]
fn what_is_installed_next_must_call_the_server_by_a_name_of_its_certificate_and_run_the_release_that_it_is_prepared_for() {
    assert_eq!(said_by(check_for_installation, |_, _| ()), (vec![], vec![]));
    let (errors, _) = said_by(check_for_installation, |_, plans| {
        plans[1].server_target = Some(("elsewhere".to_owned(), Some(8002)));
        plans[2].parent.image.tag = "2.9.0".to_owned();
    });
    let expected = [
        "`site-1` calls the server `elsewhere`, and the certificate of `server1` is for `server1`, `*.example.com`",
        "the image `a:2.9.0` of `site-2` is of FLARE 2.9 by its tag, and the kit is prepared for 2.8",
    ];
    assert_eq!(errors, expected);
    // A port that leads to another one, and a tag that names no release, may be right.
    let (errors, warnings) = said_by(check_for_installation, |_, plans| {
        plans[1].server_target = Some(("server1".to_owned(), Some(443)));
        plans[2].parent.image.tag = "latest".to_owned();
    });
    assert_eq!((errors, warnings.len()), (vec![], 1));
}

#[test]
fn a_server_whose_certificate_names_no_host_is_not_installed() {
    let entries = entries(&["server1", "site-1"]);
    let plans = [plan(Role::Server, "server1"), plan(Role::Client, "site-1")];
    let facts = plans.each_ref().map(|plan| ParticipantFacts::of(plan, &[], None));
    let members: Vec<_> = entries.iter().zip(&facts).map(|(entry, facts)| Member { entry, facts }).collect();
    assert!(cross_check(&members).is_ok(), "a kit that is only prepared can still be replaced");
    let refused = check_for_installation(&members).unwrap_err();
    assert_eq!((refused.all().len(), refused.first().code), (1, Code::InvalidFederation));
    assert!(refused.first().message.starts_with("the certificate of `server1` names no host"), "{refused}");
    assert!(refused.first().hint.is_some() && refused.first().place.is_some(), "{refused}");
}

#[test]
fn only_a_server_is_exposed() {
    let (errors, _) = said_by(check_for_installation, |entries, _| {
        (entries[0].expose, entries[1].expose) = (Some(Expose::LoadBalancer), Some(Expose::HostPort));
    });
    assert_eq!(errors, ["`expose` of `site-1` is for a server: nobody outside of its cluster calls a client"]);
}

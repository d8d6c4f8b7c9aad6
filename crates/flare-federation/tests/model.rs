//! How a participant's config and values are overlaid on the defaults; no text makes the reader panic.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by them")]

use flare_diagnostic::Code;
use flare_federation::{Federation, MappingSource, Participant, init};
use flare_names::{Role, Target};
use flare_yaml::Node;
use proptest::prelude::*;
use serde_json::json;

fn parse(text: &str) -> Federation {
    Federation::parse(text.as_bytes(), "federation.yaml").unwrap().value
}

const TEXT: &str = "
defaults:
  target: 2.9
  namespace: shared
  parent: {docker_image: a, resources: {requests: {cpu: '2'}}, parent_port: 8102}
  values: {podLabels: {team: a, cost: b}}
participants:
- {name: server1, kit: s}
- {name: site-1, kit: k, namespace: own, claim: mine, config: {namespace: other, parent: {parent_port: 1, resources: {}}}, values: {podLabels: {cost: c}}}
- {name: site-2, kit: l, config: site-2.yaml}
";

#[test]
fn defaults_then_config_then_namespace_and_claim() {
    let federation = parse(TEXT);
    assert_eq!(federation.target, Some(Target::V2_9));
    let [server, inline, file] = &federation.participants[..] else { panic!("three participants") };
    let resources = json!({"requests": {"cpu": "2"}});
    assert_eq!(
        server.config_node(None).to_json(Code::InvalidFederation).unwrap(),
        json!({"runtime": "k8s", "namespace": "shared", "parent": {"docker_image": "a", "resources": resources, "parent_port": 8102}})
    );
    assert_eq!(
        inline.config_node(None).to_json(Code::InvalidFederation).unwrap(),
        json!({"runtime": "k8s", "namespace": "own", "parent": {"docker_image": "a", "parent_port": 1, "resources": {}, "workspace_pvc": "mine"}})
    );
    assert_eq!(file.config_file().unwrap().0, "site-2.yaml");
    let read = tree_of(b"parent:\n  docker_image: b\n  parent_port: null\n", "site-2.yaml");
    let merged = file.config_node(Some(&read));
    assert_eq!(
        merged.to_json(Code::InvalidFederation).unwrap(),
        json!({"runtime": "k8s", "namespace": "shared", "parent": {"docker_image": "b", "resources": resources, "parent_port": 8102}})
    );
    let place = |key| merged.get("parent").unwrap().get(key).unwrap().place().to_string();
    assert_eq!(place("docker_image"), "site-2.yaml:2:17", "a fault points into the file where the value was written");
    assert_eq!(place("resources"), "federation.yaml:5:40");
}

#[test]
fn a_config_of_the_wrong_kind_stays_in_sight() {
    let federation = parse("participants: [{name: a, kit: b, claim: c, config: f.yaml}]");
    for (text, expected) in [("[1]", json!([1])), ("parent: [1]", json!({"runtime": "k8s", "parent": [1]}))] {
        let file = tree_of(text.as_bytes(), "f.yaml");
        assert_eq!(federation.participants[0].config_node(Some(&file)).to_json(Code::InvalidFederation).unwrap(), expected);
    }
}

#[test]
fn values_are_laid_over_those_of_the_defaults() {
    let federation = parse(TEXT);
    let layers: Vec<_> = federation.participants[1]
        .values
        .iter()
        .map(|source| match source {
            MappingSource::Inline(node) => node,
            MappingSource::File { .. } => panic!("both are inline"),
        })
        .collect();
    assert_eq!(json!(Participant::join_values(layers).unwrap()), json!({"podLabels": {"team": "a", "cost": "c"}}));
}

/// Trees in which a key decides whether its value is a mapping, as in a file with a schema.
fn tree() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(json!(null)),
        any::<i32>().prop_map(|n| json!(n)),
        "[a-z]{0,3}".prop_map(|s| json!(s)),
        Just(json!([1, 2]))
    ];
    let leaves = proptest::collection::btree_map("[a-c]", leaf, 0..3);
    (leaves.clone(), proptest::collection::btree_map("[A-C]", leaves, 0..3)).prop_map(|(leaves, mappings)| {
        leaves
            .into_iter()
            .chain(mappings.into_iter().map(|(key, value)| (key, json!(value))))
            .collect::<serde_json::Map<_, _>>()
            .into()
    })
}

fn node(value: &serde_json::Value) -> Node {
    tree_of(value.to_string().as_bytes(), "t")
}

proptest! {
    #[test]
    fn overlay_is_associative_and_idempotent(a in tree(), b in tree(), c in tree()) {
        let (a, b, c) = (node(&a), node(&b), node(&c));
        let left = Node::overlay(Node::overlay(a.clone(), b.clone()), c.clone());
        prop_assert_eq!(left.to_json(Code::InvalidFederation).unwrap(), Node::overlay(a.clone(), Node::overlay(b, c)).to_json(Code::InvalidFederation).unwrap());
        prop_assert_eq!(Node::overlay(a.clone(), a.clone()), a);
    }

    #[test]
    fn no_bytes_make_the_reader_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = Federation::parse(&bytes, "f");
    }

    #[test]
    fn no_text_that_looks_like_yaml_makes_the_reader_panic(text in "(participants|defaults|- |name|kit|config|: |\n|  |\\{|\\}|\\[|\\]|&a|\\*a|!|'|\"|2\\.9|~|x|,){0,40}") {
        if let Err(faults) = Federation::parse(text.as_bytes(), "f") {
            for fault in faults.all() {
                prop_assert!(fault.place.is_some() && fault.hint.is_some(), "{}", fault);
            }
        }
    }

    #[test]
    fn what_init_writes_is_read_back_for_every_name(names in proptest::collection::btree_set("[^\\p{Cc}]{0,12}[^\\p{Cc}\\p{Z}]", 1..6)) {
        let found: Vec<_> = names.iter().enumerate().map(|(index, name)| found(name, if index == 0 { Role::Server } else { Role::Client })).collect();
        let files = init::files(&found, None).unwrap().value;
        let read = Federation::parse(files.federation.as_bytes(), "f").unwrap().value;
        let config = tree_of(files.config.as_bytes(), "k8s.yaml");
        prop_assert_eq!(read.participants.iter().map(|one| one.name.as_str()).collect::<Vec<_>>(), names.iter().map(String::as_str).collect::<Vec<_>>());
        let claims: std::collections::BTreeSet<_> = read.participants.iter().map(|one| one.claim.clone().unwrap()).collect();
        prop_assert_eq!(claims.len(), names.len());
        for one in &read.participants {
            prop_assert_eq!(&one.kit, &format!("prod_00/{}", one.name));
            let merged = one.config_node(Some(&config)).to_json(Code::InvalidFederation).unwrap();
            prop_assert_eq!(&merged["parent"]["workspace_pvc"], &json!(one.claim.as_ref().unwrap().as_str()));
        }
    }
}

fn found(name: &str, role: Role) -> init::ProvisionedKit {
    init::ProvisionedKit {
        name: name.to_owned(),
        site: name.rsplit('.').next().unwrap_or(name).to_owned(),
        role,
        kit: format!("prod_00/{name}"),
        fl_port: (role == Role::Server).then_some(8102),
        admin_port: (role == Role::Server).then_some(8103),
        project: Some("lab\n: x".to_owned()),
        provisioned: flare_federation::Provisioned::By(Target::V2_9),
        root_fingerprint: "aa".to_owned(),
        relay: None,
    }
}

#[test]
fn init_writes_files_that_explain_themselves() {
    let found = [
        found("site-1.child", Role::Client),
        found("child", Role::Client),
        found("nvflare-server", Role::Server),
        found("no", Role::Client),
    ];
    let files = init::files(&found, None).unwrap().value;
    insta::assert_snapshot!("init_k8s", files.config);
    insta::assert_snapshot!("init_federation", files.federation);
    let digest = format!("registry:5000/a@sha256:{}", "0".repeat(64));
    let unknown = init::ProvisionedKit { provisioned: flare_federation::Provisioned::Unknown, ..found[2].clone() };
    let files = init::files(&[unknown], Some(&digest.parse().unwrap())).unwrap().value;
    assert!(files.config.contains(&format!("docker_image: \"{digest}\"")));
    assert!(files.config.contains("do not tell their release"));
    assert!(files.federation.contains("target: \"2.8\""));
}

#[test]
fn init_refuses_two_kits_of_one_participant_and_kits_of_two_provisionings() {
    let copy = init::ProvisionedKit { kit: "prod_00/site-1 (copy)".to_owned(), ..found("site-1", Role::Client) };
    let old = init::ProvisionedKit { root_fingerprint: "bb".to_owned(), ..found("site-2", Role::Client) };
    let kits = [found("server1", Role::Server), found("site-1", Role::Client), copy, old];
    let faults = init::files(&kits, None).unwrap_err();
    let said: Vec<_> = faults.all().iter().map(|fault| fault.message.as_str()).collect();
    assert_eq!(
        said,
        [
            "`prod_00/site-1` and `prod_00/site-1 (copy)` are all kits of the participant `site-1`",
            "the kits `prod_00/server1` and `prod_00/site-2` come from two provisionings: their root certificates differ"
        ]
    );
}

#[test]
fn the_image_asked_for_decides_the_target_before_the_kits() {
    let kits = [found("server1", Role::Server)];
    let files = init::files(&kits, Some(&"registry:5000/a:2.8.3".parse().unwrap())).unwrap();
    assert!(files.value.federation.contains("target: \"2.8\""));
    assert_eq!(files.warnings.iter().map(|warning| warning.code).collect::<Vec<_>>(), [Code::ReleaseMismatch]);
    assert!(init::files(&kits, None).unwrap().warnings.is_empty());
}

#[test]
fn init_needs_exactly_one_server() {
    assert!(init::files(&[], None).is_err());
    assert!(init::files(&[found("a", Role::Client)], None).is_err());
    assert!(init::files(&[found("a", Role::Server), found("b", Role::Server)], None).is_err());
}

fn tree_of(text: &[u8], file: &str) -> Node {
    flare_yaml::parse(text, file, Code::InvalidFederation).unwrap().root
}

#[test]
fn a_whole_participant_is_read_by_the_rules_of_k8s_yaml() {
    let federation = parse(TEXT);
    let [server, inline, file] = &federation.participants[..] else { panic!("three participants") };
    assert_eq!(server.site_config(None, Target::V2_9).unwrap().value.namespace.as_str(), "shared");
    let config = inline.site_config(None, Target::V2_9).unwrap().value;
    assert_eq!((config.namespace.as_str(), config.parent.workspace_pvc.as_str()), ("own", "mine"));
    assert!(config.parent.resources.is_empty(), "defect 12: an empty mapping means none");
    let bad = "parent: {parent_port: 0, parent_port: 1}\nother: 1\n";
    let document = flare_yaml::parse(bad.as_bytes(), "site-2.yaml", Code::InvalidConfig).unwrap();
    let faults = file.site_config(Some(&document), Target::V2_9).unwrap_err();
    let places: Vec<_> = faults.all().iter().map(|fault| fault.place.as_ref().unwrap().to_string()).collect();
    assert!(places.contains(&"site-2.yaml:1:26".to_owned()), "the key that is written twice: {places:?}");
    assert!(places.contains(&"site-2.yaml:2:1".to_owned()), "the unknown key: {places:?}");
}

#[test]
fn values_that_two_versions_of_yaml_read_differently_are_refused() {
    let text = "participants: [{name: a, kit: b, values: {mode: 0644}}]";
    let faults = Federation::parse(text.as_bytes(), "f").unwrap_err();
    assert_eq!(faults.first().place.as_ref().unwrap().to_string(), "f:1:49");
    let list = tree_of(b"[1]", "values.yaml");
    assert_eq!(Participant::join_values([&list]).unwrap_err().all().len(), 1);
}

#[test]
fn what_init_writes_is_a_whole_config_for_both_targets() {
    let files = init::files(&[found("server1", Role::Server)], None).unwrap().value;
    let federation = parse(&files.federation);
    let document = flare_yaml::parse(files.config.as_bytes(), init::CONFIG_FILE, Code::InvalidConfig).unwrap();
    for target in Target::ALL {
        let config = federation.participants[0].site_config(Some(&document), target).unwrap();
        assert!(config.warnings.is_empty());
        assert_eq!(config.value.parent.parent_port, 8104);
    }
}

#[test]
fn hostile_files_end_in_a_fault_of_size_depth_or_kind() {
    let bomb = (0..30).fold("a0: &a0 [x, x]\n".to_owned(), |text, n| format!("{text}a{}: &a{} [*a{n}, *a{n}]\n", n + 1, n + 1));
    let long = format!("participants:\n{}", "- {name: a, kit: b}\n".repeat(250_000));
    let nested = format!("participants: {}", "[".repeat(20_000));
    let cases: [(&[u8], &str); 6] = [
        (bomb.as_bytes(), "more than 100000 values"),
        (long.as_bytes(), "at most 1048576 (1 MiB) are read"),
        (nested.as_bytes(), "nested more than 64 levels deep"),
        (b"\xff\xfe", "not UTF-8"),
        (b"participants: !!python/x []", "tag"),
        (b"<<: [1]", "takes a mapping or a list of mappings"),
    ];
    for (case, reason) in cases {
        let faults = Federation::parse(case, "f").unwrap_err();
        assert_eq!(faults.first().code, Code::InvalidFederation);
        assert!(faults.first().message.contains(reason), "{reason}: {faults}");
    }
}

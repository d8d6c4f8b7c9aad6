//! Where the chart deliberately differs from the reference's (`docs/defects.md`); each test's name has the number.

use flare_names::{NamespaceName, Role, Target, stable};
use flare_site_plan::{Image, Ports};
use serde_json::{Value, json};

use crate::support::{Chart, Helm, Objects, ROLES, named, plan, releases};

#[test]
fn defect_1_object_names_are_valid_and_the_value_keeps_the_participants() {
    for raw in ["server1.example.com", "My_Server", "1server", &"x".repeat(70)] {
        for role in ROLES {
            let participant = named(role, Target::V2_8, raw);
            let objects = Helm::v3().objects(&Chart::of(&participant), &[]);
            let name = stable(raw, 63);
            for place in ["Deployment/metadata/name", "container/name", "ServiceAccount/metadata/name", "pod/serviceAccountName"]
            {
                assert_eq!(objects.at(place), json!(name), "{role} {raw}: {place}");
            }
            assert_eq!(objects.at("Role/metadata/name"), json!(participant.names.launcher_role.as_str()));
            assert_eq!(objects.at("Service/metadata/name"), json!(participant.names.service.as_str()));
            assert_eq!(objects.at("Deployment/spec/selector/matchLabels"), json!({"app.kubernetes.io/name": name}));
            let values = flare_helm_chart::render(&participant, "");
            let values: Value = serde_yaml::from_str(std::str::from_utf8(values.bytes("values.yaml").unwrap()).unwrap()).unwrap();
            assert_eq!(values["name"], json!(raw));
        }
    }
}

/// Strings that YAML 1.1 reads as something else, or that need escapes in quotes.
const TRAPS: [&str; 20] = [
    "no",
    "yes",
    "on",
    "Off",
    "y",
    "null",
    "~",
    "true",
    "1e3",
    "4212e12",
    "0x1F",
    "0777",
    "1_000",
    "1.10",
    "12:30:45",
    ".inf",
    "2001-01-01",
    "a: b # c",
    "\"'\\\u{7f}\u{85}\u{2028}\u{feff}\t🧪",
    "{{ .Release.Name }}",
];

/// The manifests as Go's own YAML reads them: Helm renders them, and a second chart reads the text and prints it as JSON.
fn read_by_go(helm: &Helm, manifests: &str) -> Objects {
    let reader = tempfile::TempDir::new().unwrap();
    std::fs::create_dir(reader.path().join("templates")).unwrap();
    std::fs::write(reader.path().join("Chart.yaml"), "apiVersion: v2\nname: reader\nversion: 0.1.0\n").unwrap();
    std::fs::write(reader.path().join("manifests.yaml"), manifests).unwrap();
    let template = r#"kind: List
items:
{{- range splitList "\n---\n" (.Files.Get "manifests.yaml" | trimPrefix "---\n") }}
  - {{ fromYaml . | toJson | quote }}
{{- end }}
"#;
    std::fs::write(reader.path().join("templates/read.yaml"), template).unwrap();
    let text = helm.run(&["template", "x", reader.path().to_str().unwrap()]).unwrap();
    let list = Objects::parse(&text);
    let items = list.get("List")["items"].as_array().unwrap();
    Objects(items.iter().map(|item| serde_json::from_str(item.as_str().unwrap()).unwrap()).collect())
}

#[test]
fn defect_9_every_string_stays_a_string() {
    let traps = TRAPS.map(str::to_owned).to_vec();
    // Helm's toYaml cannot write control characters; `refusals` tests the message.
    let writable = TRAPS.iter().filter(|trap| !trap.contains('\u{7f}'));
    let level: Value = writable.enumerate().map(|(index, trap)| (format!("k{index}"), json!(trap))).collect();
    for role in ROLES {
        let mut participant = plan(role, Target::V2_8);
        participant.parent.args = traps.iter().cloned().chain(traps.iter().map(|trap| format!("org={trap}"))).collect();
        participant.parent.command.clone_from(&traps);
        participant.parent.security_context =
            serde_json::from_value(json!({"seLinuxOptions": level, "fsGroup": 1_000_700_000})).unwrap();
        participant.parent.resources =
            serde_json::from_value(json!({"limits": {"cpu": "1e3", "memory": 5, "no": 1.5, "1e3": "010"}})).unwrap();
        let chart = Chart::of(&participant);
        for helm in Helm::both() {
            let objects = read_by_go(&helm, &helm.template(&chart, &[]).unwrap());
            let mut expected = participant.parent.args.clone();
            if role == Role::Client {
                expected.push("uid=site-1".to_owned());
            }
            assert_eq!(objects.at("container/args"), json!(expected));
            assert_eq!(objects.at("container/command"), json!(traps));
            assert_eq!(objects.at("pod/securityContext"), json!({"seLinuxOptions": level, "fsGroup": 1_000_700_000}));
            assert_eq!(objects.at("container/resources/limits"), json!({"cpu": "1e3", "memory": 5, "no": 1.5, "1e3": "010"}));
        }
    }
}

#[test]
fn defect_9_a_name_or_a_tag_is_never_read_as_something_else() {
    for trap in ["no", "1e3", "4212e12", "null", "0x1F", "1.10", "0777"] {
        for role in ROLES {
            let mut participant = named(role, Target::V2_8, trap);
            participant.parent.image.tag = trap.to_owned();
            participant.workspace.mount_path = format!("/{trap}");
            participant.workspace.claim = flare_names::ClaimName::new(trap.to_lowercase()).unwrap();
            let helm = Helm::v3();
            let objects = read_by_go(&helm, &helm.template(&Chart::of(&participant), &[]).unwrap());
            assert_eq!(objects.at("container/image"), json!(format!("registry.example.com/nvflare:{trap}")));
            assert_eq!(objects.at("container/volumeMounts/0/mountPath"), json!(format!("/{trap}")));
            assert_eq!(objects.at("pod/volumes/0/persistentVolumeClaim/claimName"), json!(trap.to_lowercase()));
            if role == Role::Client {
                assert_eq!(objects.at("container/args/11"), json!(format!("uid={trap}")));
            }
            for object in &objects.0 {
                let metadata = &object["metadata"];
                assert!(
                    metadata["name"].is_string() && metadata["labels"].as_object().unwrap().values().all(Value::is_string),
                    "{metadata}"
                );
            }
        }
    }
}

#[test]
fn defect_9_a_release_and_a_namespace_that_read_as_numbers() {
    for (role, target) in releases() {
        let mut participant = plan(role, target);
        participant.namespace = NamespaceName::new("1e3").unwrap();
        let chart = Chart::of(&participant);
        let helm = Helm::v3();
        let text = helm.run(&["template", "123", chart.path().to_str().unwrap(), "--namespace", "1e3"]).unwrap();
        let objects = read_by_go(&helm, &text);
        assert_eq!(objects.at("Deployment/metadata/labels/app.kubernetes.io~1instance"), json!("123"));
        assert_eq!(objects.at("RoleBinding/subjects/0/namespace"), json!("1e3"));
    }
}

#[test]
fn defect_10_image_references() {
    const A: &str = "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
    const B: &str = "sha256:0e11000000000000000000000000000000000000000000000000000000000000";
    let repository = "registry.example.com:5000/team/nvflare";
    let cases = [
        // prepared tag, digest; --set; image
        ("2.8", "", "", ":2.8".to_owned()),
        ("", "", "", String::new()),
        ("", B, "", format!("@{B}")),
        ("2.8", A, "", format!(":2.8@{A}")),
        ("2.8", "", "image.tag=2.8.3", ":2.8.3".to_owned()),
        ("", "", "image.tag=2.8.3", ":2.8.3".to_owned()),
        ("", A, "image.tag=2.8.3", ":2.8.3".to_owned()),
        ("2.8", A, "image.tag=2.8.3", ":2.8.3".to_owned()),
        ("2.8", A, "image.tag=", format!("@{A}")),
        ("2.8", A, "image.digest=", ":2.8".to_owned()),
        ("2.8", A, "image.digest=null", ":2.8".to_owned()),
        ("2.8", "", "image.digest=DIGEST", format!("@{B}")),
        ("2.8", A, "image.digest=DIGEST", format!("@{B}")),
        ("2.8", A, "image.digest=DIGEST,image.tag=x", format!("@{B}")),
        ("", "", "image.digest=DIGEST", format!("@{B}")),
    ];
    for (tag, digest, set, expected) in cases {
        for role in ROLES {
            let mut participant = plan(role, Target::V2_8);
            participant.parent.image =
                Image { repository: repository.to_owned(), tag: tag.to_owned(), digest: digest.to_owned() };
            let chart = Chart::of(&participant);
            let set = set.replace("DIGEST", B);
            for helm in Helm::both() {
                let objects = helm.objects(&chart, &["--set", &set]);
                assert_eq!(objects.image(), format!("{repository}{expected}"), "{tag} {digest} --set {set}");
            }
        }
    }
    let mut participant = plan(Role::Server, Target::V2_8);
    participant.parent.image.tag = String::new();
    let tree = flare_helm_chart::render(&participant, "");
    assert!(std::str::from_utf8(tree.bytes("Chart.yaml").unwrap()).unwrap().contains("appVersion: \"latest\""));
}

#[test]
fn defect_11_a_new_kit_is_a_new_pod_template() {
    for (role, target) in releases() {
        let template = |fingerprint: &str| {
            let chart = Chart::write(&flare_helm_chart::render(&plan(role, target), fingerprint));
            Helm::v3().objects(&chart, &[]).at("Deployment/spec/template")
        };
        let (old, new) = (template("1111"), template("1e3"));
        assert_eq!(old["metadata"]["annotations"], json!({"flare-kube/kit-fingerprint": "1111"}));
        assert_eq!(new["metadata"]["annotations"], json!({"flare-kube/kit-fingerprint": "1e3"}));
        assert_eq!(old["spec"], new["spec"]);
    }
}

#[test]
fn defect_19_pod_and_binding_name_one_service_account() {
    for (role, target) in releases() {
        let chart = Chart::of(&plan(role, target));
        let own = plan(role, target).names.deployment.as_str().to_owned();
        for (set, created, pod, subject) in [
            ("rbac.create=true", json!(own), json!(own), json!(own)),
            ("serviceAccount.name=sa", json!("sa"), json!("sa"), json!("sa")),
            ("serviceAccount.create=false,serviceAccount.name=sa", Value::Null, json!("sa"), json!("sa")),
            ("serviceAccount.create=false", Value::Null, Value::Null, json!("default")),
        ] {
            let objects = Helm::v3().objects(&chart, &["--set", set]);
            assert_eq!(objects.at("ServiceAccount/metadata/name"), created, "{set}");
            assert_eq!(objects.at("pod/serviceAccountName"), pod, "{set}");
            assert_eq!(
                objects.at("RoleBinding/subjects"),
                json!([{"kind": "ServiceAccount", "name": subject, "namespace": "nvflare"}]),
                "{set}"
            );
        }
    }
}

#[test]
fn defect_22_both_roles_of_both_targets_can_be_placed_on_nodes() {
    for (role, target) in releases() {
        let objects = Helm::v3().objects(&Chart::of(&plan(role, target)), &["--set", "nodeSelector.a=b,tolerations[0].key=k"]);
        assert_eq!(objects.at("pod/nodeSelector"), json!({"a": "b"}));
        assert_eq!(objects.at("pod/tolerations"), json!([{"key": "k"}]));
    }
}

#[test]
fn defect_25_the_parent_is_not_process_1() {
    for (role, target) in releases() {
        assert_eq!(Helm::v3().objects(&Chart::of(&plan(role, target)), &[]).at("pod/shareProcessNamespace"), json!(true));
    }
}

#[test]
fn defect_26_startup_and_readiness_but_no_liveness() {
    let asks = |port: u16| json!({"periodSeconds": 10, "timeoutSeconds": 2, "tcpSocket": {"port": port}});
    for (role, target, readiness) in [
        (Role::Server, Target::V2_8, asks(8002)),
        (Role::Server, Target::V2_9, asks(8102)),
        (Role::Client, Target::V2_8, Value::Null),
        (Role::Client, Target::V2_9, asks(8102)),
    ] {
        let objects = Helm::v3().objects(&Chart::of(&plan(role, target)), &[]);
        assert_eq!(objects.at("container/startupProbe/tcpSocket"), json!({"port": 8102}));
        assert_eq!(objects.at("container/readinessProbe"), readiness);
        assert_eq!(objects.at("container/livenessProbe"), Value::Null);
    }
}

#[test]
fn defect_32_every_chart_mounts_staged_objects() {
    let staged = json!({"workspaceConfig": {
        "namespace": "nvflare",
        "local": {"configMapName": "c", "items": [{"key": "f0000-1", "path": "resources.json.default"}]},
        "startup": {"secretName": "1e3", "items": [{"key": "f0000-2", "path": "no"}]}}});
    for (role, target) in releases() {
        let objects = Helm::v3().objects_with(&Chart::of(&plan(role, target)), &staged, &[]);
        assert_eq!(
            objects.at("pod/volumes/1"),
            json!({"name": "workspace-local", "configMap": {"name": "c", "items": [{"key": "f0000-1", "path": "resources.json.default"}]}})
        );
        assert_eq!(
            objects.at("pod/volumes/2"),
            json!({"name": "workspace-startup", "secret": {"secretName": "1e3", "items": [{"key": "f0000-2", "path": "no"}]}})
        );
        assert_eq!(
            objects.at("container/volumeMounts/1"),
            json!({"name": "workspace-local", "mountPath": "/var/tmp/nvflare/workspace/local", "readOnly": true})
        );
        assert_eq!(
            objects.at("container/volumeMounts/2"),
            json!({"name": "workspace-startup", "mountPath": "/var/tmp/nvflare/workspace/startup", "readOnly": true})
        );
    }
}

#[test]
fn the_role_grants_what_the_launcher_of_its_release_asks_for() {
    let pods = json!({"apiGroups": [""], "resources": ["pods"], "verbs": ["create", "delete", "get", "list", "watch"]});
    let events = json!({"apiGroups": [""], "resources": ["events"], "verbs": ["get", "list", "watch"]});
    let secrets = |verbs: &[&str]| json!({"apiGroups": [""], "resources": ["secrets"], "verbs": verbs});
    for (role, target) in releases() {
        let expected = match target {
            Target::V2_8 => json!([pods, secrets(&["create", "get", "update"])]),
            Target::V2_9 => json!([pods, events, secrets(&["create", "get", "update", "patch", "delete"])]),
        };
        assert_eq!(Helm::v3().objects(&Chart::of(&plan(role, target)), &[]).at("Role/rules"), expected);
    }
}

#[test]
fn a_server_whose_admins_use_the_fl_port_has_no_admin_port() {
    let mut participant = plan(Role::Server, Target::V2_8);
    participant.ports = Ports::Server { fl: 8002, admin: None, parent: 8102 };
    let objects = Helm::v3().objects(&Chart::of(&participant), &[]);
    assert_eq!(objects.at("Service/spec/ports").as_array().unwrap().len(), 2);
}

//! The whole chart: its files, what both Helms render from them, and whether that is valid by Kubernetes' schemas.

use flare_names::{Role, Target};
use serde_json::{Value, json};

use crate::support::{Chart, Helm, Objects, plan, releases};

#[test]
fn every_file_is_as_reviewed() {
    let common = ["Chart.yaml", "values.yaml", "templates/role.yaml"];
    let server = flare_helm_chart::render(&plan(Role::Server, Target::V2_8), "4f53cda1");
    for (role, target) in releases() {
        let tree = flare_helm_chart::render(&plan(role, target), "4f53cda1");
        for (path, entry) in tree.iter() {
            let flare_file_tree::Entry::File { mode, .. } = entry else { continue };
            assert_eq!(*mode, 0o644, "{path}");
            let path = path.to_string();
            let text = std::str::from_utf8(tree.bytes(&path).unwrap()).unwrap();
            assert!(text.ends_with('\n') && !text.contains(" \n"), "{path} has no line end, or spaces before one");
            if common.contains(&path.as_str()) {
                insta::assert_snapshot!(format!("{role}-{target}-{}", path.replace('/', "-")), text);
            } else if role == flare_names::Role::Client && server.bytes(&path) == tree.bytes(&path) {
                // The same file as in the server's chart, which has its own snapshot.
            } else if target == flare_names::Target::V2_8 && path != "README.md" {
                insta::assert_snapshot!(format!("{role}-{}", path.replace('/', "-")), text);
            }
        }
        insta::assert_snapshot!(
            format!("{role}-{target}-README.md"),
            std::str::from_utf8(tree.bytes("README.md").unwrap()).unwrap()
        );
    }
}

#[test]
fn both_helms_render_the_reviewed_manifests() {
    for (role, target) in releases() {
        let chart = Chart::of(&plan(role, target));
        let text = Helm::v3().template(&chart, &[]).unwrap();
        insta::assert_snapshot!(format!("{role}-{target}-manifests"), text);
        assert_eq!(Objects::parse(&text), Helm::v4().objects(&chart, &[]), "{role} {target}");
    }
}

#[test]
fn lint_finds_nothing() {
    for (role, target) in releases() {
        let chart = Chart::of(&plan(role, target));
        for helm in Helm::both() {
            let report = helm.run(&["lint", "--strict", chart.path().to_str().unwrap()]).unwrap();
            assert!(report.contains("0 chart(s) failed"), "{report}");
            assert!(!report.contains("[WARNING]") && !report.contains("[ERROR]"), "{report}");
        }
    }
}

#[test]
fn a_closed_schema_lets_an_umbrella_chart_in() {
    for (role, target) in releases() {
        let chart = Chart::of(&plan(role, target));
        for helm in Helm::both() {
            helm.objects_with(&chart, &json!({"global": {"anything": 1}}), &[]);
        }
    }
}

/// Values that enable everything at once.
fn everything(server: bool) -> Value {
    let mut values = json!({
        "image": {"registry": "mirror.example.com", "digest": format!("sha256:{}", "a".repeat(64))},
        "imagePullSecrets": [{"name": "registry"}],
        "serviceAccount": {"name": "parent", "annotations": {"example.com/role": "arn"}},
        "podAnnotations": {"example.com/a": "1"}, "podLabels": {"team": "a"}, "kitFingerprint": "4f53",
        "securityContext": {"fsGroupChangePolicy": "OnRootMismatch", "runAsUser": 1_000_700_000},
        "containerSecurityContext": {"readOnlyRootFilesystem": true}, "securityProfile": "restricted",
        "terminationGracePeriodSeconds": 5,
        "resources": {"limits": {"cpu": 2, "memory": "8Gi", "nvidia.com/gpu": 1}},
        "extraEnv": [{"name": "A", "value": "no"}],
        "livenessProbe": {"exec": {"command": ["true"]}, "periodSeconds": 60},
        "nodeSelector": {"kubernetes.io/os": "linux"},
        "tolerations": [{"key": "gpu", "operator": "Exists", "effect": "NoSchedule"}],
        "affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [
            {"matchExpressions": [{"key": "zone", "operator": "In", "values": ["a"]}]}]}}},
        "priorityClassName": "high",
        "workspaceConfig": {"namespace": "nvflare",
            "local": {"configMapName": "local", "items": [{"key": "f0000", "path": "resources.json"}]},
            "startup": {"secretName": "startup", "items": [{"key": "f0000", "path": "client.key", "mode": 256}]}},
        "networkPolicy": {"enabled": true,
            "extraIngress": [{"from": [{"namespaceSelector": {}}]}], "extraEgress": [{"to": [{"ipBlock": {"cidr": "10.0.0.0/8"}}]}]},
        "podDisruptionBudget": {"enabled": true, "maxUnavailable": 1},
        "service": {"annotations": {"example.com/a": "b"}},
    });
    if server {
        values["tcpConfigMapEnabled"] = json!(true);
        values["service"] = json!({"type": "LoadBalancer", "loadBalancerIP": "192.0.2.1", "loadBalancerClass": "example.com/lb",
            "loadBalancerSourceRanges": ["192.0.2.0/24"], "externalTrafficPolicy": "Local"});
        values["networkPolicy"]["clients"] = json!([{"ipBlock": {"cidr": "192.0.2.0/24"}}]);
    }
    values
}

#[test]
fn kubernetes_own_schemas_take_every_object() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/kubernetes-schemas/kubernetes-1.34.4.json");
    let document: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let check = |object: &Value| {
        let kind = format!("{}/{}", object["apiVersion"].as_str().unwrap(), object["kind"].as_str().unwrap());
        assert!(document["definitions"].get(&kind).is_some(), "no schema for {kind}");
        let mut schema = document.clone();
        schema["$ref"] = json!(format!("#/definitions/{}", kind.replace('/', "~1")));
        let validator = jsonschema::validator_for(&schema).unwrap();
        let faults: Vec<_> = validator.iter_errors(object).map(|fault| format!("{}: {fault}", fault.instance_path())).collect();
        assert!(faults.is_empty(), "{kind}: {faults:#?}\n{object:#}");
    };
    for (role, target) in releases() {
        let chart = Chart::of(&plan(role, target));
        let server = role == flare_names::Role::Server;
        Helm::v3().objects(&chart, &[]).0.iter().for_each(check);
        let everything = everything(server);
        let objects = Helm::v3().objects_with(&chart, &everything, &[]);
        assert_eq!(objects.0.len(), if server { 8 } else { 7 });
        objects.0.iter().for_each(check);
        assert_eq!(objects, Helm::v4().objects_with(&chart, &everything, &[]));
    }
    let mut broken = Helm::v3().objects(&Chart::of(&plan(Role::Server, Target::V2_8)), &[]).get("Deployment").clone();
    broken["spec"]["template"]["spec"]["nodeSelectr"] = json!({});
    assert!(std::panic::catch_unwind(|| check(&broken)).is_err(), "the schemas are open");
}

#[test]
fn the_values_file_keeps_its_own_schema_and_comments_every_value() {
    for (role, target) in releases() {
        let tree = flare_helm_chart::render(&plan(role, target), "");
        let text = std::str::from_utf8(tree.bytes("values.yaml").unwrap()).unwrap();
        let values: Value = serde_yaml::from_str(text).unwrap();
        let schema = flare_helm_chart::values_schema(role);
        assert_eq!(schema, serde_json::from_slice::<Value>(tree.bytes("values.schema.json").unwrap()).unwrap());
        let validator = jsonschema::validator_for(&schema).unwrap();
        assert!(validator.is_valid(&values), "{role} {target}");
        check_descriptions(&schema, &values, "");
    }
}

/// Checks that every property has a description, and every value a property.
fn check_descriptions(schema: &Value, values: &Value, path: &str) {
    let Some(properties) = schema["properties"].as_object() else { return };
    assert_eq!(schema["additionalProperties"], json!(false), "`{path}` is open");
    for (name, property) in properties {
        assert!(property["description"].as_str().is_some_and(|text| text.ends_with('.')), "`{path}.{name}` has no description");
        if name != "global" {
            assert!(values.get(name).is_some(), "`{path}.{name}` is not in values.yaml");
            check_descriptions(property, &values[name], &format!("{path}.{name}"));
        }
    }
}

#[test]
fn notes_say_the_next_command_and_warn_where_values_left_the_kit() {
    for (role, target) in releases() {
        let chart = Chart::of(&plan(role, target));
        chart.print_notes();
        let notes = |arguments: &[&str]| {
            let [old, new] =
                Helm::both().map(|helm| helm.objects(&chart, arguments).at("Notes/text").as_str().unwrap().to_owned());
            assert_eq!(old, new);
            old
        };
        let plain = notes(&[]);
        assert!(plain.contains("kubectl --namespace nvflare rollout status deployment/"), "{plain}");
        assert!(!plain.contains("WARNING"), "{plain}");
        let warned = notes(&["--namespace", "other", "--set", "persistence.workspace.mountPath=/w,serviceAccount.create=false"]);
        for part in [
            "the release's namespace is other, but the kit was prepared for nvflare",
            "mountPath is /w",
            "args do not name",
            "serviceAccount.name",
        ] {
            assert!(warned.contains(part), "{part}: {warned}");
        }
    }
}

#[test]
fn chart_and_version_label_objects_and_never_a_pod() {
    for (role, target) in releases() {
        let mut participant = plan(role, target);
        for (tag, version) in [("2.8.3", json!("2.8.3")), ("_9.", json!("9")), ("___", Value::Null), ("", json!("latest"))] {
            tag.clone_into(&mut participant.parent.image.tag);
            let objects = Helm::v4()
                .objects(&Chart::of(&participant), &["--set", "podDisruptionBudget.enabled=true,networkPolicy.enabled=true"]);
            for object in &objects.0 {
                let labels = &object["metadata"]["labels"];
                assert_eq!(labels["helm.sh/chart"], json!(format!("nvflare-{role}-0.1.0")), "{object}");
                assert_eq!(labels["app.kubernetes.io/version"], version, "{object}");
            }
            let pod = objects.at("Deployment/spec/template/metadata/labels");
            let mut keys: Vec<&str> = pod.as_object().unwrap().keys().map(String::as_str).collect();
            keys.sort_unstable();
            assert_eq!(keys, ["app.kubernetes.io/instance", "app.kubernetes.io/managed-by", "app.kubernetes.io/name"]);
        }
    }
    let mut participant = plan(Role::Server, Target::V2_8);
    participant.parent.image.tag = "1".repeat(128);
    let objects = Helm::v3().objects(&Chart::of(&participant), &[]);
    assert_eq!(objects.at("Service/metadata/labels/app.kubernetes.io~1version"), json!("1".repeat(63)));
}

/// `tests/upgrade/reference.json` lists the immutable fields of charts that the reference made.
#[test]
fn a_release_of_the_references_chart_is_upgraded_in_place() {
    let reference: Value = serde_json::from_str(include_str!("../upgrade/reference.json")).unwrap();
    for (role, target) in releases() {
        let objects = Helm::v3().objects(&Chart::of(&plan(role, target)), &[]);
        let ours: Vec<Value> = objects
            .0
            .iter()
            .map(|object| {
                json!({"kind": object["kind"], "name": object["metadata"]["name"], "selector": object["spec"]["selector"],
                    "roleRef": object.get("roleRef")})
            })
            .collect();
        assert_eq!(Value::Array(ours), reference[format!("{role}-{target}")], "{role} {target}");
    }
}

//! What the schema and the templates refuse, in both Helms.

use flare_names::{Role, Target};
use serde_json::{Value, json};

use crate::support::{Chart, Helm, plan};

fn check(role: Role, values: &Value, expected: &str) {
    let chart = Chart::of(&plan(role, Target::V2_8));
    for helm in Helm::both() {
        let message = helm.refusal(&chart, values);
        assert!(message.contains(expected), "helm {} on {values}: {message}", helm.version);
    }
}

#[test]
fn a_typo_is_refused_at_every_level() {
    for (role, values) in [
        (Role::Server, json!({"nme": "x"})),
        (Role::Server, json!({"siteName": "x"})),
        (Role::Client, json!({"fedLearnPort": 1})),
        (Role::Client, json!({"service": {"type": "ClusterIP"}})),
    ] {
        check(role, &values, "additional properties");
    }
    for block in [
        json!({"image": {"tga": ""}}),
        json!({"serviceAccount": {"creat": true}}),
        json!({"rbac": {"creat": true}}),
        json!({"persistence": {"workspce": {}}}),
        json!({"persistence": {"workspace": {"claim": "a"}}}),
        json!({"workspaceConfig": {"lcal": {}}}),
        json!({"workspaceConfig": {"local": {"secretName": "a"}}}),
        json!({"workspaceConfig": {"startup": {"configMapName": "a"}}}),
        json!({"workspaceConfig": {"startup": {"items": [{"key": "a", "path": "b", "mod": 1}]}}}),
        json!({"imagePullSecrets": [{"nam": "a"}]}),
        json!({"networkPolicy": {"enable": true}}),
        json!({"podDisruptionBudget": {"minAvailable": 1}}),
        json!({"service": {"annotation": {}}}),
    ] {
        check(Role::Client, &block, "additional properties");
    }
}

#[test]
fn a_wrong_kind_is_refused_with_its_place() {
    for (values, place) in [
        (json!({"name": true}), "/name"),
        (json!({"image": {"tag": 1.5}}), "/image/tag"),
        (json!({"image": {"digest": "latest"}}), "/image/digest"),
        (json!({"image": {"pullPolicy": "always"}}), "/image/pullPolicy"),
        (json!({"fedLearnPort": "8002"}), "/fedLearnPort"),
        (json!({"fedLearnPort": 0}), "/fedLearnPort"),
        (json!({"adminPort": 65536}), "/adminPort"),
        (json!({"serviceName": "Not_Valid"}), "/serviceName"),
        (json!({"service": {"type": "ExternalName"}}), "/service/type"),
        (json!({"securityProfile": "none"}), "/securityProfile"),
        (json!({"hostPortEnabled": "yes"}), "/hostPortEnabled"),
        (json!({"command": "python"}), "/command"),
        (json!({"tolerations": {}}), "/tolerations"),
        (json!({"terminationGracePeriodSeconds": -1}), "/terminationGracePeriodSeconds"),
        (json!({"podDisruptionBudget": {"maxUnavailable": "half"}}), "/podDisruptionBudget/maxUnavailable"),
        (json!({"networkPolicy": {"apiServerPorts": [0]}}), "/networkPolicy/apiServerPorts/0"),
    ] {
        check(Role::Server, &values, place);
    }
    check(Role::Server, &json!({"image": null}), "missing property 'image'");
    check(Role::Client, &json!({"persistence": {"workspace": null}}), "missing property 'workspace'");
}

#[test]
fn contradictions_are_refused_with_a_sentence() {
    for (values, sentence) in [
        (json!({"parentPort": 8002}), "fedLearnPort and parentPort are both 8002"),
        (json!({"adminPort": 8002}), "set adminPort to null"),
        (json!({"fedLearnPort": 8102, "adminPort": null}), "fedLearnPort and parentPort are both 8102"),
        (json!({"fedLearnPort": null}), "fedLearnPort is empty"),
        (json!({"parentPort": null}), "parentPort is empty"),
        (json!({"image": {"repository": ""}}), "image.repository is empty"),
        (json!({"persistence": {"workspace": {"claimName": ""}}}), "persistence.workspace.claimName is empty"),
        (json!({"persistence": {"workspace": {"mountPath": null}}}), "persistence.workspace.mountPath is empty"),
        (json!({"livenessProbe": {"periodSeconds": 5}}), "livenessProbe has no handler"),
        (json!({"podLabels": {"app.kubernetes.io/name": "x"}}), "podLabels sets app.kubernetes.io/name"),
        (json!({"securityProfile": "restricted", "securityContext": {"runAsUser": 0}}), "securityContext.runAsUser is 0"),
        (
            json!({"securityProfile": "openshift", "containerSecurityContext": {"runAsNonRoot": false}}),
            "containerSecurityContext.runAsNonRoot is false",
        ),
        (json!({"securityProfile": "restricted", "hostPortEnabled": true}), "allows no ports of the node"),
    ] {
        check(Role::Server, &values, sentence);
    }
    check(Role::Client, &json!({"port": null}), "port is empty");
    let mut participant = plan(Role::Client, Target::V2_8);
    participant.parent.security_context = serde_json::from_value(json!({"seLinuxOptions": {"level": "\u{7f}"}})).unwrap();
    let message = Helm::v3().template(&Chart::of(&participant), &[]).unwrap_err();
    assert!(message.contains("cannot be written as YAML"), "{message}");
}

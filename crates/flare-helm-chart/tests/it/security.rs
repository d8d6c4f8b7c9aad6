//! Security contexts in each combination (defect 16).

use flare_names::{Role, Target};
use serde_json::{Value, json};

use crate::support::{Chart, Helm, ROLES, plan};

const ADDED: [&str; 4] = ["CHOWN", "DAC_OVERRIDE", "FOWNER", "NET_BIND_SERVICE"];

/// Pod and container context for a values file.
fn contexts(role: Role, values: &Value) -> (Value, Value) {
    let chart = Chart::of(&plan(role, Target::V2_8));
    let objects = Helm::v3().objects_with(&chart, values, &[]);
    assert_eq!(objects, Helm::v4().objects_with(&chart, values, &[]), "{values}");
    (objects.at("pod/securityContext"), objects.at("container/securityContext"))
}

fn container(add: &[&str]) -> Value {
    let mut context = json!({"allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]}, "seccompProfile": {"type": "RuntimeDefault"}});
    if !add.is_empty() {
        context["capabilities"]["add"] = json!(add);
    }
    context
}

/// The rules of Pod Security `restricted` (1.34) that a pod of this chart could break.
fn passes_restricted(pod: &Value, container: &Value) -> bool {
    let either = |key: &str| container.get(key).or_else(|| pod.get(key)).cloned().unwrap_or_default();
    let capabilities = &container["capabilities"];
    let added = capabilities["add"].as_array().cloned().unwrap_or_default();
    either("runAsNonRoot") == json!(true)
        && either("runAsUser") != json!(0)
        && container["allowPrivilegeEscalation"] == json!(false)
        && capabilities["drop"].as_array().is_some_and(|drop| drop.contains(&json!("ALL")))
        && added.iter().all(|capability| capability == "NET_BIND_SERVICE")
        && matches!(either("seccompProfile")["type"].as_str(), Some("RuntimeDefault" | "Localhost"))
}

#[test]
fn defect_16_the_default_lets_root_read_a_strangers_files() {
    for role in ROLES {
        let (pod, context) = contexts(role, &json!({}));
        assert_eq!(pod, Value::Null);
        assert_eq!(context, container(&ADDED));
    }
}

#[test]
fn defect_16_one_value_passes_pod_security_restricted() {
    let ids = json!({"runAsNonRoot": true, "runAsUser": 10001, "runAsGroup": 10001, "fsGroup": 10001});
    for role in ROLES {
        let (pod, context) = contexts(role, &json!({"securityProfile": "restricted"}));
        assert_eq!(pod, ids);
        assert_eq!(context, container(&["NET_BIND_SERVICE"]));
        assert!(passes_restricted(&pod, &context));
    }
}

#[test]
fn openshift_gets_no_id_from_the_chart() {
    for role in ROLES {
        let (pod, context) = contexts(role, &json!({"securityProfile": "openshift"}));
        assert_eq!(pod, json!({"runAsNonRoot": true}));
        assert!(passes_restricted(&pod, &context));
    }
}

#[test]
fn defect_16_the_users_own_context_is_never_overruled() {
    let own =
        json!({"runAsUser": 1_000_700_000, "fsGroup": 0, "seccompProfile": {"type": "Localhost", "localhostProfile": "a.json"}});
    let (pod, context) = contexts(Role::Server, &json!({"securityContext": own}));
    assert_eq!(pod, own);
    assert_eq!(
        context,
        json!({"allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"], "add": ["NET_BIND_SERVICE"]}})
    );

    let (pod, context) = contexts(Role::Server, &json!({"securityContext": own, "securityProfile": "restricted"}));
    assert_eq!(pod["runAsUser"], json!(1_000_700_000));
    assert_eq!(pod["fsGroup"], json!(0));
    assert_eq!(pod["runAsGroup"], json!(10001));
    assert!(passes_restricted(&pod, &context));
}

#[test]
fn a_pod_that_its_user_made_non_root_passes_restricted_without_a_profile() {
    for own in [json!({"runAsNonRoot": true}), json!({"runAsNonRoot": true, "runAsUser": 1000, "fsGroup": 1000})] {
        let (pod, context) = contexts(Role::Client, &json!({"securityContext": own}));
        assert_eq!(pod, own);
        assert!(passes_restricted(&pod, &context));
    }
    let (_, context) = contexts(Role::Client, &json!({"securityContext": {"runAsUser": 0}}));
    assert_eq!(context["capabilities"]["add"], json!(ADDED));
    let (_, context) =
        contexts(Role::Client, &json!({"securityContext": {"runAsUser": 5}, "containerSecurityContext": {"runAsUser": 0}}));
    assert_eq!(context["capabilities"]["add"], json!(ADDED));
}

#[test]
fn each_key_can_be_taken_away() {
    for (values, pointer) in [
        (json!({"containerSecurityContext": {"allowPrivilegeEscalation": null}}), "/allowPrivilegeEscalation"),
        (json!({"containerSecurityContext": {"capabilities": null}}), "/capabilities"),
        (json!({"containerSecurityContext": {"capabilities": {"add": null}}}), "/capabilities/add"),
        (json!({"containerSecurityContext": {"seccompProfile": null}}), "/seccompProfile"),
        (json!({"containerSecurityContext": null}), ""),
    ] {
        let (_, context) = contexts(Role::Server, &values);
        assert!(context.pointer(pointer).is_none_or(Value::is_null), "{values}: {context}");
    }
    let (pod, _) = contexts(Role::Server, &json!({"securityProfile": "restricted", "securityContext": {"fsGroup": null}}));
    assert_eq!(pod, json!({"runAsNonRoot": true, "runAsUser": 10001, "runAsGroup": 10001}));
    let (pod, _) = contexts(Role::Server, &json!({"securityProfile": null}));
    assert_eq!(pod, Value::Null);
}

#[test]
fn a_low_port_stays_open_to_a_parent_that_is_not_root() {
    let values = json!({"fedLearnPort": 443, "securityProfile": "restricted"});
    let (pod, _) = contexts(Role::Server, &values);
    assert_eq!(pod["sysctls"], json!([{"name": "net.ipv4.ip_unprivileged_port_start", "value": "0"}]));
    let (pod, _) = contexts(Role::Server, &json!({"securityProfile": "restricted"}));
    assert_eq!(pod.get("sysctls"), None);
}

#[test]
fn a_read_only_root_gets_a_writable_tmp() {
    let chart = Chart::of(&plan(Role::Client, Target::V2_8));
    let objects = Helm::v3().objects(&chart, &["--set", "containerSecurityContext.readOnlyRootFilesystem=true"]);
    assert_eq!(objects.at("pod/volumes/1"), json!({"name": "tmp", "emptyDir": {}}));
    assert_eq!(objects.at("container/volumeMounts/1"), json!({"name": "tmp", "mountPath": "/tmp"}));
}

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
    let (_, context) = contexts(
        Role::Client,
        &json!({"securityContext": {"runAsUser": 5}, "containerSecurityContext": {"capabilities": {"add": ["CHOWN", "SYS_PTRACE"]}}}),
    );
    assert_eq!(context["capabilities"]["add"], json!(["SYS_PTRACE"]), "what the user added stays");
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

/// The helper pod of `stage` follows the same rows.
#[test]
fn each_row_of_the_fixture_is_what_the_chart_renders() {
    let rows: Vec<Value> = serde_json::from_str(include_str!("../../../../fixtures/security/contexts.json")).unwrap();
    let chart = Chart::of(&plan(Role::Server, Target::V2_8));
    for (row, helm) in rows.iter().flat_map(|row| Helm::both().map(|helm| (row, helm))) {
        let arguments = if row["openshift"] == json!(true) { &OPENSHIFT[..] } else { &[] };
        let objects = helm.objects_with(&chart, &row["values"], arguments);
        let pod = Some(objects.at("pod/securityContext")).filter(|context| !context.is_null());
        assert_eq!(pod.unwrap_or_else(|| json!({})), row["pod"], "helm {}: {}", helm.version, row["values"]);
        assert_eq!(objects.at("container/securityContext"), row["container"], "helm {}: {}", helm.version, row["values"]);
    }
}

/// The arguments with which `helm template` simulates OpenShift.
const OPENSHIFT: [&str; 2] = ["--api-versions", "security.openshift.io/v1"];

#[test]
fn defect_37_openshift_is_recognised() {
    for role in ROLES {
        let chart = Chart::of(&plan(role, Target::V2_8));
        for helm in Helm::both() {
            let values = |profile: &str| json!({"securityProfile": profile});
            let automatic = helm.objects(&chart, &OPENSHIFT);
            assert_eq!(automatic.at("pod/securityContext"), json!({"runAsNonRoot": true}));
            assert_eq!(automatic.at("container/securityContext"), container(&["NET_BIND_SERVICE"]));
            assert_eq!(automatic, helm.objects_with(&chart, &values("openshift"), &[]), "as if it had been chosen");
            assert_eq!(
                automatic,
                helm.objects(&chart, &["--api-versions", "security.openshift.io/v1/SecurityContextConstraints"])
            );
            assert_eq!(automatic, helm.objects(&chart, &[&OPENSHIFT[..], &["--set", "securityProfile=null"]].concat()));
            let elsewhere = helm.objects(&chart, &["--api-versions", "route.openshift.io/v1"]);
            assert_eq!(elsewhere, helm.objects_with(&chart, &values("default"), &[]));
            assert_eq!(elsewhere, helm.objects_with(&chart, &values("default"), &OPENSHIFT), "a choice wins");
        }
    }
}

#[test]
fn defect_37_the_notes_say_the_choice() {
    for role in ROLES {
        let chart = Chart::of(&plan(role, Target::V2_8));
        chart.print_notes();
        for helm in Helm::both() {
            let notes = |arguments: &[&str]| helm.objects(&chart, arguments).at("Notes/text").as_str().unwrap().to_owned();
            for (arguments, line) in [
                (
                    &OPENSHIFT[..],
                    "Security profile: openshift, since the cluster has the API group security.openshift.io (securityProfile is auto).",
                ),
                (
                    &[],
                    "Security profile: default, since the cluster has no API group security.openshift.io (securityProfile is auto).",
                ),
                (&["--set", "securityProfile=restricted"], "Security profile: restricted, as securityProfile says."),
            ] {
                let notes = notes(arguments);
                assert!(notes.lines().any(|found| found == line), "{line}: {notes}");
            }
        }
    }
}

/// Everything in the values that Pod Security `restricted` refuses, and how the refusal names it.
fn contradictions() -> Vec<(Value, &'static str)> {
    let pod = |context: Value| json!({"securityContext": context});
    let container = |context: Value| json!({"containerSecurityContext": context});
    vec![
        (pod(json!({"runAsUser": 0})), "securityContext.runAsUser is 0"),
        (container(json!({"runAsUser": 0})), "containerSecurityContext.runAsUser is 0"),
        (pod(json!({"runAsNonRoot": false})), "securityContext.runAsNonRoot is false"),
        (container(json!({"runAsNonRoot": false})), "containerSecurityContext.runAsNonRoot is false"),
        (pod(json!({"runAsNonRoot": null})), "securityContext.runAsNonRoot was taken away"),
        (pod(json!({"seccompProfile": {"type": "Unconfined"}})), "securityContext.seccompProfile.type is Unconfined"),
        (
            container(json!({"seccompProfile": {"type": "Unconfined"}})),
            "containerSecurityContext.seccompProfile.type is Unconfined",
        ),
        (container(json!({"seccompProfile": null})), "containerSecurityContext.seccompProfile was taken away"),
        (pod(json!({"appArmorProfile": {"type": "Unconfined"}})), "securityContext.appArmorProfile.type is Unconfined"),
        (pod(json!({"seLinuxOptions": {"user": "a"}})), "securityContext.seLinuxOptions.user is a"),
        (container(json!({"seLinuxOptions": {"type": "spc_t"}})), "containerSecurityContext.seLinuxOptions.type is spc_t"),
        (pod(json!({"windowsOptions": {"hostProcess": true}})), "securityContext.windowsOptions.hostProcess is true"),
        (pod(json!({"sysctls": [{"name": "kernel.msgmax", "value": "1"}]})), "securityContext.sysctls sets kernel.msgmax"),
        (container(json!({"privileged": true, "allowPrivilegeEscalation": null})), "containerSecurityContext.privileged is true"),
        (container(json!({"allowPrivilegeEscalation": true})), "containerSecurityContext.allowPrivilegeEscalation is not false"),
        (container(json!({"allowPrivilegeEscalation": null})), "containerSecurityContext.allowPrivilegeEscalation is not false"),
        (container(json!({"capabilities": {"add": ["SYS_ADMIN"]}})), "capabilities.add holds SYS_ADMIN"),
        (container(json!({"capabilities": {"drop": ["NET_RAW"]}})), "capabilities.drop does not hold ALL"),
        (container(json!({"capabilities": null})), "capabilities.drop does not hold ALL"),
        (container(json!({"procMount": "Unmasked"})), "containerSecurityContext.procMount is Unmasked"),
        (json!({"startupProbe": {"tcpSocket": {"port": 1, "host": "192.0.2.1"}}}), "startupProbe.tcpSocket.host is set"),
        (
            json!({"podAnnotations": {"container.apparmor.security.beta.kubernetes.io/a": "unconfined"}}),
            "podAnnotations.container.apparmor.security.beta.kubernetes.io/a is unconfined",
        ),
    ]
}

#[test]
fn a_profile_and_what_contradicts_it_are_refused() {
    let chart = Chart::of(&plan(Role::Server, Target::V2_8));
    let mut cases = contradictions();
    cases.push((json!({"hostPortEnabled": true}), "hostPortEnabled is true (it allows no ports of the node)"));
    for (values, expected) in &cases {
        // Without a profile the same values are accepted.
        Helm::v3().objects_with(&chart, values, &[]);
        for (profile, helm) in [("restricted", Helm::v3()), ("openshift", Helm::v4())] {
            let mut values = values.clone();
            values["securityProfile"] = json!(profile);
            let message = helm.refusal(&chart, &values);
            assert!(message.contains(&format!("securityProfile is {profile}, but")), "{values}: {message}");
            assert!(message.contains(expected), "{values}: {message}");
            assert!(message.contains("or set securityProfile to default"), "{values}: {message}");
        }
    }
    let all = json!({"securityProfile": "restricted", "hostPortEnabled": true, "containerSecurityContext": {"runAsUser": 0, "capabilities": null}});
    let message = Helm::v3().refusal(&chart, &all);
    for part in ["runAsUser is 0", "capabilities.drop", "hostPortEnabled"] {
        assert!(message.contains(part), "all at once: {message}");
    }
}

#[test]
fn defect_37_what_contradicts_the_recognised_profile_says_how_it_was_chosen() {
    let chart = Chart::of(&plan(Role::Server, Target::V2_8));
    for helm in Helm::both() {
        let message = helm.template(&chart, &[&OPENSHIFT[..], &["--set", "securityContext.runAsUser=0"]].concat()).unwrap_err();
        assert!(
            message.contains("securityProfile auto means openshift on this cluster, where securityContext.runAsUser is 0"),
            "{message}"
        );
        assert!(message.contains("set securityProfile to default and give the parent's ServiceAccount"), "{message}");
    }
}

#[test]
fn contexts_that_no_node_starts_are_refused_without_a_profile() {
    let chart = Chart::of(&plan(Role::Client, Target::V2_8));
    for (values, expected) in [
        (json!({"securityContext": {"runAsUser": 0, "runAsNonRoot": true}}), "runAsUser is 0 and runAsNonRoot is true"),
        (
            json!({"securityContext": {"runAsNonRoot": true}, "containerSecurityContext": {"runAsUser": 0}}),
            "runAsUser is 0 and runAsNonRoot is true",
        ),
        (json!({"containerSecurityContext": {"privileged": true}}), "set the latter to null as well"),
        (json!({"securityContext": {"hostNetwork": true}}), "securityContext.hostNetwork is not a field of a security context"),
        (json!({"securityContext": {"privileged": false}}), "set containerSecurityContext.privileged"),
        (json!({"containerSecurityContext": {"fsGroup": 5}}), "set securityContext.fsGroup"),
    ] {
        for helm in Helm::both() {
            let message = helm.refusal(&chart, &values);
            assert!(message.contains(expected), "{values}: {message}");
        }
    }
    check_the_reader();
}

/// Checks that `passes_restricted` refuses what it must.
fn check_the_reader() {
    let pod = json!({"runAsNonRoot": true});
    assert!(passes_restricted(&pod, &container(&["NET_BIND_SERVICE"])));
    assert!(!passes_restricted(&pod, &container(&ADDED)));
    assert!(!passes_restricted(&Value::Null, &container(&[])));
}

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
        (json!({"args": {"a": "b"}}), "/args"),
        (json!({"podDisruptionBudget": {"maxUnavailable": "101%"}}), "/podDisruptionBudget/maxUnavailable"),
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

/// Checks that each value is refused with this message: the value's name and what to do.
fn check_sentences(role: Role, cases: &[(Value, &str)]) {
    let chart = Chart::of(&plan(role, Target::V2_8));
    for (values, sentence) in cases {
        for helm in Helm::both() {
            let message = helm.refusal(&chart, values);
            assert!(message.contains(sentence), "helm {} on {values}: {message}", helm.version);
        }
    }
}

#[test]
fn contradictions_are_refused_with_a_sentence() {
    let cases = [
        (json!({"parentPort": 8002}), "fedLearnPort and parentPort are both 8002"),
        (json!({"adminPort": 8002}), "set adminPort to null"),
        (json!({"fedLearnPort": 8102, "adminPort": null}), "fedLearnPort and parentPort are both 8102"),
        (json!({"fedLearnPort": null}), "fedLearnPort is empty"),
        (json!({"parentPort": null}), "parentPort is empty"),
        (json!({"livenessProbe": {"periodSeconds": 5}}), "livenessProbe has no handler"),
        (json!({"livenessProbe": {"exec": {}, "grpc": {}}}), "livenessProbe has several handlers (exec, grpc): keep one"),
        (json!({"podLabels": {"app.kubernetes.io/name": "x"}}), "podLabels sets app.kubernetes.io/name"),
        (json!({"service": {"loadBalancerClass": "a"}}), "service.type is ClusterIP: set service.type to LoadBalancer"),
        (json!({"service": {"loadBalancerSourceRanges": ["192.0.2.0/24"]}}), "loadBalancerSourceRanges belongs to"),
        (json!({"service": {"externalTrafficPolicy": "Local"}}), "set service.type to NodePort or LoadBalancer"),
        (
            json!({"persistence": {"workspace": {"mountPath": "/tmp"}}, "containerSecurityContext": {"readOnlyRootFilesystem": true}}),
            "mountPath is /tmp, which the chart mounts itself",
        ),
    ];
    check_sentences(Role::Server, &cases);
    check_sentences(Role::Client, &[(json!({"port": null}), "port is empty")]);
    let mut participant = plan(Role::Client, Target::V2_8);
    participant.parent.security_context = serde_json::from_value(json!({"seLinuxOptions": {"level": "\u{7f}"}})).unwrap();
    let message = Helm::v3().template(&Chart::of(&participant), &[]).unwrap_err();
    assert!(message.contains("cannot be written as YAML"), "{message}");
}

#[test]
fn what_the_parent_cannot_do_without_is_asked_for() {
    for role in [Role::Server, Role::Client] {
        check_sentences(
            role,
            &[
                (json!({"args": null}), "args is empty, and the parent does not start without: remove it from your values"),
                (json!({"args": []}), "args is empty"),
                (json!({"image": {"repository": ""}}), "image.repository is empty: name the image"),
                (json!({"persistence": {"workspace": {"claimName": ""}}}), "persistence.workspace.claimName is empty"),
                (json!({"persistence": {"workspace": {"mountPath": null}}}), "persistence.workspace.mountPath is empty"),
                (json!({"imagePullSecrets": [{"name": "a"}, {}]}), "imagePullSecrets[1].name is empty"),
                (json!({"extraEnv": [{"value": "a"}]}), "extraEnv[0] has no name"),
            ],
        );
    }
    check_sentences(Role::Client, &[(json!({"name": "", "siteName": null}), "siteName and name are both empty")]);
}

#[test]
fn an_image_that_would_be_broken_is_refused_and_a_password_never_quoted() {
    let image = |key: &str, text: &str| json!({"image": {key: text}});
    let cases = [
        (
            image("repository", "r.example.com:5000/a:2.8"),
            r#"set image.repository to "r.example.com:5000/a" and image.tag to "2.8""#,
        ),
        (image("repository", "nvflare:2.8.3"), r#"set image.repository to "nvflare" and image.tag to "2.8.3""#),
        (image("repository", "nvflare@sha256:00"), "image.repository holds an `@`: a digest belongs into image.digest"),
        (image("repository", "user:hunter2@r.example.com/a"), "a user and password into a Secret that imagePullSecrets names"),
        (image("registry", "user:hunter2@r.example.com"), "image.registry holds an `@`"),
        (image("repository", "https://r.example.com/a"), "leave out all up to `://`"),
        (image("repository", "r.example.com/NVFlare"), "is not a repository of an image: use lower-case letters"),
        (image("repository", "a//b"), "is not a repository of an image"),
        (image("repository", "a b"), "is not a repository of an image"),
        (image("registry", "mirror.example.com/A"), "is not a registry"),
        (
            json!({"image": {"registry": "m.example.com", "repository": "r.example.com:5000/a"}}),
            "leave that out of image.repository",
        ),
        (image("tag", "2.8@sha256:00"), "a digest belongs into image.digest"),
        (image("tag", ".8"), "image.tag: \".8\" is not a tag"),
        (image("tag", &"a".repeat(129)), "is not a tag"),
        (image("digest", &format!("sha256:{}", "a".repeat(63))), "copy all 64 lower-case hexadecimal digits"),
        (image("digest", &format!("sha512:{}", "A".repeat(128))), "copy all 128 lower-case hexadecimal digits"),
    ];
    check_sentences(Role::Server, &cases);
    let chart = Chart::of(&plan(Role::Server, Target::V2_8));
    for (values, _) in cases {
        assert!(!Helm::v3().refusal(&chart, &values).contains("hunter2"), "{values}");
    }
}

#[test]
fn names_paths_and_amounts_that_kubernetes_refuses_are_named() {
    let workspace = |key: &str, text: &str| json!({"persistence": {"workspace": {key: text}}});
    check_sentences(
        Role::Server,
        &[
            (
                json!({"serviceName": "Not_Valid"}),
                "serviceName: \"Not_Valid\" is not a name of a Service: use lower-case letters",
            ),
            (json!({"serviceName": "a".repeat(64)}), "at most 63"),
            (json!({"serviceAccount": {"name": "My SA"}}), "is not a name of a ServiceAccount"),
            (json!({"imagePullSecrets": [{"name": "A"}]}), "imagePullSecrets[0].name: \"A\" is not a name of a Secret"),
            (json!({"priorityClassName": "high_priority"}), "is not a name of a PriorityClass"),
            (json!({"workspaceConfig": {"namespace": "a.b"}}), "is not a name of a namespace"),
            (json!({"workspaceConfig": {"local": {"configMapName": "A"}}}), "is not a name of a ConfigMap"),
            (json!({"workspaceConfig": {"startup": {"secretName": "A"}}}), "is not a name of a Secret"),
            (
                json!({"workspaceConfig": {"local": {"items": [{"key": "a", "path": "/b"}]}}}),
                "items[0].path: \"/b\" is not a relative path",
            ),
            (json!({"workspaceConfig": {"startup": {"items": [{"key": "a", "path": "b/../c"}]}}}), "has a part `..`"),
            (json!({"workspaceConfig": {"startup": {"items": [{"path": "b"}]}}}), "items[0].key: \"\" is not a key"),
            (
                workspace("claimName", "My_Claim"),
                "is not a name of a PersistentVolumeClaim: use lower-case letters, digits, `-` and `.`",
            ),
            (workspace("volumeName", "a.b"), "is not a name of a volume"),
            (workspace("volumeName", "tmp"), "is the name of another volume of this chart"),
            (workspace("mountPath", "var/tmp"), "is not an absolute path in its shortest form: begin it with one `/`"),
            (workspace("mountPath", "/"), "is not an absolute path"),
            (workspace("mountPath", "/a/"), "is not an absolute path"),
            (workspace("mountPath", "/a:b"), "is not an absolute path"),
            (workspace("mountPath", "/a/../b"), "has a part `..`: write the path without it"),
            (json!({"podLabels": {"a b": "c"}}), "a key of podLabels: \"a b\" is not a key that Kubernetes takes"),
            (json!({"podLabels": {"a": "b c"}}), "podLabels.a: \"b c\" is not a value of a label"),
            (json!({"podLabels": {"a": {"b": "c"}}}), "podLabels.a is not text: with --set, write the dots of a key as"),
            (json!({"nodeSelector": {"a": "-"}}), "nodeSelector.a: \"-\" is not a value of a label"),
            (json!({"podAnnotations": {"a/b/c": "d"}}), "a key of podAnnotations"),
            (json!({"service": {"annotations": {"": "d"}}}), "a key of service.annotations"),
            (json!({"serviceAccount": {"annotations": {"a": ["d"]}}}), "serviceAccount.annotations.a is not text"),
            (json!({"extraEnv": [{"name": "A", "value": 1}]}), "extraEnv[0].value, of A, is not a string: put it in quotes"),
            (json!({"extraEnv": [{"name": "A=B"}]}), "is not a name of an environment variable"),
            (json!({"resources": {"limits": {"memory": "8GB"}}}), "resources.limits.memory: \"8GB\" is not a quantity"),
            (json!({"resources": {"requests": {"cpu": -1}}}), "resources.requests.cpu: \"-1\" is not a quantity"),
            (json!({"resources": {"request": {"cpu": 1}}}), "use requests, limits or claims"),
            (json!({"service": {"type": "LoadBalancer", "loadBalancerSourceRanges": ["192.0.2.0"]}}), "is not an address range"),
            (json!({"service": {"type": "LoadBalancer", "loadBalancerIP": "example.com"}}), "is not an IP address"),
        ],
    );
}

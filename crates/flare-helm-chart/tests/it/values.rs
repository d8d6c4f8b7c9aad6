//! One small case for each value: set it and compare one place of the result.

#![allow(clippy::too_many_lines, reason = "tables")]

use flare_names::{Role, Target};
use serde_json::{Value, json};

use crate::support::{Chart, Helm, plan};

/// The argument of `--set` (several, joined by a comma), a place in the result, and what is expected there.
type Case = (&'static str, &'static str, Value);

fn check(role: Role, cases: &[Case]) {
    let chart = Chart::of(&plan(role, Target::V2_9));
    // One run of Helm for each distinct setting.
    let mut settings: Vec<&str> = cases.iter().map(|case| case.0).collect();
    settings.dedup();
    for setting in settings {
        // Helm 4 reads the same templates; a client's chart has all that both share.
        let helms = if role == Role::Client { Helm::both().to_vec() } else { vec![Helm::v3()] };
        for helm in helms {
            let objects = helm.objects(&chart, &["--set", setting]);
            for (_, place, expected) in cases.iter().filter(|case| case.0 == setting) {
                assert_eq!(&objects.at(place), expected, "helm {}, --set {setting}: {place}", helm.version);
            }
        }
    }
}

fn common() -> Vec<Case> {
    let none = Value::Null;
    vec![
        ("image.repository=r.example.com:5000/a/b", "container/image", json!("r.example.com:5000/a/b:2.9")),
        ("image.tag=20261125", "container/image", json!("registry.example.com/nvflare:20261125")),
        ("image.tag=", "container/image", json!("registry.example.com/nvflare")),
        ("image.tag=null", "container/image", json!("registry.example.com/nvflare")),
        ("image.registry=mirror.example.com/", "container/image", json!("mirror.example.com/registry.example.com/nvflare:2.9")),
        ("image.pullPolicy=Never", "container/imagePullPolicy", json!("Never")),
        (
            "imagePullSecrets[0].name=a,podAnnotations.a=true,podLabels.b=1,priorityClassName=high",
            "pod/imagePullSecrets",
            json!([{"name": "a"}]),
        ),
        (
            "imagePullSecrets[0].name=a,podAnnotations.a=true,podLabels.b=1,priorityClassName=high",
            "Deployment/spec/template/metadata/annotations",
            json!({"a": "true"}),
        ),
        (
            "imagePullSecrets[0].name=a,podAnnotations.a=true,podLabels.b=1,priorityClassName=high",
            "Deployment/spec/template/metadata/labels/b",
            json!("1"),
        ),
        (
            "imagePullSecrets[0].name=a,podAnnotations.a=true,podLabels.b=1,priorityClassName=high",
            "pod/priorityClassName",
            json!("high"),
        ),
        ("serviceAccount.create=false", "ServiceAccount", none.clone()),
        ("serviceAccount.create=false", "pod/serviceAccountName", none.clone()),
        (
            "serviceAccount.annotations.a=b,serviceAccount.automountServiceAccountToken=false",
            "ServiceAccount/metadata/annotations",
            json!({"a": "b"}),
        ),
        (
            "serviceAccount.annotations.a=b,serviceAccount.automountServiceAccountToken=false",
            "ServiceAccount/automountServiceAccountToken",
            json!(false),
        ),
        ("rbac.create=false", "Role", none.clone()),
        ("rbac.create=false", "RoleBinding", none.clone()),
        (
            "securityContext.fsGroup=1000,terminationGracePeriodSeconds=0,shareProcessNamespace=false",
            "pod/securityContext",
            json!({"fsGroup": 1000}),
        ),
        (
            "securityContext.fsGroup=1000,terminationGracePeriodSeconds=0,shareProcessNamespace=false",
            "pod/terminationGracePeriodSeconds",
            json!(0),
        ),
        (
            "securityContext.fsGroup=1000,terminationGracePeriodSeconds=0,shareProcessNamespace=false",
            "pod/shareProcessNamespace",
            json!(false),
        ),
        ("shareProcessNamespace=null,resources=null", "pod/shareProcessNamespace", none.clone()),
        ("shareProcessNamespace=null,resources=null", "container/resources", none.clone()),
        ("resources.limits.cpu=3,extraEnv[0].name=A,extraEnv[0].value=b", "container/resources/limits/cpu", json!(3)),
        ("resources.limits.cpu=3,extraEnv[0].name=A,extraEnv[0].value=b", "container/resources/requests/cpu", json!("2")),
        ("resources.limits.cpu=3,extraEnv[0].name=A,extraEnv[0].value=b", "container/env", json!([{"name": "A", "value": "b"}])),
        ("startupProbe=null,readinessProbe.periodSeconds=7", "container/startupProbe", none.clone()),
        ("startupProbe=null,readinessProbe.periodSeconds=7", "container/readinessProbe/periodSeconds", json!(7)),
        ("readinessProbe=null,livenessProbe.exec.command={ls}", "container/readinessProbe", none.clone()),
        ("readinessProbe=null,livenessProbe.exec.command={ls}", "container/livenessProbe", json!({"exec": {"command": ["ls"]}})),
        ("startupProbe.httpGet.port=80", "container/startupProbe/tcpSocket", none.clone()),
        ("startupProbe.httpGet.port=80", "container/startupProbe/httpGet", json!({"port": 80})),
        (
            "nodeSelector.gpu=true,tolerations[0].operator=Exists,affinity.podAffinity.x=y",
            "pod/nodeSelector",
            json!({"gpu": "true"}),
        ),
        (
            "nodeSelector.gpu=true,tolerations[0].operator=Exists,affinity.podAffinity.x=y",
            "pod/tolerations",
            json!([{"operator": "Exists"}]),
        ),
        (
            "nodeSelector.gpu=true,tolerations[0].operator=Exists,affinity.podAffinity.x=y",
            "pod/affinity",
            json!({"podAffinity": {"x": "y"}}),
        ),
        (
            "persistence.workspace.claimName=123,persistence.workspace.volumeName=w,persistence.workspace.mountPath=/w",
            "pod/volumes",
            json!([{"name": "w", "persistentVolumeClaim": {"claimName": "123"}}]),
        ),
        (
            "persistence.workspace.claimName=123,persistence.workspace.volumeName=w,persistence.workspace.mountPath=/w",
            "container/volumeMounts",
            json!([{"name": "w", "mountPath": "/w"}]),
        ),
        ("workspaceConfig=null", "pod/volumes", json!([{"name": "workspace", "persistentVolumeClaim": {"claimName": "nvflws"}}])),
        ("service.annotations.a=1e3,command={a,1},kitFingerprint=77", "Service/metadata/annotations", json!({"a": "1e3"})),
        ("service.annotations.a=1e3,command={a,1},kitFingerprint=77", "container/command", json!(["a", "1"])),
        (
            "service.annotations.a=1e3,command={a,1},kitFingerprint=77",
            "Deployment/spec/template/metadata/annotations",
            json!({"flare-kube/kit-fingerprint": "77"}),
        ),
        (
            "podDisruptionBudget.enabled=true,podDisruptionBudget.maxUnavailable=1",
            "PodDisruptionBudget/spec/maxUnavailable",
            json!(1),
        ),
        (
            "networkPolicy.enabled=true,networkPolicy.apiServerPorts={6443}",
            "NetworkPolicy/spec/egress/1",
            json!({"ports": [{"protocol": "TCP", "port": 6443}]}),
        ),
    ]
}

#[test]
fn each_value_of_both_roles() {
    for role in [Role::Server, Role::Client] {
        check(role, &common());
    }
}

#[test]
fn each_value_of_a_server() {
    let none = Value::Null;
    check(
        Role::Server,
        &[
            ("name=hospital", "Deployment/metadata/name", json!("hospital")),
            ("name=hospital", "container/name", json!("hospital")),
            ("name=hospital", "ServiceAccount/metadata/name", json!("hospital")),
            ("name=hospital", "Role/metadata/name", json!("hospital-launcher")),
            ("name=hospital", "RoleBinding/subjects/0/name", json!("hospital")),
            ("name=hospital", "Service/metadata/name", json!("nvflare-server")),
            ("name=hospital", "Service/spec/selector", json!({"app.kubernetes.io/name": "hospital"})),
            ("name=null", "Deployment/metadata/name", json!("nvflare-server")),
            ("name=", "Deployment/metadata/name", json!("nvflare-server")),
            ("serviceName=other,tcpConfigMapEnabled=true", "Service/metadata/name", json!("other")),
            ("serviceName=other,tcpConfigMapEnabled=true", "Deployment/metadata/name", json!("nvflare-server")),
            (
                "serviceName=other,tcpConfigMapEnabled=true",
                "ConfigMap/metadata",
                json!({"name": "nginx-ingress-microk8s-conf", "namespace": "ingress"}),
            ),
            (
                "serviceName=other,tcpConfigMapEnabled=true",
                "ConfigMap/data",
                json!({"8002": "nvflare/other:8002", "8003": "nvflare/other:8003"}),
            ),
            (
                "fedLearnPort=443,parentPort=9000,hostPortEnabled=true",
                "container/ports",
                json!([
            {"containerPort": 443, "hostPort": 443, "protocol": "TCP"}, {"containerPort": 8003, "hostPort": 8003, "protocol": "TCP"},
            {"containerPort": 9000, "protocol": "TCP"}]),
            ),
            (
                "fedLearnPort=443,parentPort=9000,hostPortEnabled=true",
                "Service/spec/ports/0",
                json!({"name": "fl-port", "protocol": "TCP", "port": 443, "targetPort": 443}),
            ),
            (
                "fedLearnPort=443,parentPort=9000,hostPortEnabled=true",
                "Service/spec/ports/2",
                json!({"name": "nvflare-server", "protocol": "TCP", "port": 9000, "targetPort": 9000}),
            ),
            ("fedLearnPort=443,parentPort=9000,hostPortEnabled=true", "container/startupProbe/tcpSocket/port", json!(9000)),
            ("adminPort=null,tcpConfigMapEnabled=true", "Service/spec/ports/1/name", json!("nvflare-server")),
            (
                "adminPort=null,tcpConfigMapEnabled=true",
                "container/ports",
                json!([{"containerPort": 8002, "protocol": "TCP"}, {"containerPort": 8102, "protocol": "TCP"}]),
            ),
            ("adminPort=null,tcpConfigMapEnabled=true", "ConfigMap/data", json!({"8002": "nvflare/nvflare-server:8002"})),
            (
                "service.type=LoadBalancer,service.loadBalancerIP=192.0.2.1,service.externalTrafficPolicy=Local,service.loadBalancerClass=c,service.loadBalancerSourceRanges={192.0.2.0/24}",
                "Service/spec/type",
                json!("LoadBalancer"),
            ),
            (
                "service.type=LoadBalancer,service.loadBalancerIP=192.0.2.1,service.externalTrafficPolicy=Local,service.loadBalancerClass=c,service.loadBalancerSourceRanges={192.0.2.0/24}",
                "Service/spec/loadBalancerIP",
                json!("192.0.2.1"),
            ),
            (
                "service.type=LoadBalancer,service.loadBalancerIP=192.0.2.1,service.externalTrafficPolicy=Local,service.loadBalancerClass=c,service.loadBalancerSourceRanges={192.0.2.0/24}",
                "Service/spec/externalTrafficPolicy",
                json!("Local"),
            ),
            (
                "service.type=LoadBalancer,service.loadBalancerIP=192.0.2.1,service.externalTrafficPolicy=Local,service.loadBalancerClass=c,service.loadBalancerSourceRanges={192.0.2.0/24}",
                "Service/spec/loadBalancerClass",
                json!("c"),
            ),
            (
                "service.type=LoadBalancer,service.loadBalancerIP=192.0.2.1,service.externalTrafficPolicy=Local,service.loadBalancerClass=c,service.loadBalancerSourceRanges={192.0.2.0/24}",
                "Service/spec/loadBalancerSourceRanges",
                json!(["192.0.2.0/24"]),
            ),
            ("service.type=null", "Service/spec/type", none.clone()),
            ("args={a,b}", "container/args", json!(["a", "b"])),
            (
                "networkPolicy.enabled=true,networkPolicy.clients[0].ipBlock.cidr=10.0.0.0/8",
                "NetworkPolicy/spec/ingress/1",
                json!({
            "from": [{"ipBlock": {"cidr": "10.0.0.0/8"}}], "ports": [{"protocol": "TCP", "port": 8002}, {"protocol": "TCP", "port": 8003}]}),
            ),
        ],
    );
}

#[test]
fn each_value_of_a_client() {
    let none = Value::Null;
    check(
        Role::Client,
        &[
            ("siteName=other", "container/args/11", json!("uid=other")),
            ("siteName=", "container/args/11", json!("uid=site-1")),
            ("siteName=null,name=x,serviceName=", "container/args/11", json!("uid=x")),
            ("siteName=null,name=x,serviceName=", "Deployment/metadata/name", json!("x")),
            ("siteName=null,name=x,serviceName=", "Service/metadata/name", json!("x")),
            ("siteName=5", "container/args/11", json!("uid=5")),
            ("name=x", "Deployment/metadata/name", json!("site-1")),
            ("serviceName=other", "Deployment/metadata/name", json!("other")),
            ("serviceName=other", "Service/metadata/name", json!("other")),
            ("serviceName=other", "container/name", json!("other")),
            ("serviceName=other", "RoleBinding/roleRef/name", json!("other-launcher")),
            ("serviceName=,name=", "Deployment/metadata/name", json!("nvflare-client")),
            ("port=9000", "Service/spec/ports", json!([{"protocol": "TCP", "port": 9000, "targetPort": 9000}])),
            ("port=9000", "container/ports", json!([{"containerPort": 9000}])),
            ("port=9000", "container/readinessProbe/tcpSocket/port", json!(9000)),
            ("port=9000", "Service/spec/type", none.clone()),
            ("args={a}", "container/args", json!(["a", "uid=site-1"])),
            (
                "networkPolicy.enabled=true,networkPolicy.serverPort=443",
                "NetworkPolicy/spec/egress/2",
                json!({"ports": [{"protocol": "TCP", "port": 443}]}),
            ),
        ],
    );
}

#[test]
fn what_is_empty_is_left_out() {
    for role in [Role::Server, Role::Client] {
        let objects = Helm::v3().objects(&Chart::of(&plan(role, Target::V2_8)), &["--set", "resources=null"]);
        for field in [
            "imagePullSecrets",
            "securityContext",
            "nodeSelector",
            "affinity",
            "tolerations",
            "priorityClassName",
            "initContainers",
        ] {
            assert_eq!(objects.at(&format!("pod/{field}")), Value::Null, "{role}: {field}");
        }
        for field in ["env", "resources", "livenessProbe"] {
            assert_eq!(objects.at(&format!("container/{field}")), Value::Null, "{role}: {field}");
        }
        for place in [
            "Deployment/spec/template/metadata/annotations",
            "Service/metadata/annotations",
            "ServiceAccount/metadata/annotations",
            "Service/spec/loadBalancerIP",
            "NetworkPolicy",
            "PodDisruptionBudget",
            "ConfigMap",
        ] {
            assert_eq!(objects.at(place), Value::Null, "{role}: {place}");
        }
        for object in &objects.0 {
            assert_eq!(object["metadata"].get("namespace"), None);
        }
    }
}

#[test]
fn a_number_of_a_values_file_stays_as_it_is_written() {
    let values = json!({"name": 20_261_125, "kitFingerprint": 12_345_678, "image": {"tag": 20_261_125},
        "args": [1_000_000], "podAnnotations": {"a": 1_000_000, "b": true, "c": 1.5}, "terminationGracePeriodSeconds": 3_000_000,
        "persistence": {"workspace": {"claimName": 20_261_125}}});
    let chart = Chart::of(&plan(Role::Server, Target::V2_8));
    for helm in Helm::both() {
        let objects = helm.objects_with(&chart, &values, &[]);
        assert_eq!(objects.image(), "registry.example.com/nvflare:20261125");
        assert_eq!(objects.at("Deployment/metadata/name"), json!(flare_names::stable("20261125", 63)));
        assert_eq!(objects.at("container/args"), json!(["1000000"]));
        assert_eq!(objects.at("pod/terminationGracePeriodSeconds"), json!(3_000_000));
        assert_eq!(objects.at("pod/volumes/0/persistentVolumeClaim/claimName"), json!("20261125"));
        assert_eq!(
            objects.at("Deployment/spec/template/metadata/annotations"),
            json!({"a": "1000000", "b": "true", "c": "1.5", "flare-kube/kit-fingerprint": "12345678"})
        );
        let lost = helm.refusal(&chart, &json!({"image": {"tag": 12_345_678_901_234_567_890_u64}}));
        assert!(lost.contains("of which digits are lost: put it in quotes"), "{lost}");
    }
}

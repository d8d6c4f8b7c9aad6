//! `install --expose microk8s` and its end, beside others that use the same ingress.

use integration_tests::cluster::federation::Federation;
use integration_tests::cluster::namespace::Namespace;
use integration_tests::cluster::run::{attempt, succeed, succeed_json};
use integration_tests::helm::helm;
use integration_tests::reference::Release;
use serde_json::{Value, json};

use crate::PROGRAM;

const CONFIG_MAP: &str = "nginx-ingress-tcp-microk8s-conf";
const SERVER: &str = "nvflare-server";

#[test]
fn the_ingress_gets_the_ports_of_a_server_and_keeps_those_of_others() {
    let namespace = Namespace::open("install-microk8s");
    let federation = Federation::provision(Release::V28);
    let prepared = federation.prepare(&namespace, PROGRAM.as_ref()).join(SERVER);
    succeed(namespace.cluster.program(PROGRAM).arg("stage").arg(&prepared).args(["--create-pvc", "1Gi"]));
    let verb = |verb: &str, arguments: &[&str]| {
        let mut command = namespace.cluster.program(PROGRAM);
        command.arg(verb).arg(&prepared).args(["-o", "json"]).args(arguments).env("HELM", helm());
        command
    };
    let install = || verb("install", &["--expose", "microk8s"]);
    let refused = |words: &str| {
        let said = attempt(&mut install(), &[]).expect_err("it is refused");
        assert!(said.contains(words), "{said}");
        let there = succeed(namespace.kubectl().args(["get", "deployments", "--output", "name"]));
        assert_eq!(there, "", "nothing is installed for it");
    };
    refused("OBJECT_NOT_FOUND");

    let ingress = namespace.beside_named("ingress");
    let of_others = |data: Value| {
        ingress.apply(&json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": CONFIG_MAP}, "data": data}));
    };
    let ports = || succeed_json(ingress.kubectl().args(["get", "configmap", CONFIG_MAP, "--output", "json"]))["data"].take();
    of_others(json!({"6379": "default/redis:6379", "8003": "other/server:8003"}));
    refused("other/server:8003");
    assert_eq!(ports(), json!({"6379": "default/redis:6379", "8003": "other/server:8003"}), "nothing was taken");

    of_others(json!({"6379": "default/redis:6379"}));
    for _ in 0..2 {
        let installed = succeed_json(&mut install());
        assert_eq!(installed["data"]["exposed"]["how"], "microk8s", "{installed}");
        let ours = |port: u16| format!("{}/{SERVER}:{port}", namespace.name);
        assert_eq!(ports(), json!({"6379": "default/redis:6379", "8002": ours(8002), "8003": ours(8003)}));
    }
    let removed = succeed_json(&mut verb("uninstall", &[]));
    let removed = removed["data"]["removed"].as_array().expect("a list").clone();
    for port in [8002, 8003] {
        let entry = json!({"kind": "ConfigMap entry", "name": format!("ingress/{CONFIG_MAP}: {port}")});
        assert!(removed.contains(&entry), "{removed:#?}");
    }
    assert_eq!(ports(), json!({"6379": "default/redis:6379"}));
    let again = succeed_json(&mut verb("uninstall", &[]));
    assert_eq!(again["data"]["changed"], false, "{again}");
}

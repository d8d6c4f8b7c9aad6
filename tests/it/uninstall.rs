//! `uninstall` in a simulated cluster, with a program in the place of Helm that knows one release.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    process::Stdio,
    thread::sleep,
    time::{Duration, Instant},
};

use integration_tests::{
    command::{Finished, Sandbox},
    kit::Tree,
    pod_cluster::PodCluster,
    workspace_directory,
};
use serde_json::{Value, json};

const PROGRAM: &str = env!("CARGO_BIN_EXE_flare-kube-under-test");

/// Tells, by a file, when the release was uninstalled.
const HELM: &str = r#"#!/bin/sh
case "$1" in
version) echo v3.20.0 ;;
list) echo '[{"name":"site-1"}]' ;;
history) echo '[{"revision":1,"status":"deployed"}]' ;;
uninstall) touch "$(dirname "$0")/uninstalled" ;;
esac
"#;

const PODS: &str = "/api/v1/namespaces/fl/pods";
const SECRETS: &str = "/api/v1/namespaces/fl/secrets";

/// A cluster with the parent of `site-1`, and a sandbox with its prepared kit as `out`.
fn scene() -> (Sandbox, PodCluster) {
    scene_of("site-1")
}

/// The same of another participant.
fn scene_of(participant: &str) -> (Sandbox, PodCluster) {
    let (sandbox, cluster) = (Sandbox::new(), PodCluster::start());
    cluster.kubeconfig(&sandbox.join("kubeconfig"));
    Tree::read(&workspace_directory().join("fixtures/kits/plain-2.8.3").join(participant)).write(&sandbox.join("kit"));
    let config = "runtime: k8s\nnamespace: fl\nparent: {docker_image: 'registry.example.com/nvflare/nvflare:2.8.3'}\n";
    fs::write(sandbox.join("k8s.yaml"), config).unwrap();
    let _ = sandbox.run(PROGRAM, ["prepare", "kit", "--config", "k8s.yaml", "--output", "out"]).expect_code(0);
    fs::write(sandbox.join("helm"), HELM.replace("site-1", participant)).unwrap();
    fs::set_permissions(sandbox.join("helm"), fs::Permissions::from_mode(0o755)).unwrap();
    let (pod, labels) = (format!("{participant}-7d-x"), json!({"app.kubernetes.io/name": participant}));
    cluster.make(&format!("{PODS}/{pod}"), json!({"metadata": {"name": pod, "labels": labels}, "spec": {"containers": []}}));
    (sandbox, cluster)
}

/// A job pod as FLARE's launcher makes it, with the Secret that its jobs share, for a site's hashed name.
fn launch(cluster: &PodCluster, site: &str) -> [String; 2] {
    let (job, secret) = ("j9c0d6b1e-7a52-4a39-8f0e-1b2c3d4e5f60", format!("nvflare-startup-{site}"));
    let pod = format!("{job}-{site}");
    let spec = json!({"volumes": [{"name": "startup-kit", "secret": {"secretName": secret}}],
        "containers": [{"name": format!("container-{job}"), "image": "fl/run:1"}]});
    cluster.make(&format!("{SECRETS}/{secret}"), json!({"metadata": {"name": secret}}));
    cluster.make(&format!("{PODS}/{pod}"), json!({"metadata": {"name": pod}, "spec": spec}));
    [pod, secret]
}

/// Runs `uninstall`; once Helm has removed the release, `meanwhile` is done, and then the parent's pod ends.
fn uninstall(sandbox: &Sandbox, cluster: &PodCluster, meanwhile: impl FnOnce()) -> Value {
    let mut command = sandbox.command(PROGRAM);
    command.args(["uninstall", "out", "--helm", "./helm", "--kubeconfig", "kubeconfig", "--timeout", "60", "-o", "json"]);
    let run = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let began = Instant::now();
    while !sandbox.join("uninstalled").exists() {
        assert!(began.elapsed() < Duration::from_mins(1), "the release is not uninstalled");
        sleep(Duration::from_millis(20));
    }
    meanwhile();
    assert!(cluster.remove(&format!("{PODS}/site-1-7d-x")).is_some());
    Finished::new(&run.wait_with_output().unwrap(), sandbox.path()).expect_code(0).json()
}

#[test]
fn what_the_parent_launches_until_its_end_is_removed_with_it() {
    let (sandbox, cluster) = scene();
    let mut launched = [String::new(), String::new()];
    let answer = uninstall(&sandbox, &cluster, || launched = launch(&cluster, "site-1-f505dccd"));
    let [pod, secret] = &launched;
    let removed =
        json!([{"kind": "release", "name": "site-1"}, {"kind": "Pod", "name": pod}, {"kind": "Secret", "name": secret}]);
    assert_eq!(answer["data"]["removed"], removed, "{answer}");
    assert_eq!((cluster.names("pods").len(), cluster.names("secrets").len()), (0, 0), "{answer}");
}

#[test]
fn a_pull_secret_that_another_participant_names_stays_with_a_notice() {
    let (sandbox, cluster) = scene();
    let labels = json!({"app.kubernetes.io/managed-by": "flare-kube", "app.kubernetes.io/component": "registry-credentials",
        "flare-kube/participant": "site-1"});
    for name in ["shared", "own"] {
        cluster.make(&format!("{SECRETS}/{name}"), json!({"metadata": {"name": name, "labels": labels}}));
    }
    let template = json!({"spec": {"containers": [], "imagePullSecrets": [{"name": "shared"}]}});
    let other = json!({"metadata": {"name": "site-2"}, "spec": {"selector": {}, "template": template}});
    cluster.make("/apis/apps/v1/namespaces/fl/deployments/site-2", other);
    let answer = uninstall(&sandbox, &cluster, || ());
    assert_eq!(
        answer["data"]["removed"],
        json!([{"kind": "release", "name": "site-1"}, {"kind": "Secret", "name": "own"}]),
        "{answer}"
    );
    assert_eq!(cluster.names("secrets"), ["shared"]);
    let warnings = answer["warnings"].to_string();
    assert!(warnings.contains("`shared`") && warnings.contains("Deployment site-2"), "{warnings}");
}

/// The launchers of all servers give their objects the same names.
#[test]
fn job_pods_of_a_server_stay_with_a_notice_while_another_server_runs_in_the_namespace() {
    let (sandbox, cluster) = scene_of("nvflare-server");
    let [pod, secret] = launch(&cluster, "server-b3eacd33");
    let plan = || {
        let arguments = ["uninstall", "out", "--helm", "./helm", "--kubeconfig", "kubeconfig", "--dry-run", "-o", "json"];
        sandbox.run(PROGRAM, arguments).expect_code(0).json()
    };
    let release = json!({"kind": "release", "name": "nvflare-server"});
    let answer = plan();
    let removed = json!([release, {"kind": "Pod", "name": pod}, {"kind": "Secret", "name": secret}]);
    assert_eq!(answer["data"]["removed"], removed, "{answer}");
    for (name, replicas, is_kept) in [("scaled-down", 0, false), ("other-server", 1, true)] {
        let container = json!({"name": "server", "args": ["-u", "-m", "nvflare.private.fed.app.server.server_train"]});
        let spec = json!({"replicas": replicas, "selector": {}, "template": {"spec": {"containers": [container]}}});
        cluster
            .make(&format!("/apis/apps/v1/namespaces/fl/deployments/{name}"), json!({"metadata": {"name": name}, "spec": spec}));
        let answer = plan();
        assert_eq!(answer["data"]["removed"], if is_kept { json!([release]) } else { removed.clone() }, "{answer}");
        assert_eq!(answer["warnings"].to_string().contains("`other-server`"), is_kept, "{answer}");
    }
}

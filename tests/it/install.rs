//! `install` and `uninstall` without a cluster: what is refused before connecting to one.

use std::{fs, os::unix::fs::PermissionsExt as _};

use integration_tests::{
    command::{Finished, Sandbox},
    helm::helm,
    kit::Tree,
    pod_cluster::PodCluster,
    workspace_directory,
};
use serde_json::json;

const PROGRAM: &str = env!("CARGO_BIN_EXE_flare-kube-under-test");

/// A sandbox with a kit, prepared as `out`, and no cluster.
fn prepared() -> Sandbox {
    let sandbox = Sandbox::new();
    Tree::read(&workspace_directory().join("fixtures/kits/plain-2.8.3/site-1")).write(&sandbox.join("kit"));
    fs::write(sandbox.join("k8s.yaml"), "runtime: k8s\nparent: {docker_image: 'registry.example.com/nvflare/nvflare:2.8.3'}\n")
        .unwrap();
    let _ = sandbox.run(PROGRAM, ["prepare", "kit", "--config", "k8s.yaml", "--output", "out"]).expect_code(0);
    sandbox
}

fn run(sandbox: &Sandbox, helm: &str, line: &str) -> Finished {
    let mut command = sandbox.command(PROGRAM);
    command.args(line.split_whitespace()).args(["-o", "json"]).env("HELM", helm);
    Finished::new(&command.output().unwrap(), sandbox.path())
}

#[test]
fn a_helm_that_is_missing_or_too_old_is_named_before_a_cluster_is_asked() {
    let sandbox = prepared();
    let old = sandbox.join("old-helm");
    fs::write(&old, "#!/bin/sh\necho v3.9.4\n").unwrap();
    fs::set_permissions(&old, fs::Permissions::from_mode(0o755)).unwrap();
    for verb in ["install", "uninstall"] {
        let missing = run(&sandbox, "/nowhere/helm", &format!("{verb} out")).expect_code(5).json();
        assert_eq!(missing["error_code"], "HELM_NOT_FOUND", "{missing}");
        let old = run(&sandbox, old.to_str().unwrap(), &format!("{verb} out")).expect_code(5).json();
        assert_eq!(old["error_code"], "HELM_NOT_SUPPORTED", "{old}");
        assert!(old["hint"].as_str().unwrap().contains("3.13.0"), "{old}");
        let none = sandbox.run(PROGRAM, [verb, "out", "--helm", "old-helm", "-o", "json"]).expect_code(5).json();
        assert_eq!(none["error_code"], "HELM_NOT_SUPPORTED", "{none}");
    }
}

#[test]
fn without_any_helm_on_the_path_the_road_ends_before_a_cluster_is_asked() {
    let sandbox = prepared();
    for verb in ["install", "uninstall"] {
        let mut command = sandbox.command(PROGRAM);
        command.args([verb, "out", "-o", "json"]).env("PATH", sandbox.join("home"));
        let missing = Finished::new(&command.output().unwrap(), sandbox.path()).expect_code(5).json();
        assert_eq!(missing["error_code"], "HELM_NOT_FOUND", "{missing}");
        assert!(missing["message"].as_str().unwrap().contains("no `helm` on `PATH`"), "{missing}");
        assert!(missing["hint"].as_str().unwrap().contains("--helm"), "{missing}");
    }
}

#[test]
fn values_files_that_helm_could_not_read_are_named_with_their_place_and_none_of_their_values() {
    let sandbox = prepared();
    fs::write(sandbox.join("broken.yaml"), "password: hunter2\n  x: [\n").unwrap();
    for (file, place) in [("broken.yaml", true), ("missing.yaml", false)] {
        let refused = run(&sandbox, helm().to_str().unwrap(), &format!("install out -f {file}")).expect_code(4);
        let answer = refused.json();
        assert_eq!(answer["error_code"], "INVALID_VALUES", "{answer}");
        assert_eq!(answer["location"]["line"].is_number(), place, "{answer}");
        assert!(!refused.stdout.contains("hunter2") && !refused.stderr.contains("hunter2"), "{refused:?}");
    }
}

#[test]
fn a_kit_that_cannot_work_is_refused_by_the_offline_checks() {
    let sandbox = prepared();
    // The key instead of a certificate.
    let key = fs::read(sandbox.join("out/startup/client.key")).unwrap();
    fs::write(sandbox.join("out/startup/client.crt"), key).unwrap();
    let refused = run(&sandbox, helm().to_str().unwrap(), "install out").json();
    assert_eq!(refused["status"], "error", "{refused}");
    assert!(refused["message"].as_str().unwrap().contains("client.crt"), "{refused}");
}

#[test]
fn a_study_file_that_stops_every_job_is_refused_with_its_place() {
    let sandbox = prepared();
    fs::write(sandbox.join("out/local/study_data.yaml"), "cancer: [\n").unwrap();
    let refused = run(&sandbox, helm().to_str().unwrap(), "install out").expect_code(1).json();
    assert_eq!(refused["location"]["file"], sandbox.join("out/local/study_data.yaml").to_str().unwrap(), "{refused}");
    assert!(refused["location"]["line"].is_number(), "{refused}");
    let message = refused["message"].as_str().unwrap();
    assert!(message.starts_with("D47: ") && message.ends_with("FLARE would refuse every job because of it"), "{refused}");
}

#[test]
fn places_in_a_prepared_kit_are_whole_paths_whatever_the_verb() {
    let sandbox = prepared();
    fs::write(sandbox.join("job.json"), "{}").unwrap();
    let strict = [
        "stage out",
        "stage out --render",
        "install out",
        "verify out --offline",
        "backup out b.tar",
        "launch manifest out --job job.json",
    ];
    let lenient =
        ["uninstall out", "unstage out", "status out", "logs out", "study-data out", "launch sweep out", "launch watch out"];
    let place = |line: &str, file: &str| {
        let answer = run(&sandbox, helm().to_str().unwrap(), line).json();
        assert_eq!(answer["location"]["file"], sandbox.join(file).to_str().unwrap(), "{line}: {answer}");
    };
    fs::write(sandbox.join("out/startup/extra.txt"), "x").unwrap();
    for line in strict.iter().filter(|line| !line.starts_with("verify")) {
        place(line, "out/startup/extra.txt");
    }
    fs::write(sandbox.join("out/.flare-kube.json"), "{").unwrap();
    for line in strict.iter().chain(&lenient) {
        place(line, "out/.flare-kube.json");
    }
}

#[test]
fn without_a_cluster_nothing_is_installed() {
    let sandbox = prepared();
    let refused = run(&sandbox, helm().to_str().unwrap(), "install out").expect_code(4).json();
    assert_eq!(refused["error_code"], "KUBECONFIG_INVALID", "{refused}");
}

#[test]
fn a_client_is_exposed_to_nobody() {
    let sandbox = prepared();
    let refused = run(&sandbox, helm().to_str().unwrap(), "install out --expose host-port").expect_code(4).json();
    assert_eq!(refused["error_code"], "INVALID_ARGS", "{refused}");
}

/// Renders charts as the real one does, and knows no release.
const HELM: &str = r#"#!/bin/sh
case "$1" in
version) echo v3.20.0 ;;
history | list) echo '[]' ;;
template) exec 'REAL' "$@" ;;
*) exit 1 ;;
esac
"#;

const CONFIG: &str = "runtime: k8s\nnamespace: fl\nparent: {docker_image: 'registry.example.com/nvflare/nvflare:2.8.3'}\n";

/// A simulated cluster with the namespace `fl`, and a sandbox with a Helm for it.
fn simulated() -> (Sandbox, PodCluster) {
    let (sandbox, cluster) = (Sandbox::new(), PodCluster::start());
    cluster.kubeconfig(&sandbox.join("kubeconfig"));
    cluster.make("/api/v1/namespaces/fl", json!({"metadata": {"name": "fl"}}));
    fs::write(sandbox.join("helm"), HELM.replace("REAL", helm().to_str().unwrap())).unwrap();
    fs::set_permissions(sandbox.join("helm"), fs::Permissions::from_mode(0o755)).unwrap();
    (sandbox, cluster)
}

/// Prepares the kit of a participant, by a configuration, as `out/NAME`.
fn prepare(sandbox: &Sandbox, name: &str, config: &str) {
    fs::write(sandbox.join("k8s.yaml"), config).unwrap();
    Tree::read(&workspace_directory().join("fixtures/kits/plain-2.8.3").join(name)).write(&sandbox.join("kits").join(name));
    let (kit, output) = (format!("kits/{name}"), format!("out/{name}"));
    let _ = sandbox.run(PROGRAM, ["prepare", &kit, "--config", "k8s.yaml", "--output", &output]).expect_code(0);
}

/// The warnings of an installation that is looked at only. Its kit is not staged, so that it is refused in any case.
fn warnings(sandbox: &Sandbox, name: &str, flags: &str) -> String {
    let line = format!("install out/{name} --dry-run --helm ./helm --kubeconfig kubeconfig -o json {flags}");
    sandbox.run(PROGRAM, line.split_whitespace()).expect_code(5).json()["warnings"].to_string()
}

/// The jobs of both servers would get the keys of whichever started one last.
#[test]
fn defect_15_an_installation_beside_another_server_warns_about_the_secret_that_both_write() {
    let (sandbox, cluster) = simulated();
    for name in ["nvflare-server", "site-1"] {
        prepare(&sandbox, name, CONFIG);
    }
    assert!(!warnings(&sandbox, "nvflare-server", "").contains("nvflare-startup"), "it is alone");
    let container = json!({"name": "server", "args": ["-u", "-m", "nvflare.private.fed.app.server.server_train"]});
    let spec = json!({"replicas": 1, "selector": {}, "template": {"spec": {"containers": [container]}}});
    let other = json!({"metadata": {"name": "other-server"}, "spec": spec});
    cluster.make("/apis/apps/v1/namespaces/fl/deployments/other-server", other);
    let told = warnings(&sandbox, "nvflare-server", "");
    assert!(told.contains("`other-server`") && told.contains("`nvflare-startup-server-b3eacd33`"), "{told}");
    assert!(!warnings(&sandbox, "site-1", "").contains("other-server"), "a site has keys of its own");
    assert_eq!(cluster.count("PATCH") + cluster.count("PUT") + cluster.count("DELETE"), 0, "nothing is changed");
}

/// `job_launcher` names the Secrets of job pods apart from those of the parent.
#[test]
fn secrets_for_the_images_of_jobs_that_are_missing_or_not_named_are_told() {
    let (sandbox, cluster) = simulated();
    fs::write(sandbox.join("docker.json"), json!({"auths": {"registry.example.com": {"auth": "eDp5"}}}).to_string()).unwrap();
    prepare(&sandbox, "site-1", CONFIG);
    assert!(!warnings(&sandbox, "site-1", "").contains("job pods do not name"), "none is made");
    let told = warnings(&sandbox, "site-1", "--create-pull-secret docker.json");
    assert!(told.contains("job pods do not name the Secret `site-1-registry`"), "{told}");
    let of_jobs = "job_launcher: {image_pull_secrets: [site-2-registry, of-jobs]}\n";
    prepare(&sandbox, "site-2", &format!("{CONFIG}{of_jobs}"));
    let told = warnings(&sandbox, "site-2", "--create-pull-secret docker.json");
    assert!(told.contains("no Secret `of-jobs`") && !told.contains("site-2-registry"), "{told}");
    cluster.make("/api/v1/namespaces/fl/secrets/of-jobs", json!({"metadata": {"name": "of-jobs"}}));
    let told = warnings(&sandbox, "site-2", "--create-pull-secret docker.json");
    assert!(!told.contains("of-jobs"), "{told}");
}

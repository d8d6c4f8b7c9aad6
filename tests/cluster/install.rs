//! `install` and `uninstall` on a real cluster with real Helms: joined or unchanged, whatever fails and whenever a run is killed.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use integration_tests::cluster::federation::Federation;
use integration_tests::cluster::install::{give_address, lock};
use integration_tests::cluster::namespace::Namespace;
use integration_tests::cluster::run::{attempt, succeed, succeed_json, wait};
use integration_tests::helm::{helm, helm_4};
use integration_tests::reference::Release;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use crate::PROGRAM;

/// Prepared and staged kits.
struct Scene {
    namespace: Namespace,
    prepared: PathBuf,
    _federation: Federation,
}

impl Scene {
    fn new(test: &str, staged: &[&str]) -> Self {
        let namespace = Namespace::open(test);
        let federation = Federation::provision(Release::V28);
        let prepared = federation.prepare(&namespace, PROGRAM.as_ref());
        let scene = Self { namespace, prepared, _federation: federation };
        for name in staged {
            scene.stage(name, &["--create-pvc", "1Gi"]);
        }
        scene
    }

    fn kit(&self, name: &str) -> PathBuf {
        self.prepared.join(name)
    }

    fn stage(&self, name: &str, arguments: &[&str]) {
        succeed(self.namespace.cluster.program(PROGRAM).arg("stage").arg(self.kit(name)).args(arguments));
    }

    fn verb(&self, verb: &str, name: &str, helm: &Path, arguments: &[&str]) -> Command {
        let mut command = self.namespace.cluster.program(PROGRAM);
        command.arg(verb).arg(self.kit(name)).args(["-o", "json"]).args(arguments).env("HELM", helm);
        command
    }

    fn install(&self, name: &str, arguments: &[&str]) -> Value {
        succeed_json(&mut self.verb("install", name, &helm(), arguments))["data"].take()
    }

    /// The data of an installation by this Helm, and the steps that it told.
    fn install_by(&self, name: &str, helm: &Path) -> (Value, String) {
        let output = self.verb("install", name, helm, &["-v"]).output().unwrap();
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        let printed = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{printed}{told}");
        let mut document: Value = serde_json::from_str(&printed).unwrap_or_else(|error| panic!("{error}: {printed}{told}"));
        (document["data"].take(), told)
    }

    /// The outcome of an installation that fails.
    fn fails(&self, name: &str, arguments: &[&str]) -> Value {
        failure(&mut self.verb("install", name, &helm(), arguments))
    }

    /// Every object that an uninstallation should not leave; the helper pod of a staging may still be ending.
    fn objects(&self) -> Vec<String> {
        let kinds = "deployments,replicasets,pods,services,roles,rolebindings,serviceaccounts,secrets,configmaps,leases";
        let names = succeed(self.namespace.kubectl().args(["get", kinds, "--output", "name"]));
        let own = |name: &&str| {
            !name.ends_with("/kube-root-ca.crt")
                && !name.ends_with("serviceaccount/default")
                && !name.starts_with("pod/flare-kube-stage-")
        };
        names.lines().filter(own).map(str::to_owned).collect()
    }

    fn history(&self, name: &str) -> Value {
        succeed_json(self.namespace.helm(&helm()).args(["history", name, "--output", "json"]))
    }

    fn noted_kit(&self, name: &str) -> String {
        let path = "jsonpath={.metadata.annotations.flare-kube/kit-fingerprint}";
        let claim = Federation::claim(name);
        succeed(self.namespace.kubectl().args(["get", "persistentvolumeclaim", &claim, "--output", path]))
    }
}

fn failure(command: &mut Command) -> Value {
    let output = command.output().unwrap();
    let printed = String::from_utf8_lossy(&output.stdout);
    assert!(!output.status.success(), "it did not fail: {printed}");
    serde_json::from_str(&printed)
        .unwrap_or_else(|error| panic!("{error}: {printed} {}", String::from_utf8_lossy(&output.stderr)))
}

#[test]
fn a_server_and_a_site_join_a_second_run_changes_nothing_and_what_is_removed_leaves_the_claims() {
    let scene = Scene::new("install", &["nvflare-server", "site-1"]);
    let plan = scene.install("nvflare-server", &["--dry-run"]);
    assert_eq!((&plan["changed"], &plan["revision"], &plan["dry_run"]), (&json!(true), &json!(1), &json!(true)));
    assert!(scene.objects().is_empty(), "a dry run changes nothing: {:?}", scene.objects());
    for (name, helm) in [("nvflare-server", helm()), ("site-1", helm_4())] {
        let (first, told) = scene.install_by(name, &helm);
        assert!(told.contains("has to stay up for 20 s"), "{told}");
        assert_eq!(
            (&first["changed"], &first["release"], &first["revision"]),
            (&json!(true), &json!(name), &json!(1)),
            "{first}"
        );
        assert_eq!(first["deployment"], name);
        assert!(first["next"].as_array().is_some_and(|next| !next.is_empty()), "{first}");
    }
    let log = scene.namespace.log("site-1");
    assert!(log.contains("Successfully registered client:site-1"), "installed means joined: {log}");
    let pods = [scene.namespace.parent("nvflare-server"), scene.namespace.parent("site-1")];
    // Each Helm can continue the other's release.
    for (name, helm) in [("nvflare-server", helm_4()), ("site-1", helm())] {
        let (again, told) = scene.install_by(name, &helm);
        assert_eq!((&again["changed"], &again["revision"]), (&json!(false), &json!(1)), "{again}");
        assert!(told.contains("` runs") && !told.contains("has to stay up"), "it waits for nothing that was proven: {told}");
    }
    assert_eq!(pods, [scene.namespace.parent("nvflare-server"), scene.namespace.parent("site-1")]);
    // A missing object is created again.
    succeed(scene.namespace.kubectl().args(["delete", "service", "site-1"]));
    assert_eq!(scene.install("site-1", &[])["changed"], true);
    succeed(scene.namespace.kubectl().args(["get", "service", "site-1"]));
    // What was changed by hand is set back, also by Helm 4, which calls it a conflict.
    let resources = ["set", "resources", "deployment/site-1", "--requests", "cpu=60m"];
    succeed(scene.namespace.kubectl().args(resources));
    assert_eq!(succeed_json(&mut scene.verb("install", "site-1", &helm_4(), &[]))["data"]["changed"], true);
    let path = "jsonpath={.spec.template.spec.containers[0].resources.requests.cpu}";
    assert_eq!(succeed(scene.namespace.kubectl().args(["get", "deployment", "site-1", "--output", path])), "50m");
    scene.is_removed_but_for_the_claims();
}

impl Scene {
    fn is_removed_but_for_the_claims(&self) {
        let job = "j9c0d6b1e-7a52-4a39-8f0e-1b2c3d4e5f60";
        // Like those of FLARE's launcher; one of another site stays.
        for (site, secret) in [("site-1", "nvflare-startup-site-1-f505dccd"), ("site-9", "nvflare-startup-site-9")] {
            let suffix = if site == "site-1" { "site-1-f505dccd" } else { "site-9-00000000" };
            self.namespace
                .apply(&json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": secret}, "stringData": {"a": "b"}}));
            self.namespace.apply(&json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": format!("{job}-{suffix}")}, "spec": {
                "restartPolicy": "Never", "terminationGracePeriodSeconds": 0, "volumes": [{"name": "startup-kit", "secret": {"secretName": secret}}],
                "containers": [{"name": format!("container-{job}"), "image": "busybox:1.36", "command": ["sleep", "600"]}]}}));
        }
        let dry = succeed_json(&mut self.verb("uninstall", "site-1", &helm(), &["--dry-run"]))["data"].take();
        let listed = |data: &Value| {
            data["removed"].as_array().unwrap().iter().map(|one| one["kind"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(listed(&dry), ["release", "Pod", "Secret"], "{dry}");
        assert!(self.objects().iter().any(|name| name.starts_with("deployment")), "a dry run removes nothing");
        let removed = succeed_json(&mut self.verb("uninstall", "site-1", &helm(), &[]))["data"].take();
        assert_eq!(removed["removed"], dry["removed"]);
        let left = |about: &str| self.objects().into_iter().filter(|name| name.contains(about)).collect::<Vec<_>>();
        wait(Duration::from_secs(30), || format!("{:?}", left("site-1")), || left("site-1").is_empty().then_some(()));
        assert_eq!(left("site-9").len(), 2, "another site's stay");
        assert_eq!(succeed_json(&mut self.verb("uninstall", "site-1", &helm(), &[]))["data"]["changed"], false);
        succeed(&mut self.verb("uninstall", "nvflare-server", &helm(), &[]));
        wait(Duration::from_secs(30), || format!("{:?}", left("server")), || left("server").is_empty().then_some(()));
        let claims = succeed(self.namespace.kubectl().args(["get", "persistentvolumeclaims", "--output", "name"]));
        assert_eq!(claims.lines().count(), 2, "{claims}");
        // The kit is still there and need not be staged again; on request the claim is deleted too.
        assert!(!self.noted_kit("site-1").is_empty());
        let deleted = succeed_json(&mut self.verb("uninstall", "site-1", &helm(), &["--delete-claims"]))["data"].take();
        assert_eq!(deleted["claim"], Value::Null, "{deleted}");
        let claims = || succeed(self.namespace.kubectl().args(["get", "persistentvolumeclaims", "--output", "name"]));
        wait(Duration::from_secs(30), claims, || (claims().lines().count() == 1).then_some(()));
    }
}

#[test]
fn what_fails_is_named_before_the_time_is_over_and_the_release_goes_back_with_its_kit() {
    let scene = Scene::new("install-fails", &["nvflare-server"]);
    let name = "nvflare-server";
    // At first there is no revision to go back to. At the end of its time it would be `TIMED_OUT`.
    let failed = scene.fails(name, &["--set", "image.tag=no-such-tag"]);
    assert_eq!(failed["error_code"], "INSTALL_FAILED", "{failed}");
    assert!(failed["message"].as_str().unwrap().contains("no-such-tag"), "{failed}");
    let stays = json!({"claim": Federation::claim(name), "kit": scene.noted_kit(name), "objects": []});
    assert_eq!(failed["data"]["recovery"], json!({"state": "removed", "stays": stays}), "{failed}");
    wait(Duration::from_secs(30), || format!("{:?}", scene.objects()), || scene.objects().is_empty().then_some(()));

    let good = scene.install(name, &[]);
    let (kit, pod) = (scene.noted_kit(name), scene.namespace.parent(name));
    // A crash, and with it another kit.
    let log_config = scene.kit(name).join("local/log_config.json.default");
    let text = fs::read_to_string(&log_config).unwrap();
    fs::write(&log_config, text + "\n").unwrap();
    scene.stage(name, &["--restart"]);
    assert_ne!(scene.noted_kit(name), kit);
    let crash = ["--set-string", "command[0]=python3", "--set-string", "args={-c,raise SystemExit('lost its way')}"];
    let failed = scene.fails(name, &crash);
    assert_eq!(failed["error_code"], "INVALID_VALUES", "values that do not fit the kit are refused: {failed}");
    let crash = ["--set-string", "command[0]=/bin/false"];
    let failed = scene.fails(name, &crash);
    assert_eq!(failed["error_code"], "INSTALL_FAILED", "{failed}");
    assert_eq!(
        failed["data"]["recovery"],
        json!({"state": "rolled_back", "revision": good["revision"], "kit": kit, "runs": true}),
        "{failed}"
    );
    assert_eq!(scene.noted_kit(name), kit, "the kit on the volume is the one of the revision that runs");
    assert_ne!(scene.namespace.parent(name), pod);
    // The kit of this directory is no longer staged.
    assert_eq!(scene.fails(name, &[])["error_code"], "KIT_NOT_STAGED");
    scene.stage(name, &["--restart"]);
    let changed = scene.install(name, &[]);
    assert_eq!(changed["changed"], true, "another kit is another revision: {changed}");
}

#[test]
fn a_locked_release_is_explained_and_freed_on_request() {
    let scene = Scene::new("install-locked", &["nvflare-server"]);
    let name = "nvflare-server";
    // Helm is killed while it waits, first in an installation, then in an upgrade.
    for pending in ["pending-install", "pending-upgrade"] {
        lock(&scene.namespace, name, &scene.kit(name), pending);
        let refused = scene.fails(name, &[]);
        assert_eq!((&refused["error_code"], &refused["exit_code"]), (&json!("RELEASE_LOCKED"), &json!(5)), "{refused}");
        assert!(refused["message"].as_str().unwrap().contains(pending), "{refused}");
        assert!(refused["hint"].as_str().unwrap().contains("--unlock"), "{refused}");
        let freed = scene.install(name, &["--unlock", "--until", "running"]);
        assert_eq!((&freed["unlocked"], &freed["changed"]), (&json!(true), &json!(true)), "{freed}");
    }
}

#[test]
fn a_run_that_is_interrupted_says_what_stands_and_the_next_one_goes_on() {
    let scene = Scene::new("install-stopped", &["nvflare-server"]);
    let name = "nvflare-server";
    let mut install = scene.verb("install", name, &helm(), &[]);
    let install = install.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let there = || succeed(scene.namespace.kubectl().args(["get", "deployments", "--output", "name"]));
    wait(Duration::from_mins(1), there, || (!there().is_empty()).then_some(()));
    kill_process(Pid::from_raw(i32::try_from(install.id()).unwrap()).unwrap(), Signal::INT).unwrap();
    let output = install.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130));
    let said: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(said["error_code"], "INTERRUPTED", "{said}");
    assert!(said["message"].as_str().unwrap().contains(name), "{said}");
    let next = scene.install(name, &[]);
    assert_eq!(scene.history(name).as_array().unwrap().last().unwrap()["status"], "deployed", "{next}");
}

/// FLARE's log only repeats that it tries again.
#[test]
fn a_client_whose_server_has_no_name_in_the_cluster_ends_with_that_cause() {
    let scene = Scene::new("install-name", &["site-1"]);
    let failed = scene.fails("site-1", &["--timeout", "60"]);
    assert_eq!((&failed["error_code"], &failed["exit_code"]), (&json!("TIMED_OUT"), &json!(6)), "{failed}");
    let message = failed["message"].as_str().unwrap();
    assert!(message.contains("D71: the name `nvflare-server` does not resolve"), "{failed}");
    assert!(failed["hint"].as_str().unwrap().contains("DNS"), "{failed}");
}

#[test]
fn pull_secrets_are_checked_and_made() {
    let scene = Scene::new("install-pull", &["nvflare-server"]);
    let name = "nvflare-server";
    let missing = scene.fails(name, &["--set", "imagePullSecrets[0].name=nowhere"]);
    assert_eq!(missing["error_code"], "PULL_SECRET_NOT_USABLE", "{missing}");
    let registry = scene.namespace.cluster.image(Release::V28).split_once('/').unwrap().0.to_owned();
    let file = scene.prepared.join("config.json");
    let write = |registry: &str| {
        fs::write(&file, json!({"auths": {registry: {"auth": "dXNlcjpwYXNz"}, "other": {"auth": "eDp5"}}}).to_string()).unwrap();
    };
    let made = ["--create-pull-secret", file.to_str().unwrap(), "--until", "running"];
    write("elsewhere.example.org");
    assert_eq!(scene.fails(name, &made)["error_code"], "INVALID_ARGS");
    assert!(scene.objects().is_empty(), "nothing was begun: {:?}", scene.objects());
    write(&registry);
    let installed = scene.install(name, &made);
    assert_eq!(installed["pull_secret"], "nvflare-server-registry", "{installed}");
    let path = "jsonpath={.spec.template.spec.imagePullSecrets[0].name}";
    assert_eq!(succeed(scene.namespace.kubectl().args(["get", "deployment", name, "--output", path])), "nvflare-server-registry");
    let note = "jsonpath={.metadata.annotations.flare-kube/proven}";
    let note = succeed(scene.namespace.kubectl().args(["get", "deployment", name, "--output", note]));
    assert_eq!(note, "", "a parent that runs is not one that has joined");
    let secret = succeed_json(scene.namespace.kubectl().args(["get", "secret", "nvflare-server-registry", "--output", "json"]));
    assert_eq!(secret["type"], "kubernetes.io/dockerconfigjson");
    let removed = succeed_json(&mut scene.verb("uninstall", name, &helm(), &[]))["data"].take();
    assert!(
        removed["removed"].as_array().unwrap().contains(&json!({"kind": "Secret", "name": "nvflare-server-registry"})),
        "{removed}"
    );
}

#[test]
fn a_server_is_exposed_by_its_node_by_a_load_balancer_and_by_this_machine() {
    let scene = Scene::new("install-expose", &["nvflare-server"]);
    let name = "nvflare-server";
    let by_node = succeed_json(&mut scene.verb("install", name, &helm(), &["--expose", "host-port"]));
    let exposed = &by_node["data"]["exposed"];
    assert_eq!((&exposed["how"], &exposed["ports"]), (&json!("host-port"), &json!([8002, 8003])), "{by_node}");
    let node =
        succeed(scene.namespace.kubectl().args(["get", "nodes", "--output", "jsonpath={.items[0].status.addresses[0].address}"]));
    assert_eq!(exposed["addresses"], json!([node]), "{by_node}");
    let warned = |outcome: &Value, address: &str| {
        let mut warnings = outcome["warnings"].as_array().unwrap().iter();
        warnings.any(|warning| warning["message"].as_str().unwrap().contains(&format!("`{address}`")))
    };
    assert!(warned(&by_node, &node), "what the clients call does not lead there: {by_node}");

    let balanced = scene.verb("install", name, &helm(), &["--expose", "load-balancer"]).stdout(Stdio::piped()).spawn().unwrap();
    give_address(&scene.namespace, name, "203.0.113.7");
    let output = balanced.wait_with_output().unwrap();
    let balanced: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(balanced["data"]["exposed"]["addresses"], json!(["203.0.113.7"]), "{balanced}");
    assert!(warned(&balanced, "203.0.113.7"), "{balanced}");

    let mut forward = scene.verb("install", name, &helm(), &["--expose", "port-forward"]);
    let mut forward = forward.stdout(Stdio::piped()).stderr(Stdio::inherit()).spawn().unwrap();
    // The port is open between two pods, too: only a server's certificate proves that it leads to one.
    let certificate = "import ssl; print(ssl.get_server_certificate(('127.0.0.1', 8002), timeout=5))";
    let ask = || attempt(Command::new(Release::V28.python()).args(["-c", certificate]), &[]);
    let answers = || ask().ok().filter(|printed| printed.contains("BEGIN CERTIFICATE")).map(drop);
    wait(Duration::from_mins(2), || format!("a forward at 127.0.0.1:8002: {:?}", ask()), answers);
    let taken = scene.fails(name, &["--expose", "port-forward"]);
    assert_eq!(taken["error_code"], "INVALID_ARGS", "the ports are taken: {taken}");
    let pod = scene.namespace.parent(name);
    succeed(scene.namespace.kubectl().args(["delete", "pod", &pod]));
    scene.namespace.wait_for_rollout(name);
    wait(Duration::from_mins(2), || format!("a forward to the next pod: {:?}", ask()), answers);
    assert!(forward.try_wait().unwrap().is_none(), "it lives on");
    kill_process(Pid::from_raw(i32::try_from(forward.id()).unwrap()).unwrap(), Signal::INT).unwrap();
    let output = forward.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stdout));
}

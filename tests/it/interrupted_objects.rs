//! `stage --mode objects` and `unstage` killed at each request, before and after the server executes it: the chart never names
//! objects that it cannot mount, and the next run completes the work.

use std::{
    fs,
    path::PathBuf,
    process::{Command, Stdio},
    thread::sleep,
    time::Duration,
};

use integration_tests::{
    api_server::{ApiServer, Silence},
    command::Sandbox,
    kit::Tree,
    workspace_directory,
};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

struct Scene {
    server: ApiServer,
    sandbox: Sandbox,
    values: PathBuf,
    /// The values as written by `prepare`.
    unstaged: String,
}

impl Scene {
    fn new() -> Self {
        let sandbox = Sandbox::new();
        Tree::read(&workspace_directory().join("fixtures/kits/plain-2.9.0/site-1")).write(&sandbox.join("kit"));
        let config = "runtime: k8s\nnamespace: fl\nparent: {docker_image: 'registry.example.com/nvflare/nvflare:2.9.0'}\n";
        fs::write(sandbox.join("k8s.yaml"), config).unwrap();
        let _ = sandbox.run(PROGRAM, ["prepare", "kit", "--config", "k8s.yaml", "--output", "out"]).expect_code(0);
        let server = ApiServer::start();
        server.kubeconfig(&sandbox.join("kubeconfig"));
        let values = sandbox.join("out/helm_chart/values.yaml");
        let unstaged = fs::read_to_string(&values).unwrap();
        Self { server, sandbox, values, unstaged }
    }

    fn command(&self, verb: &str) -> Command {
        let mut command = self.sandbox.command(PROGRAM);
        command.args([verb, "out", "--mode", "objects", "--kubeconfig", "kubeconfig", "-o", "json"]);
        command
    }

    /// Runs a verb to completion.
    fn run(&self, verb: &str) -> Value {
        self.server.begin(None);
        let output = self.command(verb).output().unwrap();
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// Runs a verb and kills it at a request. Returns whether it ended before.
    fn kill(&self, verb: &str, at: Silence) -> bool {
        self.server.begin(Some(at));
        let mut child = self.command(verb).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        loop {
            if let Some(status) = child.try_wait().unwrap() {
                assert!(status.success(), "{status} at {at:?}");
                return true;
            }
            if self.server.is_silent() {
                child.kill().unwrap();
                child.wait().unwrap();
                return false;
            }
            sleep(Duration::from_millis(2));
        }
    }

    /// Checks the invariant: each Secret has its `ConfigMap`, by which it is found.
    fn check(&self, at: Silence) -> [bool; 2] {
        let objects = self.server.objects();
        let has = |kind: &str| objects.iter().any(|path| path.contains(kind));
        let (config_map, secret) = (has("/configmaps/"), has("/secrets/"));
        assert!(config_map || !secret, "a Secret that nothing leads to: {at:?}");
        [config_map, secret]
    }

    fn values(&self) -> String {
        fs::read_to_string(&self.values).unwrap()
    }
}

const PROGRAM: &str = env!("CARGO_BIN_EXE_flare-kube-under-test");

/// Kills at each request in turn, both ways, until the run ends before; returns the number of requests.
fn at_each_request(mut attempt: impl FnMut(Silence) -> bool) -> usize {
    for request in 1.. {
        for carried_out in [false, true] {
            if attempt(Silence { request, carried_out }) {
                return request - 1;
            }
        }
    }
    0
}

#[test]
fn staging_killed_at_any_request_names_nothing_that_is_not_there_and_the_next_run_ends_it() {
    let scene = Scene::new();
    let requests = at_each_request(|at| {
        scene.server.clear();
        fs::write(&scene.values, &scene.unstaged).unwrap();
        let ended = scene.kill("stage", at);
        let both = scene.check(at);
        assert!(scene.values() == scene.unstaged || both == [true, true], "named before it is there: {at:?}");
        let next = scene.run("stage");
        assert_eq!(next["data"]["changed"], !ended, "{at:?}: {next}");
        assert_eq!(scene.check(at), [true, true]);
        assert_eq!(scene.server.objects().len(), 2);
        for object in next["data"]["objects"].as_array().unwrap() {
            assert!(scene.values().contains(object["name"].as_str().unwrap()), "{at:?}");
        }
        ended
    });
    assert!(requests > 10, "only {requests} requests");
}

#[test]
fn unstaging_killed_at_any_request_is_ended_by_the_next_run() {
    let scene = Scene::new();
    let requests = at_each_request(|at| {
        assert_eq!(scene.run("stage")["status"], "ok");
        let ended = scene.kill("unstage", at);
        scene.check(at);
        assert_eq!(scene.values() == scene.unstaged, ended, "the names go last: {at:?}");
        assert_eq!(scene.run("unstage")["data"]["changed"], !ended);
        assert_eq!((scene.server.objects(), scene.values() == scene.unstaged), (Vec::new(), true), "{at:?}");
        ended
    });
    assert!(requests > 8, "only {requests} requests");
}

#[test]
fn defect_13_what_is_sent_is_applied_by_the_server_and_strictly_and_only_where_it_changes_something() {
    let scene = Scene::new();
    assert_eq!(scene.run("stage")["data"]["changed"], true);
    let writes = scene.server.writes();
    let [config_map, secret] = writes.as_slice() else { panic!("{writes:?}") };
    for ((method, path), kind) in [(config_map, "/configmaps/nvflare-local-"), (secret, "/secrets/nvflare-staged-startup-")] {
        assert_eq!(method, "PATCH");
        assert!(
            path.contains(kind) && path.contains("fieldManager=flare-kube") && path.contains("fieldValidation=Strict"),
            "{path}"
        );
        assert!(!path.contains("force=true"), "{path}");
    }
    assert_eq!(scene.run("stage")["data"]["changed"], false);
    assert_eq!(scene.server.writes(), [], "an unchanged kit sends nothing");
    assert_eq!(scene.run("unstage")["data"]["changed"], true);
    let writes = scene.server.writes();
    let kinds: Vec<_> = writes.iter().map(|(method, path)| (method.as_str(), path.contains("/secrets/"))).collect();
    assert_eq!(kinds, [("DELETE", true), ("DELETE", false)], "the Secret goes first: {writes:?}");
}

#[test]
fn a_refusal_comes_before_anything_is_sent() {
    let scene = Scene::new();
    assert_eq!(scene.run("stage")["data"]["changed"], true);
    let secret = scene.server.objects().into_iter().find(|path| path.contains("/secrets/")).unwrap();
    scene.server.clear();
    fs::write(&scene.values, &scene.unstaged).unwrap();
    let name = secret.rsplit('/').next().unwrap().to_owned();
    scene.server.put(&secret, json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "data": {}}));
    assert_eq!(scene.run("stage")["error_code"], "OBJECT_CONFLICT");
    assert_eq!((scene.server.writes(), scene.values()), (Vec::new(), scene.unstaged.clone()));
}

#[test]
fn ctrl_c_and_the_time_limit_end_a_run_whose_server_has_fallen_silent() {
    let scene = Scene::new();
    for verb in ["stage", "unstage"] {
        // While connecting, and during the work.
        for request in [1, 4] {
            scene.server.begin(Some(Silence { request, carried_out: false }));
            let late = scene.command(verb).args(["--timeout", "1"]).output().unwrap();
            let envelope: Value = serde_json::from_slice(&late.stdout).unwrap();
            assert_eq!((late.status.code(), &envelope["error_code"]), (Some(6), &json!("TIMED_OUT")), "{verb} {request}");
            scene.server.begin(Some(Silence { request, carried_out: false }));
            let child = scene.command(verb).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
            while !scene.server.is_silent() {
                sleep(Duration::from_millis(2));
            }
            kill_process(Pid::from_child(&child), Signal::INT).unwrap();
            let output = child.wait_with_output().unwrap();
            let envelope: Value = serde_json::from_slice(&output.stdout).unwrap();
            assert_eq!((output.status.code(), &envelope["error_code"]), (Some(130), &json!("INTERRUPTED")), "{verb} {request}");
        }
    }
    assert_eq!((scene.server.objects(), scene.values()), (Vec::new(), scene.unstaged.clone()));
}

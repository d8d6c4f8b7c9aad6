//! `launch run`, `watch` and `sweep` on a real cluster: each kind of end of a job pod, told with its reason, and nothing left behind.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use integration_tests::cluster::namespace::Namespace;
use integration_tests::cluster::node;
use integration_tests::cluster::run::{Following, attempt, succeed, wait};
use integration_tests::command::Sandbox;
use integration_tests::kit::Tree;
use integration_tests::reference::Release;
use integration_tests::workspace_directory;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use crate::PROGRAM;

/// In every token of every request.
const PLANTED: &str = "PLANTED-0badc0ffee";

/// Requests of one site, and its workspace.
pub(crate) struct Site<'test> {
    namespace: &'test Namespace,
    pub(crate) sandbox: Sandbox,
}

impl<'test> Site<'test> {
    pub(crate) fn new(namespace: &'test Namespace) -> Self {
        let sandbox = Sandbox::new();
        fs::create_dir_all(sandbox.join("kit/startup")).unwrap();
        fs::create_dir_all(sandbox.join("kit/local")).unwrap();
        fs::write(sandbox.join("kit/startup/rootCA.pem"), "root").unwrap();
        Self { namespace, sandbox }
    }

    /// A job whose process is this Python program. What the module `timeit` sets up is run before it measures anything.
    pub(crate) fn job(&self, id: &str, program: &str, k8s: &Value) {
        let mut block = json!({"image": self.namespace.cluster.image(Release::V28)});
        for (key, value) in k8s.as_object().unwrap() {
            block[key] = value.clone();
        }
        let request = json!({"role": "client", "site": "site-1", "workspace": "/var/tmp/nvflare/workspace", "owner_fqcn": "site-1",
            "transfer_token": format!("{PLANTED}-transfer"),
            "launcher": {"config_file_path": null, "namespace": self.namespace.name, "default_python_path": "/usr/local/bin/python3"},
            "job_meta": {"job_id": id, "launcher_spec": {"default": {"k8s": block}}},
            "process_args": {"exe_module": ["-m", "timeit"], "workspace": ["-n", "1"], "startup_dir": ["-r", "1"], "job_id": ["-s", program],
                "auth_token": ["-t", format!("{PLANTED}-auth")], "ssid": ["-d", format!("{PLANTED}-ssid")]}});
        fs::write(self.sandbox.join(format!("{id}.json")), request.to_string()).unwrap();
    }

    pub(crate) fn command(&self, jobs: &[&str], flags: &[&str]) -> Command {
        let mut command = self.namespace.cluster.program(PROGRAM);
        command.current_dir(self.sandbox.path()).args(["launch", "run", "--kit", "kit", "--target", "2.9", "-o", "json"]);
        for job in jobs {
            command.args(["--request", &format!("{job}.json")]);
        }
        command.args(flags);
        command
    }

    /// Runs jobs to their ends. Nothing that is printed has a token.
    fn run(&self, jobs: &[&str], flags: &[&str], code: i32) -> Value {
        document(&self.command(jobs, flags).output().unwrap(), code)
    }

    fn launch(&self, verb: &str, flags: &[&str]) -> Command {
        let mut command = self.namespace.cluster.program(PROGRAM);
        command.args(["launch", verb, "--namespace", &self.namespace.name, "-o", "json"]).args(flags);
        command
    }

    /// What is there of a kind, by name.
    pub(crate) fn names(&self, kind: &str) -> Vec<String> {
        let names = succeed(self.namespace.kubectl().args(["get", kind, "--output", "name"]));
        names.lines().map(str::to_owned).filter(|name| !name.contains("kube-root-ca")).collect()
    }

    /// Waits until the job's pod is in a phase.
    pub(crate) fn wait_for(&self, phase: &str) -> Value {
        let pods = || {
            let pods = attempt(self.namespace.kubectl().args(["get", "pods", "--output", "json"]), &[]).ok()?;
            serde_json::from_str::<Value>(&pods).ok()?["items"].as_array().cloned()
        };
        let found = || pods()?.into_iter().find(|pod| pod["status"]["phase"] == phase);
        wait(Duration::from_mins(1), || format!("{:?}", pods()), found)
    }

    /// The phase of a pod, as long as it is there.
    pub(crate) fn phase(&self, pod: &Value) -> Option<String> {
        let name = pod["metadata"]["name"].as_str().unwrap();
        attempt(self.namespace.kubectl().args(["get", "pod", name, "--output", "jsonpath={.status.phase}"]), &[]).ok()
    }

    /// Starts a run whose job is running when this returns.
    pub(crate) fn start(&self, job: &str, flags: &[&str]) -> (Following, Value) {
        let following = Following::start(&mut self.command(&[job], flags));
        (following, self.wait_for("Running"))
    }
}

fn document(output: &Output, code: i32) -> Value {
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(!stdout.contains(PLANTED) && !stderr.contains(PLANTED), "a token is told:\n{stdout}\n{stderr}");
    assert_eq!(output.status.code(), Some(code), "{stdout}\n{stderr}");
    serde_json::from_str(&stdout).unwrap_or_else(|error| panic!("{error}: {stdout}\n{stderr}"))
}

/// The last line of a run that was started.
pub(crate) fn last_document(run: &mut Following) -> Value {
    let deadline = Instant::now() + Duration::from_mins(2);
    let lines: Vec<_> = std::iter::from_fn(|| run.next_before(deadline)).collect();
    let text = lines.join("\n");
    assert!(!text.contains(PLANTED), "{text}");
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// How a job ended, in one line, without its waits, which depend on the cluster's speed.
fn end(job: &Value) -> String {
    let text = |key: &str| job[key].as_str().unwrap_or("-").to_owned();
    // The kubelet alternates between two reasons for an image that it cannot pull.
    let reason = text("reason").replace("ImagePullBackOff", "ErrImagePull");
    let removed = if job["removed"] == true { "removed" } else { "left" };
    format!("{} {} {} {} {reason} {removed}", text("state"), job["return_code"], job["exit_code"], text("class"))
}

pub(crate) fn ends(document: &Value) -> Vec<String> {
    document["data"]["jobs"].as_array().unwrap().iter().map(end).collect()
}

/// The states of a job, without repetitions.
fn states(job: &Value) -> Vec<&str> {
    let mut states: Vec<_> = job["events"].as_array().unwrap().iter().map(|event| event["state"].as_str().unwrap()).collect();
    states.dedup();
    states
}

#[test]
fn launch_jobs_end_with_their_reasons_and_leave_nothing_but_the_sites_secret() {
    let namespace = Namespace::open("launch-ends");
    let site = Site::new(&namespace);
    site.job("good", "import time; time.sleep(2); print('done')", &json!({}));
    site.job("bad", "import os, time; print('the reason is here', flush=True); time.sleep(1); os._exit(3)", &json!({}));
    site.job("unsafe", "import os; os._exit(102)", &json!({}));
    site.job("hungry", "x = b'x' * 10**9", &json!({"memory": "64Mi"}));
    site.job("unpullable", "pass", &json!({"image": namespace.cluster.image_with_tag("no-such-tag")}));
    site.job("unnameable", "pass", &json!({"image": "Not An Image"}));
    site.job("unplaceable", "pass", &json!({"cpu": "4000"}));
    let jobs = ["good", "bad", "unsafe", "hungry", "unpullable", "unnameable", "unplaceable"];
    let document = site.run(&jobs, &["--pending-timeout", "60"], 1);
    assert_eq!(document["error_code"], "JOB_NOT_SUCCEEDED");
    assert_eq!(
        ends(&document),
        [
            "succeeded 0 0 - Completed removed",
            "failed 9 3 - Error removed",
            "failed 102 102 - Error removed",
            "failed 9 137 - OOMKilled removed",
            "not_started 101 null transient ErrImagePull removed",
            "not_started 101 null hopeless InvalidImageName removed",
            "not_started 101 null capacity Unschedulable removed",
        ]
    );
    assert_eq!(states(&document["data"]["jobs"][0]), ["pending", "running", "succeeded"]);
    let bad = &document["data"]["jobs"][1];
    assert!(bad["evidence"]["log"].to_string().contains("the reason is here"), "{bad}");
    let unplaceable = &document["data"]["jobs"][6];
    assert!(unplaceable["message"].as_str().unwrap().contains("Insufficient cpu"), "{unplaceable}");
    assert!(unplaceable["evidence"]["events"].to_string().contains("FailedScheduling"), "{unplaceable}");
    assert_eq!(site.names("pods"), [""; 0]);
    assert_eq!(site.names("secrets"), ["secret/nvflare-startup-site-1-f505dccd"]);
    // One watch on each kind; per job two creates, an owner, a deletion and perhaps a log.
    let requests = document["data"]["api_requests"].as_u64().unwrap();
    assert!(requests <= 20 + 7 * jobs.len() as u64, "{requests} requests");
}

#[test]
fn launch_an_interrupted_run_ends_its_job_and_removes_it() {
    let namespace = Namespace::open("launch-abort");
    let site = Site::new(&namespace);
    site.job("long", "import time; print('begun', flush=True); time.sleep(600)", &json!({}));
    let (mut run, pod) = site.start("long", &[]);
    let uid = &pod["metadata"]["uid"];
    let secret = namespace.kubectl().args(["get", "secrets", "--output", "json"]).output().unwrap();
    let secrets: Value = serde_json::from_slice(&secret.stdout).unwrap();
    let owners: Vec<_> =
        secrets["items"].as_array().unwrap().iter().map(|one| &one["metadata"]["ownerReferences"][0]["uid"]).collect();
    assert!(owners.contains(&uid), "the credentials belong to the pod: {owners:?}");
    kill_process(Pid::from_raw(i32::try_from(run.process()).unwrap()).unwrap(), Signal::INT).unwrap();
    let document = last_document(&mut run);
    assert_eq!(run.wait().code(), Some(130));
    let job = &document["data"]["jobs"][0];
    assert_eq!((&job["state"], &job["return_code"], &job["removed"]), (&json!("aborted"), &json!(9), &json!(true)), "{job}");
    assert_eq!(states(job), ["pending", "running", "ending", "aborted"]);
    assert!(document["data"]["jobs"][0]["evidence"]["log"].to_string().contains("begun"), "{document}");
    assert_eq!(site.names("pods"), [""; 0]);
}

#[test]
fn launch_a_run_out_of_time_ends_its_job() {
    let namespace = Namespace::open("launch-time");
    let site = Site::new(&namespace);
    site.job("long", "import time; time.sleep(600)", &json!({}));
    let document = site.run(&["long"], &["--timeout", "8"], 6);
    assert_eq!((&document["error_code"], &document["data"]["jobs"][0]["state"]), (&json!("TIMED_OUT"), &json!("aborted")));
    assert_eq!(site.names("pods"), [""; 0]);
}

#[test]
fn launch_a_run_that_was_killed_is_taken_over_by_the_next_one() {
    let namespace = Namespace::open("launch-killed");
    let site = Site::new(&namespace);
    site.job("long", "import time; time.sleep(12)", &json!({}));
    let (mut killed, pod) = site.start("long", &[]);
    kill_process(Pid::from_raw(i32::try_from(killed.process()).unwrap()).unwrap(), Signal::KILL).unwrap();
    killed.wait();
    let dry = site.run(&["long"], &["--dry-run"], 0);
    assert_eq!(dry["data"]["jobs"][0]["would"], "take over");
    let document = site.run(&["long"], &[], 0);
    let job = &document["data"]["jobs"][0];
    assert_eq!((&job["taken_over"], &job["uid"]), (&json!(true), &pod["metadata"]["uid"]), "{job}");
    assert_eq!(ends(&document), ["succeeded 0 0 - Completed removed"]);
    assert_eq!(states(job), ["running", "succeeded"]);
    assert_eq!((site.names("pods"), site.names("secrets").len()), (Vec::new(), 1));
}

#[test]
fn launch_a_pod_or_a_namespace_that_somebody_deletes_is_an_end() {
    let namespace = Namespace::open("launch-deleted");
    let site = Site::new(&namespace);
    site.job("long", "import time; time.sleep(600)", &json!({}));
    let (mut run, pod) = site.start("long", &[]);
    let name = pod["metadata"]["name"].as_str().unwrap();
    succeed(namespace.kubectl().args(["delete", "pod", name, "--grace-period=1"]));
    let document = last_document(&mut run);
    assert_eq!(run.wait().code(), Some(1));
    let job = &document["data"]["jobs"][0];
    assert_eq!((&job["state"], &job["return_code"]), (&json!("failed"), &json!(9)), "{job}");
    let (mut run, _) = site.start("long", &[]);
    succeed(namespace.kubectl().args(["delete", "namespace", &namespace.name, "--wait=false"]));
    let document = last_document(&mut run);
    let job = &document["data"]["jobs"][0];
    assert_eq!((&job["state"], &job["return_code"]), (&json!("failed"), &json!(9)), "{job}");
}

#[test]
fn launch_defect_30_a_pod_beyond_the_quota_is_an_exception_with_the_reason() {
    let namespace = Namespace::with_quota("launch-quota", &json!({"pods": "0"}));
    let site = Site::new(&namespace);
    site.job("good", "pass", &json!({}));
    let document = site.run(&["good"], &[], 1);
    assert_eq!(ends(&document), ["not_started 101 null hopeless Forbidden removed"]);
    assert!(document["message"].as_str().unwrap().contains("exceeded quota"), "{document}");
    assert_eq!(site.names("secrets").len(), 1, "{:?}", site.names("secrets"));
}

#[test]
fn launch_kept_pods_are_orphans_that_a_sweep_shows_and_then_deletes() {
    let namespace = Namespace::open("launch-sweep");
    let site = Site::new(&namespace);
    site.job("good", "pass", &json!({}));
    site.job("long", "import time; time.sleep(600)", &json!({}));
    let kept = site.run(&["good"], &["--keep"], 0);
    assert_eq!(kept["data"]["jobs"][0]["removed"], false);
    assert_eq!(site.names("pods").len(), 1);
    let (_run, _) = site.start("long", &[]);
    let watched = document(&site.launch("watch", &["--timeout", "3"]).output().unwrap(), 0);
    let states: Vec<_> = watched["data"]["jobs"].as_array().unwrap().iter().map(|job| (&job["job"], &job["state"])).collect();
    for expected in [(&json!("good"), &json!("succeeded")), (&json!("long"), &json!("running"))] {
        assert!(states.contains(&expected), "{states:?}");
    }
    let shown = document(&site.launch("sweep", &[]).output().unwrap(), 0);
    let kinds: Vec<_> = shown["data"]["orphans"].as_array().unwrap().iter().map(|one| &one["kind"]).collect();
    assert_eq!((kinds, &shown["data"]["deleted"]), (vec![&json!("Pod"), &json!("Secret")], &json!(false)), "{shown}");
    assert_eq!(site.names("pods").len(), 2, "nothing was deleted");
    let swept = document(&site.launch("sweep", &["--delete"]).output().unwrap(), 0);
    assert_eq!((&swept["data"]["deleted"], &swept["data"]["orphans"]), (&json!(true), &shown["data"]["orphans"]));
    let left = site.names("pods");
    assert!(left.len() == 1 && left[0].contains("long"), "the job that runs is no orphan: {left:?}");
    let none = document(&site.launch("sweep", &["--delete"]).output().unwrap(), 0);
    assert_eq!(none["data"]["orphans"], json!([]));
}

#[test]
fn launch_a_job_waits_for_a_gpu_that_is_freed() {
    let namespace = Namespace::exclusive("launch-gpus");
    let site = Site::new(&namespace);
    let change = node::with_gpus(&namespace, 1);
    site.job("first", "import time; time.sleep(8)", &json!({"num_of_gpus": 1}));
    site.job("second", "pass", &json!({"num_of_gpus": 1}));
    let document = site.run(&["first", "second"], &["--pending-timeout", "60"], 0);
    let waited: Vec<_> =
        document["data"]["jobs"].as_array().unwrap().iter().flat_map(|job| job["events"].as_array().unwrap()).collect();
    assert!(waited.iter().any(|event| event["message"].to_string().contains("Insufficient nvidia.com/gpu")), "{document}");
    drop(change);
}

/// A prepared kit of `site-1` for the namespace.
fn prepared(namespace: &Namespace, sandbox: &Sandbox) -> PathBuf {
    Tree::read(&workspace_directory().join("fixtures/kits/plain-2.8.3/site-1")).write(&sandbox.join("site-1"));
    let image = namespace.cluster.image(Release::V28);
    let config = format!("runtime: k8s\nnamespace: {}\nparent: {{docker_image: {image:?}}}\n", namespace.name);
    fs::write(sandbox.join("k8s.yaml"), config).unwrap();
    let (config, output) = (sandbox.join("k8s.yaml"), sandbox.join("prepared"));
    let mut prepare = sandbox.command(PROGRAM);
    succeed(prepare.arg("prepare").arg(sandbox.join("site-1")).arg("--config").arg(config).arg("--output").arg(&output));
    output
}

#[test]
fn launch_a_canary_proves_a_site_and_names_what_is_missing() {
    let (namespace, sandbox) = (Namespace::open("launch-canary"), Sandbox::new());
    let kit = prepared(&namespace, &sandbox);
    let canary = |flags: &[&str], code: i32| {
        let mut command = namespace.cluster.program(PROGRAM);
        let found =
            document(&command.args(["launch", "canary"]).arg(&kit).args(["-o", "json"]).args(flags).output().unwrap(), code);
        let rows: Vec<_> = found["data"]["findings"].as_array().unwrap().clone();
        rows.iter()
            .map(|row| format!("{} {}", row["id"].as_str().unwrap(), row["severity"].as_str().unwrap()))
            .collect::<Vec<_>>()
    };
    let mut expected =
        ["J01 ok", "J02 ok", "J03 ok", "J04 ok", "J05 error", "J06 ok", "J07 info", "J08 info", "J09 info"].map(str::to_owned);
    assert_eq!(canary(&[], 1), expected, "no parent is installed");
    let absent = namespace.cluster.image_with_tag("no-such-tag");
    assert_eq!(canary(&["--image", &absent, "--pending-timeout", "10"], 1), ["J01 error"]);
    // What listens is enough: whether it is a parent is the matter of `verify`.
    let listen = ["-m", "http.server", "8102"];
    let image = namespace.cluster.image(Release::V28);
    namespace.apply(&json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "parent", "labels": {"app": "parent"}}, "spec": {
        "terminationGracePeriodSeconds": 0, "containers": [{"name": "c", "image": image, "command": ["/usr/local/bin/python3"], "args": listen}]}}));
    namespace.apply(&json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "site-1"},
        "spec": {"selector": {"app": "parent"}, "ports": [{"port": 8102}]}}));
    succeed(namespace.kubectl().args(["wait", "--for=condition=Ready", "pod/parent", "--timeout=60s"]));
    expected[4] = "J05 ok".to_owned();
    assert_eq!(canary(&[], 0), expected);
    let left = succeed(namespace.kubectl().args(["get", "pods", "--output", "name"]));
    assert_eq!(left.trim(), "pod/parent", "canaries leave no pod");
}

//! `launch` on a real cluster: requests of one site, and what a run tells of each job.

mod canary;
mod disturbed;
mod ends;
mod site_defaults;
mod sweep;
mod token;
mod unschedulable;

use std::fs;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use integration_tests::cluster::namespace::Namespace;
use integration_tests::cluster::run::{Following, attempt, succeed, wait};
use integration_tests::command::Sandbox;
use integration_tests::reference::Release;
use serde_json::{Value, json};

use crate::PROGRAM;

/// In every token of every request.
const PLANTED: &str = "PLANTED-0badc0ffee";

/// A job that lasts until its pod is deleted.
const LONG: &str = "import time; print('begun', flush=True); time.sleep(600)";

/// A job that ends well once its test lets it.
const SHORT: &str = "import fcntl, os, time
while not os.path.exists('/tmp/go'): time.sleep(0.05)
fcntl.flock(open('/tmp/go'), fcntl.LOCK_EX)
print('done')";

/// Lets such a job go on. The lock on the file is held until this process ends, so that the job's end cannot kill it.
const LET_GO: &str = "import fcntl, os
go = open('/tmp/not-yet', 'w')
fcntl.flock(go, fcntl.LOCK_EX)
os.rename('/tmp/not-yet', '/tmp/go')
os._exit(0)";

/// A job that does this once its test lets it, which is when the cluster has said that it runs.
fn once_let(then: &str) -> String {
    SHORT.replace("print('done')", then)
}

/// Requests of one site, and its workspace.
struct Site<'test> {
    namespace: &'test Namespace,
    sandbox: Sandbox,
}

impl<'test> Site<'test> {
    fn new(namespace: &'test Namespace) -> Self {
        let sandbox = Sandbox::new();
        fs::create_dir_all(sandbox.join("kit/startup")).unwrap();
        fs::create_dir_all(sandbox.join("kit/local")).unwrap();
        fs::write(sandbox.join("kit/startup/rootCA.pem"), "root").unwrap();
        Self { namespace, sandbox }
    }

    /// A job whose process is this Python program. What the module `timeit` sets up is run before it measures anything.
    fn job(&self, id: &str, program: &str, k8s: &Value) {
        self.job_of_study(id, "default", program, k8s);
    }

    /// A job of a study, whose pod template is in the kit's `local/study_runtime.yaml`.
    fn job_of_study(&self, id: &str, study: &str, program: &str, k8s: &Value) {
        let mut block = json!({"image": self.namespace.cluster.image(Release::V28)});
        for (key, value) in k8s.as_object().unwrap() {
            block[key] = value.clone();
        }
        let request = json!({"role": "client", "site": "site-1", "workspace": "/var/tmp/nvflare/workspace", "owner_fqcn": "site-1",
            "transfer_token": format!("{PLANTED}-transfer"),
            "launcher": {"config_file_path": null, "namespace": self.namespace.name, "default_python_path": "/usr/local/bin/python3"},
            "job_meta": {"job_id": id, "study": study, "launcher_spec": {"default": {"k8s": block}}},
            "process_args": {"exe_module": ["-m", "timeit"], "workspace": ["-n", "1"], "startup_dir": ["-r", "1"], "job_id": ["-s", program],
                "auth_token": ["-t", format!("{PLANTED}-auth")], "ssid": ["-d", format!("{PLANTED}-ssid")]}});
        fs::write(self.sandbox.join(format!("{id}.json")), request.to_string()).unwrap();
    }

    fn command(&self, jobs: &[&str], flags: &[&str]) -> Command {
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

    /// What is there of a kind, by name.
    fn names(&self, kind: &str) -> Vec<String> {
        let names = succeed(self.namespace.kubectl().args(["get", kind, "--output", "name"]));
        names.lines().map(str::to_owned).filter(|name| !name.contains("kube-root-ca")).collect()
    }

    /// Waits until a pod is as wanted.
    fn wait_for_pod(&self, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        let pods = || {
            let pods = attempt(self.namespace.kubectl().args(["get", "pods", "--output", "json"]), &[]).ok()?;
            serde_json::from_str::<Value>(&pods).ok()?["items"].as_array().cloned()
        };
        let found = || pods()?.into_iter().find(&wanted);
        wait(Duration::from_mins(1), || format!("{what}: {:?}", pods()), found)
    }

    /// Waits until the pod of this job runs.
    fn wait_for_job(&self, job: &str) -> Value {
        let runs =
            |pod: &Value| pod["metadata"]["annotations"]["flare-kube/job-id"] == job && pod["status"]["phase"] == "Running";
        self.wait_for_pod(&format!("the job {job} to run"), runs)
    }

    /// Waits until the pod of this job runs, and lets the job go on.
    fn let_run(&self, job: &str) -> Value {
        let pod = self.wait_for_job(job);
        self.let_go(&pod);
        pod
    }

    /// Lets the job of a pod go on that waits for its test.
    fn let_go(&self, pod: &Value) {
        let name = pod["metadata"]["name"].as_str().unwrap();
        succeed(self.namespace.kubectl().args(["exec", name, "--", "/usr/local/bin/python3", "-c", LET_GO]));
    }

    /// Waits until the job's pod is in a phase.
    fn wait_for(&self, phase: &str) -> Value {
        self.wait_for_pod(phase, |pod| pod["status"]["phase"] == phase)
    }

    /// Waits until a job has printed this. It runs, for its cluster, before it prints anything.
    fn wait_for_log(&self, pod: &Value, text: &str) {
        let name = pod["metadata"]["name"].as_str().unwrap();
        let log = || attempt(self.namespace.kubectl().args(["logs", name]), &[]);
        wait(
            Duration::from_mins(1),
            || format!("`{text}` in the job's log: {:?}", log()),
            || log().ok().filter(|log| log.contains(text)),
        );
    }

    /// Waits until the scheduler has refused a pod.
    fn wait_for_unschedulable(&self) {
        self.wait_for_pod("the scheduler's refusal", |pod| {
            let mut conditions = pod["status"]["conditions"].as_array().into_iter().flatten();
            conditions.any(|condition| condition["reason"] == "Unschedulable")
        });
    }

    /// The phase of a pod, as long as it is there.
    fn phase(&self, pod: &Value) -> Option<String> {
        let name = pod["metadata"]["name"].as_str().unwrap();
        attempt(self.namespace.kubectl().args(["get", "pod", name, "--output", "jsonpath={.status.phase}"]), &[]).ok()
    }

    /// Starts a run whose job is running when this returns.
    fn start(&self, job: &str, flags: &[&str]) -> (Following, Value) {
        let following = Following::start(&mut self.command(&[job], flags));
        // A pod whose container has ended may be `Running` for a moment, so another job's pod does not count.
        (following, self.wait_for_job(job))
    }

    /// Compares what was told of a job, from its first state to its end, with the snapshot of a situation.
    fn assert_stream(&self, situation: &str, job: &Value) {
        let mut settings = insta::Settings::clone_current();
        settings.set_prepend_module_to_snapshot(false);
        for (pattern, name) in [
            (self.namespace.name.as_str(), "[namespace]"),
            (r"(docker\.io|registry\.example\.com|127\.0\.0\.1:\d+)/", "[registry]/"),
            (r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "[uid]"),
        ] {
            settings.add_filter(pattern, name);
        }
        settings.bind(|| insta::assert_snapshot!(format!("stream_{situation}"), stream(job)));
    }
}

/// Reasons of a waiting pod that its test is about. All others depend on the cluster's speed.
const MEANT: [&str; 3] = ["Unschedulable", "ErrImagePull", "InvalidImageName"];

/// The states of a job with their reasons, and then how it ended.
fn stream(job: &Value) -> String {
    let mut lines: Vec<_> = job["events"].as_array().unwrap().iter().map(line).collect();
    lines.dedup();
    lines.push(format!("end: {}", end(job)));
    lines.join("\n")
}

fn line(event: &Value) -> String {
    let [state, reason, message] = ["state", "reason", "message"].map(|key| event[key].as_str().unwrap());
    let reason = steady(reason);
    match (state, reason) {
        ("pending", reason) if !MEANT.contains(&reason) => state.to_owned(),
        // The kubelet alternates between two messages as well.
        (state, "ErrImagePull") => format!("{state} {reason}"),
        (state, reason) if message.is_empty() => format!("{state} {reason}"),
        (state, reason) => format!("{state} {reason}: {message}"),
    }
}

/// The kubelet alternates between two reasons for an image that it cannot pull.
fn steady(reason: &str) -> &str {
    if reason == "ImagePullBackOff" { "ErrImagePull" } else { reason }
}

/// The states of a job that was not always seen, without the times when it was not, whose reasons are only these.
fn when_seen(mut job: Value) -> Value {
    let events = job["events"].as_array_mut().unwrap();
    assert!(events.iter().all(|event| event["state"] != "unknown" || event["reason"] == "NoAnswer"), "{events:?}");
    events.retain(|event| event["state"] != "unknown");
    job
}

/// The document of a run that has ended.
fn document(output: &Output, code: i32) -> Value {
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(!stdout.contains(PLANTED) && !stderr.contains(PLANTED), "a token is told:\n{stdout}\n{stderr}");
    assert_eq!(output.status.code(), Some(code), "{stdout}\n{stderr}");
    serde_json::from_str(&stdout).unwrap_or_else(|error| panic!("{error}: {stdout}\n{stderr}"))
}

/// The document of a run that was started.
fn last_document(run: &mut Following, code: i32) -> Value {
    let deadline = Instant::now() + Duration::from_mins(2);
    let lines: Vec<_> = std::iter::from_fn(|| run.next_before(deadline)).collect();
    let text = lines.join("\n");
    assert!(!text.contains(PLANTED), "{text}");
    assert_eq!(run.wait().code(), Some(code), "{text}");
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

fn jobs(document: &Value) -> &[Value] {
    document["data"]["jobs"].as_array().unwrap()
}

/// How a job ended, in one line, without its waits, which depend on the cluster's speed.
fn end(job: &Value) -> String {
    let text = |key: &str| job[key].as_str().unwrap_or("-").to_owned();
    let removed = if job["removed"] == true { "removed" } else { "left" };
    format!(
        "{} {} {} {} {} {removed}",
        text("state"),
        job["return_code"],
        job["exit_code"],
        text("class"),
        steady(&text("reason"))
    )
}

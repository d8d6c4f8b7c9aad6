//! `launch run`, `watch` and `sweep` as processes against a small simulated cluster: output, exit codes, and that no token is printed.

use std::fs;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use flare_names::Target;
use integration_tests::command::{Finished, Sandbox};
use integration_tests::kit::Tree;
use integration_tests::pod_cluster::PodCluster;
use integration_tests::workspace_directory;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

const PROGRAM: &str = env!("CARGO_BIN_EXE_flare-kube-under-test");

/// A part of every token in every request.
pub(crate) const PLANTED: &str = "PLANTED-0badc0ffee";

pub(crate) struct Scene {
    pub(crate) cluster: PodCluster,
    pub(crate) sandbox: Sandbox,
    target: &'static str,
}

impl Scene {
    pub(crate) fn new(target: &'static str) -> Self {
        let (cluster, sandbox) = (PodCluster::start(), Sandbox::new());
        fs::create_dir_all(sandbox.join("kit/startup")).unwrap();
        fs::write(sandbox.join("kit/startup/rootCA.pem"), "root").unwrap();
        cluster.kubeconfig(&sandbox.join("kubeconfig"));
        Self { cluster, sandbox, target }
    }

    /// A request whose container does what the image says.
    pub(crate) fn request(&self, job: &str, image: &str) {
        let request = json!({"role": "client", "site": "site-1", "workspace": "/w", "owner_fqcn": "site-1",
            "transfer_token": format!("{PLANTED}-transfer"),
            "launcher": {"config_file_path": null, "namespace": "fl", "study_data_pvc_file_path": "/w/local/study_data.yaml"},
            "job_meta": {"job_id": job, "launcher_spec": {"default": {"k8s": {"image": image}}}},
            "process_args": {"exe_module": ["-m", "worker"], "auth_token": ["-t", format!("{PLANTED}-auth")],
                "auth_signature": ["-ts", format!("{PLANTED}-signature")], "ssid": ["-d", format!("{PLANTED}-ssid")]}});
        fs::write(self.sandbox.join(format!("{job}.json")), request.to_string()).unwrap();
    }

    pub(crate) fn command(&self, jobs: &[&str], flags: &str) -> Command {
        let mut command = self.sandbox.command(PROGRAM);
        command.args(["launch", "run", "--kit", "kit", "--target", self.target, "--kubeconfig", "kubeconfig"]);
        for job in jobs {
            command.args(["--request", &format!("{job}.json")]);
        }
        command.args(flags.split_whitespace());
        command
    }

    fn run(&self, jobs: &[&str], flags: &str) -> Finished {
        let output = self.command(jobs, flags).output().unwrap();
        let finished = Finished::new(&output, self.sandbox.path());
        assert!(!format!("{finished:?}").contains(PLANTED), "a token is told: {finished:#?}");
        finished
    }

    fn launch(&self, line: &str) -> Finished {
        self.launch_any(&format!("{line} --namespace fl -o json"))
    }

    /// A line of `launch` in this cluster.
    pub(crate) fn launch_any(&self, line: &str) -> Finished {
        let cluster = if line.starts_with("manifest ") { "" } else { " --kubeconfig kubeconfig" };
        self.sandbox.run(PROGRAM, format!("launch {line}{cluster}").split_whitespace())
    }

    /// A run whose job runs when this returns.
    pub(crate) fn start(&self, job: &str) -> Child {
        let child = self.command(&[job], "-o json").stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let begin = Instant::now();
        while !self.cluster.has_pod_in("Running") {
            assert!(begin.elapsed() < Duration::from_secs(30), "the job does not run");
            sleep(Duration::from_millis(20));
        }
        child
    }

    fn finish(&self, child: Child) -> Finished {
        let finished = Finished::new(&child.wait_with_output().unwrap(), self.sandbox.path());
        assert!(!format!("{finished:?}").contains(PLANTED), "a token is told: {finished:#?}");
        finished
    }
}

pub(crate) fn signal(child: &Child, signal: Signal) {
    kill_process(Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap(), signal).unwrap();
}

/// Each job without times, uids and waits, which depend on the machine's speed.
fn told(document: &Value) -> Vec<Value> {
    let mut jobs = document["data"]["jobs"].as_array().unwrap().clone();
    for job in &mut jobs {
        assert_eq!(job["uid"].is_string(), job["reason"] != "Forbidden", "{job}");
        job["uid"].take();
        let mut states: Vec<Value> = Vec::new();
        for event in job["events"].as_array().unwrap() {
            assert!(event["at"].as_str().unwrap().parse::<jiff::Timestamp>().is_ok() && event["message"].is_string(), "{event}");
            let state = match event["state"].as_str().unwrap() {
                "pending" => json!("pending"),
                state => json!(format!("{state} {}", event["reason"].as_str().unwrap())),
            };
            if states.last() != Some(&state) {
                states.push(state);
            }
        }
        job["events"] = json!(states);
        if let Some(evidence) = job["evidence"].as_object_mut() {
            evidence.remove("conditions");
        }
    }
    jobs
}

#[test]
fn each_end_has_its_words_its_code_and_its_exit_status() {
    for target in Target::ALL.map(Target::as_str) {
        let scene = Scene::new(target);
        let images = [
            ("good", "fl/exit:0"),
            ("bad", "fl/exit:3"),
            ("unsafe", "fl/exit:102"),
            ("unpullable", "fl/pull:1"),
            ("refused", "fl/refused:1"),
        ];
        for (job, image) in images {
            scene.request(job, image);
        }
        let jobs = images.map(|(job, _)| job);
        let document = scene.run(&jobs, "-o json --pending-timeout 6").expect_code(1).json();
        assert_eq!((&document["status"], &document["error_code"]), (&json!("error"), &json!("JOB_NOT_SUCCEEDED")));
        assert_eq!(document["errors"].as_array().unwrap().len(), 4, "{document:#}");
        if target == "2.9" {
            insta::assert_json_snapshot!("launch_run_ends", told(&document));
        }
        assert!(document["data"]["api_requests"].as_u64().unwrap() < 60, "{document:#}");
        assert_eq!(
            (scene.cluster.count("WATCH /api/v1/namespaces/fl/pods"), scene.cluster.count("WATCH /api/v1/namespaces/fl/events")),
            (1, 1)
        );
        assert_eq!(scene.cluster.names("pods"), [""; 0]);
        assert_eq!(scene.cluster.names("secrets").len(), 1, "{:?}", scene.cluster.names("secrets"));
    }
}

#[test]
fn a_job_that_the_api_server_refuses_has_not_succeeded_whichever_comes_first() {
    let scene = Scene::new("2.9");
    scene.request("refused", "fl/refused:1");
    scene.request("good", "fl/exit:0");
    for jobs in [&["refused"][..], &["refused", "good"], &["good", "refused"]] {
        let document = scene.run(jobs, "-o json").expect_code(1).json();
        assert_eq!(document["error_code"], "JOB_NOT_SUCCEEDED", "{document:#}");
        let rows = document["data"]["jobs"].as_array().unwrap();
        let refused = rows.iter().find(|job| job["request"] == "refused.json").unwrap();
        assert_eq!(refused["state"], "not_started", "{document:#}");
    }
    // Before anything runs, a refusal is one of the cluster.
    let _ = scene.run(&["refused"], "-o json --dry-run").expect_code(5);
}

#[test]
fn a_run_that_goes_well_says_so_to_people_and_to_machines() {
    let scene = Scene::new("2.9");
    scene.request("good", "fl/exit:0");
    let text = scene.run(&["good"], "").expect_code(0);
    assert!(text.stdout.contains("good.json") && text.stdout.contains("succeeded"), "{text:#?}");
    assert!(text.stderr.contains("running Running") && text.stderr.contains("succeeded Completed"), "{text:#?}");
    let quiet = scene.run(&["good"], "-q -o json").expect_code(0);
    assert_eq!(quiet.stderr, "");
    assert_eq!(quiet.json()["data"]["jobs"][0]["state"], "succeeded");
}

#[test]
fn the_end_of_the_time_and_ctrl_c_end_the_jobs() {
    let scene = Scene::new("2.9");
    scene.request("long", "fl/run:1");
    let document = scene.run(&["long"], "-o json --timeout 6").expect_code(6).json();
    assert_eq!(document["error_code"], "TIMED_OUT");
    insta::assert_json_snapshot!("launch_run_aborted", told(&document));
    assert_eq!(scene.cluster.names("pods"), [""; 0]);
    for end in [Signal::INT, Signal::TERM] {
        let child = scene.start("long");
        signal(&child, end);
        let document = scene.finish(child).expect_code(130).json();
        assert_eq!((&document["error_code"], &document["data"]["jobs"][0]["state"]), (&json!("INTERRUPTED"), &json!("aborted")));
        assert_eq!(scene.cluster.names("pods"), [""; 0]);
    }
}

#[test]
fn a_run_that_was_killed_is_taken_over_and_nothing_is_made_twice() {
    let scene = Scene::new("2.9");
    scene.request("long", "fl/run:1");
    let mut killed = scene.start("long");
    signal(&killed, Signal::KILL);
    killed.wait().unwrap();
    let dry = scene.run(&["long"], "-o json --dry-run").expect_code(0).json();
    assert_eq!((&dry["data"]["dry_run"], &dry["data"]["jobs"][0]["would"]), (&json!(true), &json!("take over")));
    let made = scene.cluster.count("POST /api/v1/namespaces/fl/pods");
    let document = scene.run(&["long"], "-o json --timeout 3").expect_code(6).json();
    assert_eq!(document["data"]["jobs"][0]["taken_over"], true);
    assert_eq!(scene.cluster.count("POST /api/v1/namespaces/fl/pods"), made);
    assert_eq!(
        (scene.cluster.names("pods").len(), scene.cluster.names("secrets").len()),
        (0, 1),
        "the Secret goes with its owner"
    );
}

#[test]
fn kept_pods_are_watched_shown_and_swept() {
    let scene = Scene::new("2.9");
    scene.request("bad", "fl/exit:3");
    let kept = scene.run(&["bad"], "-o json --keep").expect_code(1).json();
    assert_eq!((&kept["data"]["jobs"][0]["removed"], scene.cluster.names("pods").len()), (&json!(false), 1));
    let again = scene.run(&["bad"], "-o json --keep").expect_code(1).json();
    assert!(again["warnings"][0]["message"].as_str().unwrap().contains("had ended before this run"), "{again:#}");
    scene.request("long", "fl/run:1");
    let mut running = scene.start("long");
    let watched = scene.launch("watch --timeout 4").expect_code(0).json();
    let states: Vec<_> =
        watched["data"]["jobs"].as_array().unwrap().iter().map(|job| (&job["job"], &job["state"], &job["site"])).collect();
    for expected in [(&json!("bad"), &json!("failed"), &json!("site-1")), (&json!("long"), &json!("running"), &json!("site-1"))] {
        assert!(states.contains(&expected), "{watched:#}");
    }
    let shown = scene.launch("sweep").expect_code(0).json();
    assert_eq!((&shown["data"]["orphans"][0]["kind"], &shown["data"]["deleted"]), (&json!("Pod"), &json!(false)), "{shown:#}");
    let dry = scene.launch("sweep --delete --dry-run").expect_code(0).json();
    assert_eq!((&dry["data"]["orphans"], &dry["data"]["deleted"]), (&shown["data"]["orphans"], &json!(false)));
    assert_eq!(scene.cluster.names("pods").len(), 2);
    let swept = scene.launch("sweep --delete").expect_code(0).json();
    assert_eq!((&swept["data"]["orphans"], &swept["data"]["deleted"]), (&shown["data"]["orphans"], &json!(true)));
    assert_eq!(scene.cluster.names("pods").len(), 1, "the job that runs is not an orphan");
    assert_eq!(scene.launch("sweep --delete").expect_code(0).json()["data"]["orphans"], json!([]));
    running.kill().unwrap();
    running.wait().unwrap();
}

#[test]
fn a_sweep_that_cannot_delete_everything_shows_what_it_found() {
    let scene = Scene::new("2.9");
    let labels = json!({"app.kubernetes.io/managed-by": "flare-kube", "app.kubernetes.io/component": "job"});
    let metadata = json!({"name": "held", "namespace": "fl", "labels": labels, "finalizers": ["example.com/hold"]});
    let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": {"containers": []}, "status": {"phase": "Succeeded"}});
    scene.cluster.make("/api/v1/namespaces/fl/pods/held", pod);
    let swept = scene.launch("sweep --delete --timeout 4").expect_code(6).json();
    assert_eq!((&swept["error_code"], &swept["data"]["deleted"]), (&json!("TIMED_OUT"), &json!(false)), "{swept:#}");
    assert_eq!(swept["data"]["orphans"][0]["name"], "held", "{swept:#}");
    let text = scene.launch_any("sweep --namespace fl --delete --timeout 4").expect_code(6);
    assert!(text.stdout.starts_with("Pod held: ") && text.stderr.contains("is being deleted"), "{text:#?}");
}

#[test]
fn a_watch_that_is_interrupted_shows_the_jobs_so_far() {
    let scene = Scene::new("2.9");
    scene.request("bad", "fl/exit:3");
    let _ = scene.run(&["bad"], "-o json --keep").expect_code(1);
    let before = scene.cluster.count("WATCH /api/v1/namespaces/fl/pods");
    let mut watch = scene.sandbox.command(PROGRAM);
    watch.args("launch watch --namespace fl --kubeconfig kubeconfig -o json".split(' '));
    let watch = watch.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let begin = Instant::now();
    while scene.cluster.count("WATCH /api/v1/namespaces/fl/pods") == before {
        assert!(begin.elapsed() < Duration::from_secs(30), "the pods are not watched");
        sleep(Duration::from_millis(20));
    }
    signal(&watch, Signal::INT);
    let document = scene.finish(watch).expect_code(130).json();
    assert_eq!((&document["error_code"], &document["data"]["jobs"][0]["state"]), (&json!("INTERRUPTED"), &json!("failed")));
    assert!(document["message"].as_str().unwrap().contains("nothing was changed"), "{document:#}");
}

#[test]
fn a_job_is_run_although_its_secret_takes_longer_than_a_parent_waits() {
    let scene = Scene::new("2.9");
    for job in ["first", "second"] {
        scene.request(job, "fl/exit:0");
        let _ = scene.run(&[job], "-o json").expect_code(0);
        // From now on there is a Secret to be replaced.
        scene.cluster.replace_slowly(Duration::from_secs(6));
    }
}

#[test]
fn many_jobs_at_once_are_run_although_the_api_server_replaces_their_sites_secret_slowly() {
    let scene = Scene::new("2.9");
    // All of them together take longer than a launch may take.
    scene.cluster.replace_slowly(Duration::from_millis(200));
    let names: Vec<_> = (0..110).map(|number| format!("many-{number}")).collect();
    for name in &names {
        scene.request(name, "fl/exit:0");
    }
    let jobs: Vec<_> = names.iter().map(String::as_str).collect();
    let document = scene.run(&jobs, "-o json").expect_code(0).json();
    let told = document["data"]["jobs"].as_array().unwrap().iter().map(|job| job["request"].as_str().unwrap());
    assert!(told.eq(names.iter().map(|name| format!("{name}.json"))), "in the order of the requests: {document:#}");
    assert_eq!(scene.cluster.count("WATCH /api/v1/namespaces/fl/pods"), 1);
    assert_eq!((scene.cluster.names("pods"), scene.cluster.names("secrets").len()), (Vec::new(), 1));
}

#[test]
fn what_is_wrong_with_the_requests_is_said_before_anything_is_sent() {
    let scene = Scene::new("2.9");
    scene.request("good", "fl/exit:0");
    fs::write(scene.sandbox.join("wrong.json"), "{}").unwrap();
    let document = scene.run(&["good", "wrong"], "-o json").expect_code(4).json();
    assert_eq!(document["error_code"], "INVALID_LAUNCH_REQUEST");
    let twice = scene.run(&["good", "good"], "-o json").expect_code(4).json();
    assert!(twice["message"].as_str().unwrap().contains("as another request does"), "{twice:#}");
    let other = scene.run(&["good"], "-o json -n other").expect_code(4).json();
    assert_eq!(other["error_code"], "INVALID_ARGS");
    assert_eq!(scene.cluster.count("POST"), 0);
    scene
        .cluster
        .make("/api/v1/namespaces/fl/pods/jgood-site-1-c828b91c", json!({"metadata": {"name": "x"}, "spec": {"containers": []}}));
    let names = scene.run(&["good"], "-o json --dry-run");
    assert!(names.code == Some(0) || names.code == Some(5), "{names:#?}");
}

/// A prepared kit of the namespace `fl`, and a job without tokens.
pub(crate) fn prepared(scene: &Scene) {
    Tree::read(&workspace_directory().join("fixtures/kits/plain-2.9.0/site-1")).write(&scene.sandbox.join("site-1"));
    let config = "runtime: k8s\nnamespace: fl\nparent: {docker_image: 'registry.example.com/nvflare/nvflare:2.9.0'}\n";
    fs::write(scene.sandbox.join("k8s.yaml"), config).unwrap();
    let meta = json!({"job_id": "j1", "launcher_spec": {"default": {"k8s": {"image": "fl/exit:0"}}}});
    fs::write(scene.sandbox.join("meta.json"), meta.to_string()).unwrap();
    let _ = scene.sandbox.run(PROGRAM, "prepare site-1 --config k8s.yaml --output out".split(' ')).expect_code(0);
}

#[test]
fn a_prepared_kit_is_enough_to_run_a_job_to_prove_the_site_and_to_sweep_it() {
    let scene = Scene::new("2.9");
    prepared(&scene);
    let run = |line: &str| {
        let line = format!("launch {line} --kubeconfig kubeconfig -o json");
        scene.sandbox.run(PROGRAM, line.split_whitespace())
    };
    let ran = run("run out --job meta.json").expect_code(0).json();
    assert_eq!(
        (&ran["data"]["jobs"][0]["state"], &ran["data"]["jobs"][0]["request"]),
        (&json!("succeeded"), &json!("meta.json"))
    );
    let canary = run("canary out --image fl/exit:0").expect_code(1).json();
    let found: Vec<_> = canary["data"]["findings"].as_array().unwrap().iter().map(|one| (&one["id"], &one["severity"])).collect();
    let expected = [("J01", "ok"), ("J03", "ok"), ("J05", "error")].map(|(id, severity)| (json!(id), json!(severity)));
    assert_eq!(found, expected.iter().map(|(id, severity)| (id, severity)).collect::<Vec<_>>(), "{canary:#}");
    let silent = run("canary out --image fl/wait:1 --pending-timeout 1").expect_code(1).json();
    assert_eq!(silent["data"]["findings"][0]["severity"], "error");
    assert!(silent["data"]["findings"][0]["message"].as_str().unwrap().contains("has not started, NotScheduled"), "{silent:#}");
    assert_eq!((scene.cluster.names("pods"), scene.cluster.names("secrets").len()), (Vec::new(), 1));
    // The parent is not installed, so nobody needs the site's Secret.
    let swept = run("sweep out --delete").expect_code(0).json();
    assert_eq!(swept["data"]["orphans"][0]["reason"], "its parent is not there any more", "{swept:#}");
    assert!(scene.cluster.names("secrets").is_empty());
}

#[test]
fn a_canary_of_a_study_with_an_image_of_its_own_runs_in_that() {
    let scene = Scene::new("2.9");
    prepared(&scene);
    let studies = "format_version: 2\nstudies:\n  cancer: {container: {image: 'fl/exit:0'}}\n";
    fs::write(scene.sandbox.join("out/local/study_runtime.yaml"), studies).unwrap();
    let canary = scene.launch_any("canary out --study cancer -o json").expect_code(1).json();
    let message = canary["data"]["findings"][0]["message"].as_str().unwrap();
    assert_eq!(message, "a job pod with the image fl/exit:0 started and ended", "{canary:#}");
    let dry = scene.launch_any("canary out --study other --dry-run -o json").expect_code(0).json();
    assert_eq!(dry["data"]["image"], "registry.example.com/nvflare/nvflare:2.9.0", "{dry:#}");
}

#[test]
fn the_job_pods_of_flares_own_launcher_are_watched_with_their_site() {
    let scene = Scene::new("2.9");
    prepared(&scene);
    let pod = |name: &str, secret: &str| {
        let container = json!({"name": "container-j9c0d", "image": "fl/job:1"});
        let status = json!({"name": "container-j9c0d", "image": "fl/job:1", "imageID": "", "ready": true, "restartCount": 0,
            "state": {"running": {}}});
        let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": "fl"},
            "spec": {"containers": [container], "volumes": [{"name": "startup-kit", "secret": {"secretName": secret}}]},
            "status": {"phase": "Running", "containerStatuses": [status]}});
        scene.cluster.make(&format!("/api/v1/namespaces/fl/pods/{name}"), pod);
    };
    pod("j9c0d-site-1-f505dccd", "nvflare-startup-site-1-f505dccd");
    pod("j9c0d-site-2-00000000", "nvflare-startup-site-2-00000000");
    let watched = scene.launch_any("watch out --timeout 3 -o json").expect_code(0).json();
    let jobs = watched["data"]["jobs"].as_array().unwrap();
    let told: Vec<_> = jobs.iter().map(|job| (&job["job"], &job["site"], &job["state"])).collect();
    assert_eq!(told, [(&json!("9c0d"), &json!("site-1"), &json!("running"))], "{watched:#}");
}

#[test]
fn jobs_that_were_never_submitted_are_told_apart_and_the_same_one_is_taken_over() {
    let scene = Scene::new("2.9");
    prepared(&scene);
    for (job, image) in [("long", "fl/run:1"), ("good", "fl/exit:0")] {
        fs::create_dir(scene.sandbox.join(job)).unwrap();
        let meta = json!({"launcher_spec": {"default": {"k8s": {"image": image}}}});
        fs::write(scene.sandbox.join(format!("{job}/meta.json")), meta.to_string()).unwrap();
    }
    let mut killed = scene.sandbox.command(PROGRAM);
    killed.args(["launch", "run", "out", "--job", "long", "--kubeconfig", "kubeconfig"]);
    let mut killed = killed.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let begin = Instant::now();
    while !scene.cluster.has_pod_in("Running") {
        assert!(begin.elapsed() < Duration::from_secs(30), "the job does not run");
        sleep(Duration::from_millis(20));
    }
    signal(&killed, Signal::KILL);
    killed.wait().unwrap();
    let other = scene.launch_any("run out --job good -o json").expect_code(0).json();
    let job = &other["data"]["jobs"][0];
    assert_eq!((&job["taken_over"], &job["state"]), (&json!(false), &json!("succeeded")), "{other:#}");
    let same = scene.launch_any("run out --job long/meta.json --timeout 3").expect_code(6);
    assert!(same.stdout.contains(" was there already and was taken over\n"), "{same:#?}");
}

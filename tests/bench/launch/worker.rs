//! flare-kube's launcher in a process of its own: creates the jobs at a word on stdin, follows them, tells what it sees.

use std::collections::BTreeMap;
use std::io::BufRead as _;
use std::sync::Arc;
use std::time::Duration;

use flare_cluster::{Access, ClusterEnvironment};
use flare_names::Target;
use flare_pod_launch::{Job, JobPod, JobState, Launcher, LauncherOptions, Notice};
use flare_pod_manifest::{Additions, LaunchRequest, SiteFiles, manifest};
use serde_json::{Value, json};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::program::now;

/// How many jobs a parent may submit at once.
const AT_ONCE: usize = 16;

/// Runs `jobs` jobs by the bench's settings, which the reference's driver gets too.
pub(crate) fn run(settings: &Value) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let access = Access { kubeconfig: Some(text(settings, "kubeconfig").into()), context: None };
        let cluster = flare_cluster::connect(&access, &ClusterEnvironment::default()).await.unwrap();
        let options = LauncherOptions { answer: Duration::from_mins(1), ..LauncherOptions::new(jiff::Timestamp::now()) };
        let launcher = Launcher::start(&cluster, text(settings, "namespace"), options);
        let known = launcher.pods().await.unwrap();
        assert!(known.is_empty(), "the namespace has job pods: {known:?}");
        tell("ready", "", "");
        std::io::stdin().lock().read_line(&mut String::new()).unwrap();
        let (mut jobs, places) = (JoinSet::new(), Arc::new(Semaphore::new(AT_ONCE)));
        for number in 0..settings["jobs"].as_u64().expect("a number") {
            let place = Arc::clone(&places).acquire_owned().await.unwrap();
            let (launcher, (pod, container)) = (launcher.clone(), job_pod(settings, number));
            jobs.spawn(async move {
                let job = launcher.launch(pod).await.unwrap();
                drop(place);
                tell("created", &job.pod, &container);
                follow(job).await;
            });
        }
        while let Some(ended) = jobs.join_next().await {
            ended.unwrap();
        }
    });
}

/// Tells a job's states up to its settlement.
async fn follow(mut job: Job) {
    while let Some(notice) = job.next().await {
        match notice {
            Notice::Changed(to) if to.state == JobState::Running => tell("running", &job.pod, ""),
            Notice::Ended(end) => tell("ended", &job.pod, &end.return_code.to_string()),
            Notice::Settled(_) => tell("settled", &job.pod, ""),
            Notice::Changed(_) | Notice::Uid(_) | Notice::Kept(_) => {}
        }
    }
}

/// A job pod, and the name of its container.
fn job_pod(settings: &Value, number: u64) -> (JobPod, String) {
    let request = json!({"role": "client", "site": "site-1", "workspace": "/var/tmp/nvflare/workspace", "owner_fqcn": "site-1",
        "transfer_token": "bench",
        "launcher": {"config_file_path": null, "namespace": settings["namespace"], "default_python_path": settings["python"],
            "study_data_pvc_file_path": "/nonexistent",
            "pending_timeout": settings["pending_timeout"], "ephemeral_storage": "1Mi"},
        "job_meta": {"job_id": format!("bench-{number:05}"), "launcher_spec": {"default": {"k8s": {"image": settings["image"]}}}},
        "process_args": {"exe_module": ["-m", "timeit"], "workspace": ["-n", "1"], "startup_dir": ["-r", "1"],
            "job_id": ["-s", program(settings, number)]}});
    let request = LaunchRequest::parse(request.to_string().as_bytes(), "request.json", Target::V2_8).unwrap().value;
    let files = SiteFiles::new(BTreeMap::from([("rootCA.pem".to_owned(), b"root".to_vec())]));
    let mut manifest = manifest(&request, &files, &Additions::default()).unwrap().value;
    if settings["scheduler"].is_string() {
        manifest.pod["spec"]["schedulerName"] = settings["scheduler"].clone();
    }
    let pod = JobPod::new(&manifest).unwrap();
    (pod, manifest.container)
}

/// What a job does: sleeps until its own time, and then ends well or not.
fn program(settings: &Value, number: u64) -> String {
    let numbers = format!("{} + {number} * {}", settings["end"], settings["step"]);
    format!("import os, time; time.sleep(max(0, {numbers} - time.time())); os._exit({})", number % 2)
}

fn text<'settings>(settings: &'settings Value, key: &str) -> &'settings str {
    settings[key].as_str().expect("the bench gives every setting")
}

fn tell(word: &str, pod: &str, rest: &str) {
    println!("{word} {pod} {:.3} {rest}", now());
}

//! A launcher against a simulated API server that can fail at any request, which a real one cannot on demand.
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests: a failure is a failed test")]

mod adoption;
mod creation;
mod ends;
mod observing;
mod secrets;
mod server;
mod sweeping;
mod trouble;

use std::{collections::BTreeMap, time::Duration};

use flare_names::Target;
use flare_pod_launch::{End, Job, JobPod, JobState, Launcher, LauncherOptions, Notice};
use flare_pod_manifest::{Additions, LaunchRequest, SiteFiles, manifest};
use serde_json::{Value, json};
use server::Server;
use tokio::time::timeout;

/// Text in the transfer token, the credentials and the kit that must not occur in any notice.
const PLANTED: &str = "PLANTED-a8f1c0ffee";

/// The deadline of every wait in these tests.
const SOON: Duration = Duration::from_secs(20);

fn job_pod(job: &str, target: Target) -> JobPod {
    let request = json!({"role": "client", "site": "site-1", "workspace": "/w", "owner_fqcn": "site-1", "transfer_token": format!("{PLANTED}-t"),
        "launcher": {"config_file_path": null, "namespace": "fl", "study_data_pvc_file_path": "/w/local/study_data.yaml"},
        "job_meta": {"job_id": job, "launcher_spec": {"default": {"k8s": {"image": "fl/job:1"}}}},
        "process_args": {"exe_module": ["-m", "worker"], "auth_token": ["-t", format!("{PLANTED}-a")],
            "auth_signature": ["-ts", format!("{PLANTED}-s")], "ssid": ["-d", format!("{PLANTED}-d")]}});
    let request = LaunchRequest::parse(request.to_string().as_bytes(), "request.json", target).unwrap().value;
    let files = SiteFiles::new(BTreeMap::from([("client.key".to_owned(), PLANTED.as_bytes().to_vec())]));
    JobPod::new(&manifest(&request, &files, &Additions::default()).unwrap().value).unwrap()
}

fn pod(job: &str) -> JobPod {
    job_pod(job, Target::V2_9)
}

async fn launcher(server: &Server) -> Launcher {
    Launcher::start(&server.connect().await, "fl", LauncherOptions::new(jiff::Timestamp::now()))
}

/// A launcher that answers a launch within a second, and goes on without a list of pods after half of it.
async fn hasty_launcher(server: &Server) -> Launcher {
    let options = LauncherOptions { answer: Duration::from_secs(1), ..LauncherOptions::new(jiff::Timestamp::now()) };
    Launcher::start(&server.connect().await, "fl", options)
}

fn state(pod: &JobPod, phase: &str, state: &Value) -> Value {
    json!({"phase": phase, "containerStatuses": [{"name": pod.container(), "image": "i", "imageID": "", "ready": true, "restartCount": 0, "state": state}]})
}

fn run(server: &Server, pod: &JobPod) {
    server.set_status(pod.name(), state(pod, "Running", &json!({"running": {}})));
}

fn exit(server: &Server, pod: &JobPod, code: i32) {
    let phase = if code == 0 { "Succeeded" } else { "Failed" };
    let terminated = json!({"terminated": {"exitCode": code, "reason": "Error", "message": format!("said {PLANTED}-a")}});
    server.set_status(pod.name(), state(pod, phase, &terminated));
}

/// All notices up to the settlement, which arrive in order, and the only end.
async fn all(job: &mut Job) -> (Vec<Notice>, End) {
    let mut notices = Vec::new();
    while let Some(notice) = timeout(SOON, job.next()).await.unwrap_or_else(|_| panic!("no settlement after {notices:#?}")) {
        notices.push(notice);
    }
    let ends: Vec<_> =
        notices.iter().filter_map(|notice| if let Notice::Ended(end) = notice { Some(end) } else { None }).collect();
    let [end] = ends[..] else { panic!("not one end: {notices:#?}") };
    assert!(matches!(notices.last(), Some(Notice::Settled(_))), "{notices:#?}");
    let end = end.clone();
    (notices, end)
}

/// The notices up to this one, for a pod whose removal nobody sees.
async fn up_to(job: &mut Job, is_last: impl Fn(&Notice) -> bool) -> Vec<Notice> {
    let mut notices = Vec::new();
    while !notices.last().is_some_and(&is_last) {
        let notice = timeout(SOON, job.next()).await.unwrap_or_else(|_| panic!("nothing more after {notices:#?}"));
        notices.push(notice.unwrap_or_else(|| panic!("the stream ends after {notices:#?}")));
    }
    notices
}

/// Waits until this is so.
async fn when(what: &str, is_so: impl Fn() -> bool) {
    let end = tokio::time::Instant::now() + SOON;
    while !is_so() {
        assert!(tokio::time::Instant::now() < end, "{what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Waits until the job is in this state.
async fn until(job: &mut Job, state: JobState) {
    loop {
        match timeout(SOON, job.next()).await.expect("a state comes").expect("the stream goes on") {
            Notice::Changed(to) if to.state == state => return,
            Notice::Changed(_) | Notice::Uid(_) => {}
            other => panic!("{other:?}"),
        }
    }
}

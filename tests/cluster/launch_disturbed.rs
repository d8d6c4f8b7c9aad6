//! `launch run` while the cluster ends its job, takes its node away, or does not answer: what is told, in order, and nothing left behind.

use std::thread::sleep;
use std::time::{Duration, Instant};

use integration_tests::cluster::component;
use integration_tests::cluster::cutting_proxy::CuttingProxy;
use integration_tests::cluster::namespace::Namespace;
use integration_tests::cluster::node;
use integration_tests::cluster::run::{Following, succeed, succeed_with, wait};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use crate::launch::{Site, ends, last_document};
use crate::staging_faults::random;

/// A job that lasts until its pod is deleted.
const LONG: &str = "import time; time.sleep(600)";

/// A job that ends by itself after this number of seconds.
fn lasting(seconds: u32) -> String {
    format!("import time; time.sleep({seconds}); print('done')")
}

/// The states of the only job with their reasons, without the reasons of waiting, which depend on the cluster's speed.
fn stream(document: &Value) -> Vec<String> {
    let events = document["data"]["jobs"][0]["events"].as_array().unwrap();
    let mut told: Vec<_> = events
        .iter()
        .map(|event| match event["state"].as_str().unwrap() {
            "pending" => "pending".to_owned(),
            state => format!("{state} {}", event["reason"].as_str().unwrap()),
        })
        .collect();
    told.dedup();
    told
}

/// The stream of a job that was not always seen, without the times when it was not, whose reasons are only these.
fn stream_when_seen(document: &Value) -> Vec<String> {
    let mut told = stream(document);
    let unseen = |line: &String| line.starts_with("unknown ");
    assert!(told.iter().filter(|line| unseen(line)).all(|line| line == "unknown NoAnswer"), "{told:?}");
    told.retain(|line| !unseen(line));
    told.dedup();
    told
}

const EVICTED: [&str; 4] = ["pending", "running Running", "ending EvictionByEvictionAPI", "failed EvictionByEvictionAPI"];

#[test]
fn launch_an_evicted_job_says_so() {
    let namespace = Namespace::open("launch-evicted");
    let site = Site::new(&namespace);
    site.job("long", LONG, &json!({}));
    let (mut run, pod) = site.start("long", &[]);
    let name = pod["metadata"]["name"].as_str().unwrap();
    let eviction = json!({"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": name}, "deleteOptions": {"gracePeriodSeconds": 1}});
    let path = format!("/api/v1/namespaces/{}/pods/{name}/eviction", namespace.name);
    succeed_with(
        namespace.cluster.kubectl().args(["create", "--raw", &path, "--filename", "-"]),
        eviction.to_string().as_bytes(),
    );
    let document = last_document(&mut run);
    assert_eq!(run.wait().code(), Some(1));
    assert_eq!(stream(&document), EVICTED, "{document}");
    assert_eq!(document["data"]["jobs"][0]["return_code"], 9, "{document}");
    assert_eq!(site.names("pods"), [""; 0]);
}

#[test]
fn launch_a_drained_node_ends_its_job_and_the_next_one_waits_until_the_node_is_back() {
    let namespace = Namespace::exclusive("launch-drained");
    let site = Site::new(&namespace);
    site.job("long", LONG, &json!({}));
    site.job("next", "pass", &json!({}));
    let (mut run, pod) = site.start("long", &[]);
    let change = node::cordoned(&namespace);
    let job = pod["metadata"]["labels"]["flare-kube/job-id"].as_str().unwrap();
    let drain = ["drain", &change.node, "--force", "--delete-emptydir-data", "--grace-period=1", "--timeout=30s"];
    succeed(namespace.cluster.kubectl().args(drain).arg(format!("--pod-selector=flare-kube/job-id={job}")));
    let document = last_document(&mut run);
    assert_eq!(run.wait().code(), Some(1));
    assert_eq!(stream(&document), EVICTED, "{document}");
    let mut run = Following::start(&mut site.command(&["next"], &["--pending-timeout", "60"]));
    let waits = || {
        let pod = site.wait_for("Pending");
        let conditions = pod["status"]["conditions"].as_array()?.clone();
        conditions.into_iter().find(|condition| condition["reason"] == "Unschedulable")
    };
    let why = wait(Duration::from_secs(30), || "the scheduler to refuse the node".to_owned(), waits);
    assert!(why["message"].as_str().unwrap().contains("unschedulable"), "{why}");
    drop(change);
    let document = last_document(&mut run);
    assert_eq!(run.wait().code(), Some(0));
    assert_eq!(ends(&document), ["succeeded 0 0 - Completed removed"], "{document}");
    let events = document["data"]["jobs"][0]["events"].as_array().unwrap();
    assert!(events.iter().any(|event| event["reason"] == "Unschedulable"), "{document}");
    assert_eq!(site.names("pods"), [""; 0]);
}

#[test]
fn launch_a_job_outlives_a_restart_of_the_api_server() {
    let namespace = Namespace::exclusive("launch-restart");
    let site = Site::new(&namespace);
    site.job("good", &lasting(15), &json!({}));
    let (mut run, pod) = site.start("good", &[]);
    component::restart(&namespace, "kube-apiserver");
    let document = last_document(&mut run);
    assert_eq!(run.wait().code(), Some(0), "{document}");
    assert_eq!(document["data"]["jobs"][0]["uid"], pod["metadata"]["uid"], "the same pod");
    assert_eq!(stream_when_seen(&document), ["pending", "running Running", "succeeded Completed"], "{document}");
    assert_eq!(ends(&document), ["succeeded 0 0 - Completed removed"]);
    assert_eq!((site.names("pods"), site.names("secrets").len()), (Vec::new(), 1));
}

#[test]
fn launch_watches_that_break_at_random_lose_no_state_and_make_none() {
    let (seed, mut random) = random();
    let namespace = Namespace::open("launch-broken");
    let site = Site::new(&namespace);
    let proxy = CuttingProxy::start(&namespace.cluster, &site.sandbox.join("kubeconfig-cut"));
    site.job("good", &lasting(8), &json!({}));
    let through = ["--kubeconfig", proxy.kubeconfig.to_str().unwrap()];
    let (mut run, pod) = site.start("good", &through);
    let end = Instant::now() + Duration::from_secs(30);
    let mut cuts = 0;
    // The job's end falls between two of these.
    while site.phase(&pod).is_some_and(|phase| phase == "Running") && Instant::now() < end {
        cuts += proxy.cut_all();
        sleep(Duration::from_millis(u64::try_from(random.below(700)).unwrap()));
    }
    let document = last_document(&mut run);
    assert_eq!(run.wait().code(), Some(0), "seed {seed}: {document}");
    assert!(cuts >= 2, "seed {seed}: only {cuts} connections were cut");
    assert_eq!(stream_when_seen(&document), ["pending", "running Running", "succeeded Completed"], "seed {seed}: {document}");
    assert_eq!(document["data"]["jobs"][0]["uid"], pod["metadata"]["uid"], "seed {seed}: the same pod");
    assert_eq!((site.names("pods"), site.names("secrets").len()), (Vec::new(), 1), "seed {seed}");
}

/// The launcher sleeps while its job succeeds and somebody deletes the pod: when it looks again, the pod is not there.
#[test]
fn launch_defect_24_a_pod_that_a_stranger_deletes_after_it_succeeded_has_succeeded() {
    let namespace = Namespace::open("launch-gone");
    let site = Site::new(&namespace);
    site.job("good", &lasting(4), &json!({}));
    let (mut run, pod) = site.start("good", &[]);
    let process = Pid::from_raw(i32::try_from(run.process()).unwrap()).unwrap();
    kill_process(process, Signal::STOP).unwrap();
    site.wait_for("Succeeded");
    succeed(namespace.kubectl().args(["delete", "pod", pod["metadata"]["name"].as_str().unwrap(), "--wait=true"]));
    assert_eq!(site.names("pods"), [""; 0], "it is gone before the launcher sees its end");
    kill_process(process, Signal::CONT).unwrap();
    let document = last_document(&mut run);
    assert_eq!(run.wait().code(), Some(0), "{document}");
    assert_eq!(stream(&document), ["pending", "running Running", "succeeded Completed"], "{document}");
    assert_eq!(ends(&document), ["succeeded 0 0 - Completed removed"]);
    assert_eq!(site.names("secrets").len(), 1, "{:?}", site.names("secrets"));
}

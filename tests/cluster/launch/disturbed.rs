//! `launch run` while the cluster or a stranger ends its job, takes its node away, or does not answer.

use std::thread::sleep;
use std::time::{Duration, Instant};

use integration_tests::cluster::component;
use integration_tests::cluster::cutting_proxy::CuttingProxy;
use integration_tests::cluster::namespace::Namespace;
use integration_tests::cluster::node;
use integration_tests::cluster::run::{Following, succeed, succeed_with};
use rustix::process::Signal;
use serde_json::json;

use super::{LONG, SHORT, Site, jobs, last_document, when_seen};
use crate::staging_faults::random;

#[test]
fn an_evicted_job_says_so() {
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
    let document = last_document(&mut run, 1);
    site.assert_stream("eviction", &jobs(&document)[0]);
    assert_eq!(site.names("pods"), [""; 0]);
}

#[test]
fn a_pod_that_a_stranger_deletes_is_an_end() {
    let namespace = Namespace::open("launch-deleted");
    let site = Site::new(&namespace);
    site.job("long", LONG, &json!({}));
    let (mut run, pod) = site.start("long", &[]);
    let name = pod["metadata"]["name"].as_str().unwrap();
    succeed(namespace.kubectl().args(["delete", "pod", name, "--grace-period=1"]));
    site.assert_stream("pod_deleted", &jobs(&last_document(&mut run, 1))[0]);
    assert_eq!((site.names("pods"), site.names("secrets").len()), (Vec::new(), 1));
}

#[test]
fn a_namespace_that_a_stranger_deletes_is_an_end() {
    let namespace = Namespace::open("launch-no-namespace");
    let site = Site::new(&namespace);
    site.job("long", LONG, &json!({}));
    let (mut run, _) = site.start("long", &[]);
    succeed(namespace.kubectl().args(["delete", "namespace", &namespace.name, "--wait=false"]));
    site.assert_stream("namespace_deleted", &jobs(&last_document(&mut run, 1))[0]);
}

#[test]
fn a_drained_node_ends_its_job_and_the_next_one_waits_until_the_node_is_back() {
    let namespace = Namespace::exclusive("launch-drained");
    let site = Site::new(&namespace);
    site.job("long", LONG, &json!({}));
    site.job("next", SHORT, &json!({}));
    let (mut run, pod) = site.start("long", &[]);
    let change = node::cordoned(&namespace);
    let job = pod["metadata"]["labels"]["flare-kube/job-id"].as_str().unwrap();
    let drain = ["drain", &change.node, "--force", "--delete-emptydir-data", "--grace-period=1", "--timeout=30s"];
    succeed(namespace.cluster.kubectl().args(drain).arg(format!("--pod-selector=flare-kube/job-id={job}")));
    let document = last_document(&mut run, 1);
    site.assert_stream("drained_node", &jobs(&document)[0]);
    let mut run = Following::start(&mut site.command(&["next"], &["--pending-timeout", "60"]));
    site.wait_for_unschedulable();
    drop(change);
    site.let_run("next");
    let document = last_document(&mut run, 0);
    site.assert_stream("cordoned_node", &jobs(&document)[0]);
    assert_eq!(site.names("pods"), [""; 0]);
}

#[test]
fn a_job_outlives_a_restart_of_the_api_server() {
    let namespace = Namespace::exclusive("launch-restart");
    let site = Site::new(&namespace);
    site.job("good", SHORT, &json!({}));
    let (mut run, pod) = site.start("good", &[]);
    component::restart(&namespace, "kube-apiserver");
    site.let_go(&pod);
    let document = last_document(&mut run, 0);
    let job = &jobs(&document)[0];
    assert_eq!(job["uid"], pod["metadata"]["uid"], "the same pod");
    site.assert_stream("api_server_restarted", &when_seen(job.clone()));
    assert_eq!((site.names("pods"), site.names("secrets").len()), (Vec::new(), 1));
}

#[test]
fn watches_that_break_at_random_lose_no_state_and_make_none() {
    let (seed, mut random) = random();
    let namespace = Namespace::open("launch-broken");
    let site = Site::new(&namespace);
    let proxy = CuttingProxy::start(&namespace.cluster, &site.sandbox.join("kubeconfig-cut"));
    site.job("good", SHORT, &json!({}));
    let through = ["--kubeconfig", proxy.kubeconfig.to_str().unwrap()];
    let (mut run, pod) = site.start("good", &through);
    let deadline = Instant::now() + Duration::from_mins(2);
    let (mut cuts, mut is_let_go) = (0, false);
    // The job's end falls between two of these, at any distance.
    while site.phase(&pod).is_some_and(|phase| phase == "Running") {
        assert!(Instant::now() < deadline, "seed {seed}: {cuts} connections were cut, let go: {is_let_go}");
        cuts += proxy.cut_all();
        if cuts >= 4 && !std::mem::replace(&mut is_let_go, true) {
            site.let_go(&pod);
        }
        sleep(Duration::from_millis(u64::try_from(random.below(700)).unwrap()));
    }
    let document = last_document(&mut run, 0);
    let job = &jobs(&document)[0];
    assert_eq!(job["uid"], pod["metadata"]["uid"], "seed {seed}: the same pod");
    site.assert_stream("watches_broken", &when_seen(job.clone()));
    assert_eq!((site.names("pods"), site.names("secrets").len()), (Vec::new(), 1), "seed {seed}");
}

/// The launcher sleeps while its job succeeds and somebody deletes the pod: when it looks again, the pod is not there.
#[test]
fn defect_24_a_pod_that_a_stranger_deletes_after_it_succeeded_has_succeeded() {
    let namespace = Namespace::open("launch-gone");
    let site = Site::new(&namespace);
    site.job("good", SHORT, &json!({}));
    let (mut run, pod) = site.start("good", &[]);
    run.signal(Signal::STOP);
    site.let_go(&pod);
    site.wait_for("Succeeded");
    succeed(namespace.kubectl().args(["delete", "pod", pod["metadata"]["name"].as_str().unwrap(), "--wait=true"]));
    assert_eq!(site.names("pods"), [""; 0], "it is gone before the launcher sees its end");
    run.signal(Signal::CONT);
    let document = last_document(&mut run, 0);
    site.assert_stream("gone_after_success", &jobs(&document)[0]);
    assert_eq!(site.names("secrets").len(), 1, "{:?}", site.names("secrets"));
}

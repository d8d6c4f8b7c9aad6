//! Jobs for which no node has a place: each reason of the scheduler, until the time is over or there is a place.

use std::fs;

use integration_tests::cluster::namespace::Namespace;
use integration_tests::cluster::node;
use integration_tests::cluster::run::Following;
use integration_tests::reference::Release;
use rustix::process::Signal;
use serde_json::{Value, json};

use super::canary::{canary, prepare};
use super::{LONG, SHORT, Site, jobs, last_document};

/// Writes a pod template for each study.
fn templates(site: &Site<'_>, specs: &[(&str, Value)]) {
    let studies: serde_json::Map<_, _> =
        specs.iter().map(|(study, spec)| ((*study).to_owned(), json!({"pod_template": {"spec": spec}}))).collect();
    let file = json!({"format_version": 2, "studies": studies}).to_string();
    fs::write(site.sandbox.join("kit/local/study_runtime.yaml"), file).unwrap();
}

/// A node affinity that requires a label.
fn node_with(label: &str) -> Value {
    json!({"affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms":
        [{"matchExpressions": [{"key": label, "operator": "Exists"}]}]}}}})
}

/// A pod that must stand beside one that does not exist.
fn beside_a_stranger() -> Value {
    json!({"affinity": {"podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution":
        [{"labelSelector": {"matchLabels": {"app": "no-such-app"}}, "topologyKey": "kubernetes.io/hostname"}]}}})
}

/// A pod with a volume of a claim.
fn with_claim(claim: &str) -> Value {
    json!({"volumes": [{"name": "extra", "persistentVolumeClaim": {"claimName": claim}}]})
}

#[test]
fn jobs_without_a_place_are_not_started_and_say_what_no_node_has() {
    let namespace = Namespace::open("launch-no-place");
    let site = Site::new(&namespace);
    // No class is asked for, so nobody makes a volume.
    namespace.apply(&json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "unbound"},
        "spec": {"accessModes": ["ReadWriteOnce"], "storageClassName": "", "resources": {"requests": {"storage": "1Gi"}}}}));
    templates(
        &site,
        &[
            ("node_selector", json!({"nodeSelector": {"no-such-label": "x"}})),
            ("node_affinity", node_with("no-such-label")),
            ("pod_affinity", beside_a_stranger()),
            ("unbound_claim", with_claim("unbound")),
            ("missing_claim", with_claim("missing")),
            ("scheduling_gate", json!({"schedulingGates": [{"name": "example.com/quota"}]})),
        ],
    );
    let studies = ["node_selector", "node_affinity", "pod_affinity", "unbound_claim", "missing_claim", "scheduling_gate"];
    for study in studies {
        site.job_of_study(study, study, "pass", &json!({}));
    }
    let resources = [
        ("cpu", json!({"cpu": "4000"})),
        ("memory", json!({"memory": "400Ti"})),
        ("ephemeral_storage", json!({"ephemeral_storage": "400Ti"})),
        ("gpus", json!({"num_of_gpus": 1})),
    ];
    for (resource, k8s) in &resources {
        site.job(resource, "pass", k8s);
    }
    let names: Vec<_> = studies.into_iter().chain(resources.iter().map(|(resource, _)| *resource)).collect();
    let document = site.run(&names, &["--pending-timeout", "15"], 1);
    for (name, job) in names.iter().zip(jobs(&document)) {
        site.assert_stream(&format!("unschedulable_{name}"), job);
    }
    let cpu = &jobs(&document)[studies.len()];
    assert!(cpu["evidence"]["events"].to_string().contains("FailedScheduling"), "{cpu}");
    assert_eq!((site.names("pods"), site.names("secrets").len()), (Vec::new(), 1));
}

#[test]
fn a_job_waits_on_a_tainted_node_until_the_taint_is_gone() {
    let namespace = Namespace::exclusive("launch-taint");
    let site = Site::new(&namespace);
    let change = node::with_taint(&namespace);
    site.job("tainted", SHORT, &json!({}));
    site.assert_stream("unschedulable_taint", &jobs(&site.run(&["tainted"], &["--pending-timeout", "10"], 1))[0]);
    let mut run = Following::start(&mut site.command(&["tainted"], &["--pending-timeout", "60"]));
    site.wait_for_unschedulable();
    drop(change);
    site.let_run("tainted");
    site.assert_stream("untainted", &jobs(&last_document(&mut run, 0))[0]);
}

#[test]
fn a_job_waits_for_a_gpu_that_is_freed() {
    let namespace = Namespace::exclusive("launch-gpus");
    let site = Site::new(&namespace);
    let change = node::with_gpus(&namespace, 1);
    site.job("first", LONG, &json!({"num_of_gpus": 1}));
    site.job("second", SHORT, &json!({"num_of_gpus": 1}));
    let (mut first, _) = site.start("first", &[]);
    let mut second = Following::start(&mut site.command(&["second"], &["--pending-timeout", "60"]));
    site.wait_for_unschedulable();
    first.signal(Signal::INT);
    last_document(&mut first, 130);
    site.let_run("second");
    site.assert_stream("gpu_freed", &jobs(&last_document(&mut second, 0))[0]);
    let kit = prepare(&namespace, &site.sandbox, Release::V28, "", &[]);
    let found = canary(&namespace, &kit, &["--gpus", "1"], 1);
    let row = |id: &str| found.iter().find(|row| row["id"] == id).unwrap_or_else(|| panic!("{id}: {found:?}"));
    assert_eq!(row("J01")["severity"], "ok", "it got the GPU: {found:?}");
    assert_eq!(row("J09")["message"], "1 nvidia.com/gpu was asked for, and no GPU is in /dev", "which is only a number");
    drop(change);
}

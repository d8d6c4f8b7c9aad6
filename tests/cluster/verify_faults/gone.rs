//! Faults of the cluster itself: each test has it for itself.

use std::process::{Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use integration_tests::cluster::component;
use integration_tests::cluster::federation::Federation;
use integration_tests::cluster::namespace::Namespace;
use integration_tests::cluster::run::{attempt, wait};
use integration_tests::cluster::storage::without_default_class;
use integration_tests::helm::helm;
use integration_tests::reference::Release;
use serde_json::Value;

use super::site::{Site, fault};
use super::{SITE, SMALL};
use crate::PROGRAM;

#[test]
fn a_claim_that_no_default_storage_class_serves_is_named() {
    let (first, federation) = (Namespace::exclusive("verify-class"), Federation::provision(Release::V28));
    let _class = without_default_class(&first);
    let site = Site::new(&first, &federation, "no-default");
    site.prepare(SMALL).claim("ReadWriteOnce", None).install(&[]);
    site.expect(
        &fault("no default storage class", "D31", "no default one")
            .guide("no storage class is set")
            .known("no storage class is set", 1),
    );
}

/// Runs a verb, and kills the API server once the Deployment is there.
fn without_api_server(site: &Site<'_>, command: &mut Command) -> (Instant, Output) {
    let verb = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let there = || attempt(site.namespace.kubectl().args(["get", "deployment", SITE]), &[]);
    wait(Duration::from_mins(1), || format!("{:?}", there()), || there().ok());
    thread::sleep(Duration::from_secs(3));
    let _gone = component::stop(&site.namespace, "kube-apiserver");
    let gone = Instant::now();
    (gone, verb.wait_with_output().unwrap())
}

/// The envelope of a verb that failed for want of an API server.
fn envelope(output: &Output) -> Value {
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(!output.status.success(), "an API server that is gone is no success: {said}");
    serde_json::from_str(&said).unwrap_or_else(|error| panic!("{error}: {said}{}", String::from_utf8_lossy(&output.stderr)))
}

#[test]
fn an_api_server_that_goes_for_good_is_named_by_verify_and_by_install() {
    let (first, federation) = (Namespace::exclusive("verify-api"), Federation::provision(Release::V28));
    let site = Site::new(&first, &federation, "gone");
    site.prepare(SMALL).stage();
    let unreachable = fault("API server gone in the middle", "D01", "does not answer");

    let mut install = site.namespace.cluster.program(PROGRAM);
    install.arg("install").arg(site.prepared()).args(["-o", "json", "--until", "running", "--timeout", "45"]);
    let (gone, output) = without_api_server(&site, install.env("HELM", helm()));
    let document = envelope(&output);
    site.named(&unreachable, "install", gone, &document);
    assert_eq!(document["data"]["recovery"]["state"], "left", "{document:#}");

    let mut verify = site.namespace.cluster.program(PROGRAM);
    verify.arg("verify").arg(site.prepared()).args(["-o", "json", "--stable", "15", "--timeout", "40"]);
    let (gone, output) = without_api_server(&site, &mut verify);
    assert_eq!(output.status.code(), Some(1));
    site.named(&unreachable, "verify", gone, &envelope(&output));
}

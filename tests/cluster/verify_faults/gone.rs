//! Faults of the cluster itself: each test has it for itself.

use std::cell::Cell;
use std::process::{Command, Output};
use std::slice::from_ref;
use std::time::{Duration, Instant};

use integration_tests::cluster::component;
use integration_tests::cluster::federation::Federation;
use integration_tests::cluster::namespace::Namespace;
use integration_tests::cluster::run::{attempt, wait};
use integration_tests::cluster::storage::without_default_class;
use integration_tests::cluster::telling::Telling;
use integration_tests::reference::Release;
use serde_json::Value;

use super::SMALL;
use super::fault::Sign::Says;
use super::fault::fault;
use super::site::Site;
use super::table::Table;
use crate::PROGRAM;

#[test]
fn a_claim_that_no_default_storage_class_serves_is_named() {
    Table::run(
        || (Namespace::exclusive("verify-class"), Federation::provision(Release::V28)),
        |table| {
            let says = "no storage class is set";
            let class = fault("no default storage class", "D31", "no default one", Says(from_ref(&says))).known(says, 1);
            table.row("no-default", class, |site| {
                site.hold(without_default_class(&site.namespace));
                site.prepare(SMALL).claim("ReadWriteOnce", None).install(&[]);
            });
        },
    );
}

/// Waits until the node has given a sign of life, and the parent is available and stays so. After an outage a kubelet may take more than a minute
/// to come back, and the controllers call its node and the pods on it not ready only once they are back themselves.
fn wait_until_available_again(site: &Site<'_>) {
    let began = jiff::Timestamp::now();
    let asked = |arguments: &[&str]| attempt(site.namespace.kubectl().args(arguments), &[]).unwrap_or_default();
    let since = Cell::new(None);
    let look = || {
        let renewed =
            asked(&["get", "lease", "--namespace", "kube-node-lease", "--output", "jsonpath={.items[0].spec.renewTime}"]);
        let is_alive = renewed.parse::<jiff::Timestamp>().is_ok_and(|renewed| renewed > began);
        let ready = r#"jsonpath={.items[0].status.conditions[?(@.type=="Ready")].status}"#;
        let is_available = is_alive
            && asked(&["get", "deployment", "site-1", "--output", "jsonpath={.status.availableReplicas}"]).trim() == "1"
            && asked(&["get", "pods", "--output", ready]).trim() == "True"
            && asked(&["get", "nodes", "--output", ready]).trim() == "True";
        since.set(is_available.then(|| since.get().unwrap_or_else(Instant::now)));
        since.get().filter(|since| since.elapsed() >= STAYS)
    };
    wait(Duration::from_mins(4), || "the parent is not available again".to_owned(), look);
}

/// How long it has to stay so: longer than the controllers need to find a node without a sign of life.
const STAYS: Duration = Duration::from_secs(20);

/// Runs a verb, and kills the API server once the verb waits whether the parent stays up.
fn without_api_server(site: &Site<'_>, command: &mut Command) -> (Instant, Output) {
    let mut verb = Telling::start(command.arg("-v"));
    verb.wait_for(STAYING);
    stopped_under(site, verb)
}

/// As [`without_api_server`] after an outage: controllers whose watches begin anew late may call a node not ready that has been back for long,
/// and the verb is right to wait for the parent then. It is run again.
fn without_api_server_again(site: &Site<'_>, command: impl Fn() -> Command) -> (Instant, Output) {
    for _ in 0..3 {
        wait_until_available_again(site);
        let mut verb = Telling::start(command().arg("-v"));
        if verb.tells(STAYING) {
            return stopped_under(site, verb);
        }
    }
    panic!("the parent was never found to run");
}

/// What a verb tells while it waits whether the parent stays up.
const STAYING: &str = "has to stay up";

fn stopped_under(site: &Site<'_>, verb: Telling) -> (Instant, Output) {
    let _gone = component::stop(&site.namespace, "kube-apiserver");
    let gone = Instant::now();
    (gone, verb.output())
}

/// The envelope of a verb that failed for want of an API server.
fn envelope(output: &Output) -> Value {
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(!output.status.success(), "an API server that is gone is not a success: {said}");
    serde_json::from_str(&said).unwrap_or_else(|error| panic!("{error}: {said}{}", String::from_utf8_lossy(&output.stderr)))
}

#[test]
fn an_api_server_that_goes_for_good_is_named_by_verify_and_by_install() {
    Table::run(
        || (Namespace::exclusive("verify-api"), Federation::provision(Release::V28)),
        |table| {
            let unreachable = || fault("API server gone in the middle", "D01", "does not answer", Says(&["was refused"]));
            let installed = unreachable().named_by("install", |site, fault| {
                let mut install = site.installation(&["--until", "running", "--timeout", "45"]);
                let (gone, output) = without_api_server(site, &mut install);
                let document = envelope(&output);
                assert_eq!(document["data"]["recovery"]["state"], "left", "{document:#}");
                fault.named(site, gone, &document)
            });
            let verified = unreachable().named_by("verify", |site, fault| {
                let (gone, output) = without_api_server_again(site, || {
                    let mut verify = site.namespace.cluster.program(PROGRAM);
                    verify.arg("verify").arg(site.prepared()).args(["-o", "json", "--stable", "15", "--timeout", "40"]);
                    verify
                });
                assert_eq!(output.status.code(), Some(1));
                fault.named(site, gone, &envelope(&output))
            });
            let verified = verified.by_reference(|site| Some(component::stop(&site.namespace, "kube-apiserver")));
            table.rows("gone", &[installed, verified], |site| {
                site.prepare(SMALL).stage().would_install(&[]);
            });
        },
    );
}

//! A namespace that enforces Pod Security `restricted`.

use std::fs;
use std::time::Duration;

use integration_tests::cluster::federation::Federation;
use integration_tests::cluster::install::{install, upgrade};
use integration_tests::cluster::namespace::Namespace;
use integration_tests::cluster::run::{attempt, succeed, wait};
use integration_tests::cluster::stage;
use integration_tests::reference::Release;

use crate::PROGRAM;

/// The value is set in the kit's `values.yaml`, where `stage` reads it too, since its helper pod must also be admitted.
fn parents_register(release: Release, test: &str, settings: &[&str]) {
    let namespace = Namespace::restricted(test);
    let federation = Federation::provision(release);
    let prepared = federation.prepare(&namespace, PROGRAM.as_ref());
    for name in ["nvflare-server", "site-1"] {
        let kit = prepared.join(name);
        let values = kit.join("helm_chart/values.yaml");
        let written = fs::read_to_string(&values).unwrap();
        let is_profile = |line: &&str| line.starts_with("securityProfile:");
        let profile = written.lines().find(is_profile).expect("the chart has a profile");
        fs::write(&values, written.replace(profile, "securityProfile: \"restricted\"")).unwrap();
        stage::by_program(&namespace, PROGRAM.as_ref(), &kit);
        install(&namespace, name, &kit, settings);
    }
    namespace.wait_for_registration("site-1");
}

#[test]
fn defect_16_parents_of_2_8_register_with_one_value() {
    parents_register(Release::V28, "restricted-2-8", &[]);
}

#[test]
fn defect_16_parents_of_2_9_register_with_a_root_filesystem_that_cannot_be_written() {
    let read_only = ["containerSecurityContext.readOnlyRootFilesystem=true"];
    parents_register(Release::V29, "restricted-2-9", &read_only);
}

/// The control experiment of the test above: the reference's chart gets no pod in such a namespace.
#[test]
fn defect_16_the_reference_gets_no_pod() {
    let namespace = Namespace::restricted("restricted-reference");
    let federation = Federation::provision(Release::V28);
    let prepared = federation.prepare_by_reference(&namespace, "nvflare-server");
    succeed(&mut upgrade(&namespace, "nvflare-server", &prepared));
    let events = || attempt(namespace.kubectl().args(["get", "events"]), &[]).unwrap();
    let refused = || events().lines().any(|line| line.contains("FailedCreate") && line.contains("PodSecurity")).then_some(());
    wait(Duration::from_secs(30), events, refused);
    assert_eq!(succeed(namespace.kubectl().args(["get", "pods", "--output", "name"])), "");
}

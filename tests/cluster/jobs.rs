//! A job completes on parents that were installed by flare-kube's charts.

use std::path::Path;

use integration_tests::cluster::admin::Admin;
use integration_tests::cluster::federation::{Federation, PARTICIPANTS};
use integration_tests::cluster::install::install_with;
use integration_tests::cluster::namespace::Namespace;
use integration_tests::cluster::stage;
use integration_tests::helm::{helm, helm_4};
use integration_tests::reference::Release;

use crate::PROGRAM;

fn job_completes(release: Release, helm: &Path) {
    let target = release.target();
    let namespace = Namespace::open(&format!("job-{}", target.replace('.', "-")));
    let federation = Federation::provision(release);
    let prepared = federation.prepare(&namespace, PROGRAM.as_ref());
    for name in PARTICIPANTS {
        let kit = prepared.join(name);
        stage::by_program(&namespace, PROGRAM.as_ref(), &kit);
        install_with(helm, &namespace, name, &kit, &[]);
        if name != "nvflare-server" {
            namespace.wait_for_registration(name);
        }
    }
    assert_eq!(Admin::start(&namespace, &federation).run_hello().status, "FINISHED:COMPLETED");
}

#[test]
fn job_completes_for_2_8_by_helm_3() {
    job_completes(Release::V28, &helm());
}

#[test]
fn job_completes_for_2_9_by_helm_4() {
    job_completes(Release::V29, &helm_4());
}

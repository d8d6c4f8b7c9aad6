//! A job runs to its end on parents that our charts installed.

use std::path::Path;

use integration_tests::helm::{helm, helm_4};
use integration_tests::reference::Release;

use crate::cluster::timed;
use crate::federation::{Federation, PARTICIPANTS};
use crate::install::install_with;
use crate::job::run_hello;
use crate::namespace::Namespace;
use crate::stage;

fn job_completes(release: Release, helm: &Path) {
    let target = release.target();
    let namespace = Namespace::open(&format!("job-{}", target.replace('.', "-")));
    let federation = Federation::provision(release);
    let prepared = federation.prepare(&namespace);
    for name in PARTICIPANTS {
        let kit = prepared.join(name);
        timed(&format!("{target} staging of {name}"), || stage::by_the_guide(&namespace, name, &kit));
        timed(&format!("{target} helm --wait of {name}"), || install_with(helm, &namespace, name, &kit, &[]));
        if name != "nvflare-server" {
            timed(&format!("{target} from ready to registered, {name}"), || namespace.wait_for_registration(name));
        }
    }
    let status = timed(&format!("{target} admin pod, job to its end"), || run_hello(&namespace, &federation));
    assert_eq!(status, "FINISHED:COMPLETED");
}

#[test]
fn job_completes_for_2_8_by_helm_3() {
    job_completes(Release::V28, &helm());
}

#[test]
fn job_completes_for_2_9_by_helm_4() {
    job_completes(Release::V29, &helm_4());
}

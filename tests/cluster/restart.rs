//! A parent ends when it is told to, and comes back; a kit that was staged anew restarts it.

use std::time::{Duration, Instant};

use integration_tests::reference::Release;

use crate::cluster::{succeed, timed};
use crate::federation::Federation;
use crate::install::{install, upgrade};
use crate::namespace::Namespace;
use crate::stage;

/// How long `kubectl delete pod` of a parent takes, which returns when the pod is gone.
fn end(namespace: &Namespace, release: Release, participant: &str) -> Duration {
    let began = Instant::now();
    let selector = format!("app.kubernetes.io/name={participant}");
    let what = format!("{} kubectl delete pod of {participant}", release.target());
    timed(&what, || succeed(namespace.kubectl().args(["delete", "pod", "--selector", &selector])));
    began.elapsed()
}

fn pod(namespace: &Namespace, participant: &str) -> String {
    let selector = format!("app.kubernetes.io/name={participant}");
    succeed(namespace.kubectl().args(["get", "pods", "--output", "name", "--selector", &selector]))
}

fn restart(release: Release, test: &str) {
    let namespace = Namespace::open(test);
    let federation = Federation::provision(release);
    let prepared = federation.prepare(&namespace);
    for name in ["nvflare-server", "site-1"] {
        stage::by_the_guide(&namespace, name, &prepared.join(name));
        install(&namespace, name, &prepared.join(name), &[]);
    }
    namespace.wait_for_registration("site-1");
    for name in ["site-1", "nvflare-server"] {
        let took = end(&namespace, release, name);
        assert!(took < Duration::from_secs(3), "{name} took {took:?} to end");
        succeed(namespace.kubectl().args(["rollout", "status", &format!("deployment/{name}"), "--timeout=60s"]));
    }
    namespace.wait_for_registration("site-1");

    let before = pod(&namespace, "site-1");
    install(&namespace, "site-1", &prepared.join("site-1"), &[]);
    assert_eq!(pod(&namespace, "site-1"), before, "nothing changed, so nothing restarts");
    install(&namespace, "site-1", &prepared.join("site-1"), &["--set", "kitFingerprint=staged-anew"]);
    assert_ne!(pod(&namespace, "site-1"), before, "another kit restarts the parent");
    namespace.wait_for_registration("site-1");
}

#[test]
fn defect_25_and_11_a_parent_of_2_8_restarts_within_three_seconds_and_with_its_kit() {
    restart(Release::V28, "restart-2-8");
}

#[test]
fn defect_25_and_11_a_parent_of_2_9_restarts_within_three_seconds_and_with_its_kit() {
    restart(Release::V29, "restart-2-9");
}

/// What the tests above are worth: the reference's parent sits out the whole grace period.
#[test]
fn defect_25_the_reference_ignores_the_end() {
    let namespace = Namespace::open("restart-reference");
    let federation = Federation::provision(Release::V28);
    let prepared = federation.prepare_by_reference(&namespace, "nvflare-server");
    stage::by_the_guide(&namespace, "nvflare-server", &prepared);
    succeed(&mut upgrade(&namespace, "nvflare-server", &prepared));
    succeed(namespace.kubectl().args(["rollout", "status", "deployment/nvflare-server", "--timeout=120s"]));
    let took = end(&namespace, Release::V28, "nvflare-server");
    assert!(took > Duration::from_secs(25), "the reference ended after {took:?}: is defect 25 gone?");
}

//! A parent ends when it is told to, and comes back; a kit that was staged anew restarts it.

use std::time::Duration;

use integration_tests::cluster::federation::Federation;
use integration_tests::cluster::install::{install, upgrade};
use integration_tests::cluster::namespace::Namespace;
use integration_tests::cluster::parent::Termination;
use integration_tests::cluster::run::succeed;
use integration_tests::cluster::stage;
use integration_tests::reference::Release;

use crate::PROGRAM;

fn restart(release: Release, test: &str) {
    let namespace = Namespace::alone(test);
    let federation = Federation::provision(release);
    let prepared = federation.prepare(&namespace, PROGRAM.as_ref());
    for name in ["nvflare-server", "site-1"] {
        stage::as_root(&namespace, name, &prepared.join(name));
        install(&namespace, name, &prepared.join(name), &[]);
    }
    namespace.wait_for_registration("site-1");
    for name in ["site-1", "nvflare-server"] {
        let end = Termination::of(&namespace, name);
        // Two seconds of whole ones are less than three true ones.
        assert!(end.seconds() <= 2, "{name} took {} s to end: {end:?}", end.seconds());
        namespace.wait_for_rollout(name);
    }
    namespace.wait_for_registration("site-1");

    let before = namespace.parent("site-1");
    install(&namespace, "site-1", &prepared.join("site-1"), &[]);
    assert_eq!(namespace.parent("site-1"), before, "nothing changed, so nothing restarts");
    install(&namespace, "site-1", &prepared.join("site-1"), &["--set", "kitFingerprint=staged-anew"]);
    assert_ne!(namespace.parent("site-1"), before, "another kit restarts the parent");
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
    // A machine that is busy with others can only make it slower.
    let namespace = Namespace::open("restart-reference");
    let federation = Federation::provision(Release::V28);
    let prepared = federation.prepare_by_reference(&namespace, "nvflare-server");
    stage::as_root(&namespace, "nvflare-server", &prepared);
    succeed(&mut upgrade(&namespace, "nvflare-server", &prepared));
    // Python has to run before it can ignore anything.
    namespace.wait_for_line("nvflare-server", "Server started", Duration::from_mins(1));
    let end = Termination::of(&namespace, "nvflare-server");
    assert!(end.seconds() >= 29, "the reference ended after {} s: is defect 25 gone?", end.seconds());
}

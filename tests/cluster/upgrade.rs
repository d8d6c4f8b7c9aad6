//! A Helm release of the reference's chart is upgraded in place to flare-kube's chart.

use std::thread;

use integration_tests::cluster::federation::Federation;
use integration_tests::cluster::install::{install, upgrade};
use integration_tests::cluster::namespace::Namespace;
use integration_tests::cluster::run::succeed;
use integration_tests::cluster::stage;
use integration_tests::helm::helm;
use integration_tests::reference::Release;

use crate::PROGRAM;

#[test]
fn charts_of_the_reference_are_upgraded_in_place() {
    let namespace = Namespace::open("upgrade");
    let federation = Federation::provision(Release::V28);
    let ours = federation.prepare(&namespace, PROGRAM.as_ref());
    for name in ["nvflare-server", "site-1"] {
        let theirs = federation.prepare_by_reference(&namespace, name);
        stage::as_root(&namespace, name, &theirs);
        succeed(&mut upgrade(&namespace, name, &theirs));
        namespace.wait_for_rollout(name);
    }
    namespace.wait_for_registration("site-1");
    let identities = || {
        let kinds = "deployments,services,serviceaccounts,roles,rolebindings";
        let columns = "custom-columns=KIND:.kind,NAME:.metadata.name,UID:.metadata.uid";
        succeed(namespace.kubectl().args(["get", kinds, "--output", columns]))
    };
    let before = identities();
    // Each waits for the whole grace period of the reference's parent.
    thread::scope(|scope| {
        for name in ["nvflare-server", "site-1"] {
            let (namespace, kit) = (&namespace, ours.join(name));
            scope.spawn(move || install(namespace, name, &kit, &[]));
        }
    });
    for name in ["nvflare-server", "site-1"] {
        let history = succeed(namespace.helm(&helm()).args(["history", name]));
        assert!(history.lines().last().is_some_and(|line| line.starts_with('2') && line.contains("deployed")), "{history}");
    }
    assert_eq!(identities(), before, "every object is the same one, changed in place");
    namespace.wait_for_registration("site-1");
}

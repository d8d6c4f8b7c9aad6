//! The lock against a small API server.

use std::sync::Arc;

use flare_cluster::Cluster;
use flare_names::SecretName;
use serde_json::json;
use tokio::{
    sync::Notify,
    time::{Duration, timeout},
};

use super::{Lock, name};
use crate::api_server::{ApiServer, Loss};

const HOLDER: &str = "stage-1";

/// The Lease of the claim `c` in the namespace `n`.
const LEASE: &str = "/apis/coordination.k8s.io/v1/namespaces/n/leases/flare-kube-stage-c";

fn lock(cluster: &Cluster) -> Lock {
    Lock::new(cluster, "n", "c", HOLDER)
}

fn holder(server: &ApiServer) -> Option<String> {
    server.object(LEASE).map(|lease| lease["spec"]["holderIdentity"].as_str().expect("a text").to_owned())
}

#[tokio::test]
async fn a_lost_answer_to_a_renewal_is_no_loss_of_the_lock() {
    let (server, cluster) = ApiServer::start().await;
    let mut lock = lock(&cluster);
    lock.take(Arc::default()).await.expect("it is free");
    server.lose("PUT /apis/coordination", Loss::Answer);
    server.until(ApiServer::has_lost).await;
    let renewals = server.count("PUT");
    server.until(|server| server.count("PUT") > renewals + 2).await;
    lock.confirm().await.expect("it is still held");
    lock.release().await.expect("released");
    assert_eq!(holder(&server), None);
}

#[tokio::test]
async fn the_holder_is_told_that_another_run_took_its_lock_and_leaves_it_to_that_one() {
    let (server, cluster) = ApiServer::start().await;
    let (mut lock, lost) = (lock(&cluster), Arc::new(Notify::new()));
    lock.take(Arc::clone(&lost)).await.expect("it is free");
    let theirs = json!({"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": name("c")},
        "spec": {"holderIdentity": "stage-2"}});
    server.put(LEASE, theirs);
    timeout(Duration::from_mins(1), lost.notified()).await.expect("it is told");
    assert_eq!(lock.confirm().await.expect_err("lost").code, flare_diagnostic::Code::StageLocked);
    lock.release().await.expect("nothing to release");
    assert_eq!(holder(&server).as_deref(), Some("stage-2"));
}

/// Ctrl-C may come when the request is on its way: it arrives all the same.
#[tokio::test]
async fn a_lock_that_was_about_to_be_taken_when_its_run_was_interrupted_is_released() {
    for loss in [Loss::Late, Loss::Answer] {
        let (server, cluster) = ApiServer::start().await;
        server.lose("POST /apis/coordination", loss);
        let mut lock = lock(&cluster);
        tokio::select! {
            taken = lock.take(Arc::default()) => drop(taken.expect_err("its answer was lost")),
            () = server.until(ApiServer::has_lost) => {}
        }
        lock.release().await.expect("released");
        server.until(|server| server.count("POST") > 0).await;
        assert_eq!(holder(&server), None, "{loss:?}");
    }
}

#[tokio::test]
async fn a_run_that_waited_for_a_lock_leaves_it_to_its_holder() {
    let (server, cluster) = ApiServer::start().await;
    server.put(LEASE, json!({"metadata": {"name": name("c")}, "spec": {"holderIdentity": "stage-2"}}));
    let mut lock = lock(&cluster);
    let waiting = timeout(Duration::from_millis(200), lock.take(Arc::default())).await;
    assert!(waiting.is_err(), "it is held: {waiting:?}");
    lock.release().await.expect("nothing to release");
    assert_eq!(holder(&server).as_deref(), Some("stage-2"));
}

#[test]
fn every_claim_has_a_lease_of_its_own_with_a_name_that_is_accepted() {
    assert_eq!(name("nvflws"), "flare-kube-stage-nvflws");
    let long = "c".repeat(252);
    let names = [format!("{long}a"), format!("{long}b"), "a.b".to_owned(), "a-b".to_owned()].map(|claim| name(&claim));
    for (index, name) in names.iter().enumerate() {
        assert!(SecretName::new(name.as_str()).is_ok(), "{name}");
        assert!(!names[..index].contains(name), "{name}");
    }
}

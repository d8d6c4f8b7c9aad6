//! Orphans that are deleted, and the wait for their end.

use std::time::Duration;

use flare_diagnostic::Code;
use flare_pod_launch::{JOB_LABELS, Orphan, delete_orphans, find_orphans};
use serde_json::json;

use crate::server::{Fault, Server};
use crate::when;

const PODS: &str = "/api/v1/namespaces/fl/pods";

/// A server with the pod of a job that has ended and that no launcher follows, and this orphan.
async fn with_orphan() -> (Server, Vec<Orphan>) {
    let server = Server::start().await;
    let labels: serde_json::Map<_, _> = JOB_LABELS.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect();
    let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "j1", "namespace": "fl", "labels": labels},
        "spec": {"containers": []}, "status": {"phase": "Succeeded"}});
    server.make("pods", "j1", pod);
    let orphans = find_orphans(&server.connect().await, "fl", None, jiff::Timestamp::now()).await.unwrap();
    assert_eq!(orphans.iter().map(|orphan| (orphan.kind, orphan.name.as_str())).collect::<Vec<_>>(), [("Pod", "j1")]);
    // Accepted, but not carried out, as by a node that does not answer.
    server.trouble("DELETE", "/pods/", 1, Fault::Status(202));
    (server, orphans)
}

#[tokio::test]
async fn a_pod_that_goes_later_is_watched() {
    let (server, orphans) = with_orphan().await;
    let (cluster, before) = (server.connect().await, server.count(&format!("GET {PODS}")));
    let deleting = tokio::spawn(async move { delete_orphans(&cluster, "fl", &orphans, Duration::from_secs(20)).await });
    when("the pods are watched", || server.count(&format!("WATCH {PODS}")) > 0).await;
    server.remove("pods", "j1");
    deleting.await.unwrap().unwrap();
    assert_eq!(server.count(&format!("GET {PODS}")) - before, 1, "one list, and then a watch: {:?}", server.asked());
}

#[tokio::test]
async fn a_pod_that_stays_is_named() {
    let (server, orphans) = with_orphan().await;
    let faults = delete_orphans(&server.connect().await, "fl", &orphans, Duration::from_secs(1)).await.unwrap_err();
    assert_eq!(faults.first().code, Code::TimedOut);
    assert!(faults.first().message.contains("`j1`"), "{faults}");
}

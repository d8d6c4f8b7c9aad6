//! A parent that waits for its claim, a run that waits for the lock or for its pod, and who comes first.

use super::*;

const PARENTS_POD: &str = "/api/v1/namespaces/default/pods/parent";

/// A server without the claim, for which the parent waits.
async fn parent_without_claim() -> (ApiServer, Cluster) {
    let (server, cluster) = ApiServer::start().await;
    put_parent(&server, 1, false);
    let volume = json!({"name": "w", "persistentVolumeClaim": {"claimName": "nvflws"}});
    let spec = json!({"containers": [], "volumes": [volume]});
    server.put(PARENTS_POD, json!({"metadata": {"name": "parent"}, "spec": spec, "status": {"phase": "Pending"}}));
    (server, cluster)
}

/// It would start without a kit as soon as there is a claim.
#[tokio::test]
async fn no_claim_is_created_beside_a_parent_that_waits_for_it() {
    let kit = kit();
    let (server, cluster) = parent_without_claim().await;
    for dry_run in [true, false] {
        let creating = VolumeStageOptions { dry_run, ..creating_claim() };
        let faults = run(&cluster, &kit, &creating).await.expect_err("the parent waits");
        assert_eq!(faults.first().code, Code::ClaimInUse);
        assert!(faults.first().hint.as_ref().is_some_and(|hint| hint.contains("`--restart`")), "{:?}", faults.first());
    }
    assert!(writes(&server).is_empty() && server.object(CLAIM).is_none(), "{:?}", writes(&server));
}

#[tokio::test]
async fn a_parent_that_waits_for_its_claim_is_scaled_down_before_a_pod_has_the_claim_and_up_again() {
    let kit = kit();
    let (server, cluster) = parent_without_claim().await;
    let creating = VolumeStageOptions { restart: true, ..creating_claim() };
    let controller = async {
        server.until(|server| parent(server).0 == json!(0)).await;
        server.remove(PARENTS_POD);
    };
    // The helper pod never runs here.
    let stop = server.until(|server| server.count(&format!("POST {PODS}")) > 0);
    let staging = async { Box::pin(stage(&cluster, &kit, &creating, &|_, _| {}, stop)).await };
    let (ended, ()) = join!(staging, controller);
    let faults = ended.expect_err("it is interrupted");
    assert_eq!(faults.first().code, Code::Interrupted);
    assert!(faults.first().message.ends_with("the claim `nvflws`, which it created, stays"), "{}", faults.first().message);
    let begun = [format!("PATCH {CLAIM}"), format!("POST {LEASES}"), format!("PATCH {PARENT}"), format!("POST {PODS}")];
    assert_eq!(writes(&server)[..4], begun);
    assert_eq!((parent(&server), server.object(LEASE)), ((json!(1), false), None));
    assert!(server.object(CLAIM).is_some() && server.object(&format!("{PODS}/flare-kube-stage-1")).is_none());
}

#[tokio::test]
async fn a_run_whose_time_ends_while_another_one_has_the_lock_says_so() {
    let kit = kit();
    let (server, cluster) = staged_before(&kit).await;
    put_lock_of_another_run(&server);
    // Less than what it takes to see that the other run has died.
    let short = VolumeStageOptions { again: true, deadline: Duration::from_millis(900), ..options() };
    let faults = run(&cluster, &kit, &short).await.expect_err("it has no time");
    assert_eq!(faults.first().code, Code::TimedOut);
    assert!(faults.first().message.ends_with("it waits for the lock of the claim `nvflws`"), "{}", faults.first().message);
    assert!(server.object(LEASE).is_some_and(|lease| lease["spec"]["holderIdentity"] == "stage-2"));
}

/// A run with `--restart` scales its parent up before it releases the lock.
#[tokio::test]
async fn a_parent_that_was_scaled_up_while_a_run_waited_for_the_lock_keeps_its_kit() {
    let kit = kit();
    let (server, cluster) = staged_before(&kit).await;
    put_lock_of_another_run(&server);
    let other_run = async {
        server.until(|server| server.count("POST") > 1).await;
        let volume = json!({"name": "w", "persistentVolumeClaim": {"claimName": "nvflws"}});
        server.put(PARENTS_POD, json!({"metadata": {"name": "parent"}, "spec": {"containers": [], "volumes": [volume]}}));
        server.remove(LEASE);
    };
    let again = VolumeStageOptions { again: true, ..options() };
    let (ended, ()) = join!(run(&cluster, &kit, &again), other_run);
    assert_eq!(ended.expect_err("the parent runs").first().code, Code::ClaimInUse);
    assert_eq!((server.count(&format!("POST {PODS}")), server.object(LEASE)), (0, None));
}

/// Stores the event of a node that has started the helper's container.
fn put_start(server: &ApiServer) {
    let about = json!({"name": "flare-kube-stage-1", "fieldPath": "spec.containers{stage}"});
    let event = json!({"metadata": {"name": "started"}, "involvedObject": about, "reason": "Started"});
    server.put("/api/v1/namespaces/default/events/started", event);
}

/// The status of the pod would tell so later.
#[tokio::test]
async fn a_container_that_the_node_has_started_is_not_waited_for() {
    let kit = kit();
    let (server, cluster) = staged_before(&kit).await;
    put_start(&server);
    let again = VolumeStageOptions { again: true, ..options() };
    run(&cluster, &kit, &again).await.expect_err("no program can be run here");
    assert_eq!(server.count(&format!("GET {PODS}/flare-kube-stage-1/exec")), 1);
    assert_eq!((server.object(LEASE), server.object(&format!("{PODS}/flare-kube-stage-1"))), (None, None));
}

/// A program that was cut off in the middle of a swap completes it before its pod is gone.
#[tokio::test]
async fn a_parent_is_scaled_up_only_once_a_helper_pod_that_was_at_work_is_gone() {
    let kit = kit();
    let (server, cluster) = staged_before(&kit).await;
    put_parent(&server, 1, false);
    put_start(&server);
    let again = VolumeStageOptions { again: true, ..restarting() };
    run(&cluster, &kit, &again).await.expect_err("no program can be run here");
    let asked = writes(&server);
    let last = |write: String| asked.iter().rposition(|one| *one == write).expect("it was asked for");
    assert!(last(format!("DELETE {PODS}/flare-kube-stage-1")) < last(format!("PATCH {PARENT}")), "{asked:?}");
    assert_eq!(parent(&server), (json!(1), false));
}

/// The status of the pod only says that its container is being created.
#[tokio::test]
async fn a_volume_that_the_node_cannot_mount_is_named_with_the_reason() {
    let kit = kit();
    let (server, cluster) = staged_before(&kit).await;
    for (pod, reason, second) in
        [("flare-kube-stage-1", "Scheduled", 1), ("flare-kube-stage-1", "FailedAttachVolume", 2), ("another", "Pulled", 3)]
    {
        let message = format!("{reason} of {pod}");
        let event = json!({"metadata": {"name": reason}, "involvedObject": {"name": pod}, "reason": reason, "message": message,
            "lastTimestamp": format!("2026-01-01T00:00:0{second}Z")});
        server.put(&format!("/api/v1/namespaces/default/events/{reason}"), event);
    }
    let short = VolumeStageOptions { again: true, deadline: Duration::from_secs(2), ..options() };
    let faults = run(&cluster, &kit, &short).await.expect_err("the pod does not start");
    assert_eq!(faults.first().code, Code::TimedOut);
    let waits = "the helper pod waits: FailedAttachVolume: FailedAttachVolume of flare-kube-stage-1";
    assert!(faults.first().message.ends_with(waits), "{}", faults.first().message);
}

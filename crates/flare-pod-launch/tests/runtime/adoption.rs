//! Jobs that are taken over, and what a launcher knows before its first list.

use std::time::Duration;

use flare_diagnostic::Code;
use flare_pod_launch::{Job, JobState, Launcher, LauncherOptions, Limits};
use jiff::SignedDuration;
use serde_json::json;
use tokio::time::timeout;

use crate::server::{Fault, Server};
use crate::{SOON, all, exit, hasty_launcher, launcher, pod, run, until, when};

/// A server with a job pod that another launcher made this long ago, by the server's clock.
async fn with_pod(age: SignedDuration) -> (Server, flare_pod_launch::JobPod) {
    let server = Server::start().await;
    let (first, pod) = (launcher(&server).await, pod("j1"));
    first.launch(pod.clone()).await.unwrap();
    let created = jiff::Timestamp::now() - age;
    server.change("pods", pod.name(), |object| object["metadata"]["creationTimestamp"] = created.to_string().into());
    (server, pod)
}

/// A server with a job pod that runs for an hour already.
async fn with_old_job() -> (Server, flare_pod_launch::JobPod) {
    let (server, pod) = with_pod(SignedDuration::from_hours(1)).await;
    run(&server, &pod);
    (server, pod)
}

/// Takes over the pod by a launcher whose clock is that much ahead of the server's. The job is followed as long as the launcher is there.
async fn taken_over(server: &Server, pod: &flare_pod_launch::JobPod, ahead: SignedDuration) -> (Launcher, Job) {
    let launcher = Launcher::start(&server.connect().await, "fl", LauncherOptions::new(jiff::Timestamp::now() + ahead));
    let job = launcher.adopt(pod.name(), None, Limits::default()).await.unwrap();
    (launcher, job)
}

#[tokio::test]
async fn a_pending_pod_that_is_taken_over_is_as_old_as_the_server_says() {
    let day = SignedDuration::from_hours(24);
    for ahead in [day, -day] {
        let (server, pod) = with_pod(SignedDuration::from_secs(1)).await;
        server.set_status(pod.name(), json!({"phase": "Pending"}));
        let (_launcher, mut job) = taken_over(&server, &pod, ahead).await;
        until(&mut job, JobState::Pending).await;
        run(&server, &pod);
        until(&mut job, JobState::Running).await;
        // However often it is taken over, a wait that began long ago is over.
        let (server, pod) = with_pod(SignedDuration::from_hours(1)).await;
        server.set_status(pod.name(), json!({"phase": "Pending"}));
        let (_launcher, mut job) = taken_over(&server, &pod, ahead).await;
        let (_, end) = all(&mut job).await;
        assert_eq!((end.state, end.reason.as_str()), (JobState::NotStarted, "NotScheduled"), "{ahead}: {end:?}");
    }
}

#[tokio::test]
async fn defect_40_a_running_job_is_taken_over_although_the_first_request_for_its_pod_is_refused() {
    let (server, pod) = with_old_job().await;
    let second = launcher(&server).await;
    let known = second.pods().await.unwrap();
    server.trouble("GET", "/pods/", 1, Fault::Status(403));
    let mut job = second.adopt(&known[0].pod, Some(&known[0].uid), Limits::default()).await.unwrap();
    until(&mut job, JobState::Running).await;
    exit(&server, &pod, 0);
    assert_eq!(all(&mut job).await.1.state, JobState::Succeeded);
}

#[tokio::test]
async fn the_pods_of_a_namespace_are_told_once_they_are_listed_or_the_reason_is() {
    let (server, pod) = with_old_job().await;
    server.trouble("GET", "/pods", 1, Fault::Slow);
    let slow = hasty_launcher(&server).await;
    let known = timeout(SOON, slow.pods()).await.expect("an answer").unwrap();
    assert_eq!(known.iter().map(|known| known.pod.as_str()).collect::<Vec<_>>(), [pod.name()]);
    server.trouble("GET", "/pods", 1, Fault::Status(403));
    let refused = hasty_launcher(&server).await;
    let fault = timeout(SOON, refused.pods()).await.expect("an answer").unwrap_err();
    assert!(fault.message.contains("may not list"), "{}", fault.message);
}

#[tokio::test]
async fn a_terminate_before_the_first_list_ends_the_job_that_was_launched_before_it() {
    let server = Server::start().await;
    server.trouble("GET", "/pods", 1, Fault::Slow);
    let (launcher, pod) = (launcher(&server).await, pod("j1"));
    let launching = tokio::spawn({
        let (launcher, pod) = (launcher.clone(), pod.clone());
        async move { launcher.launch(pod).await }
    });
    tokio::task::yield_now().await;
    launcher.terminate(pod.name(), None, "stop");
    if let Ok(mut job) = launching.await.unwrap() {
        assert_eq!(all(&mut job).await.1.state, JobState::Aborted);
    }
    assert_eq!(server.names("pods"), [""; 0]);
}

#[tokio::test]
async fn a_launch_is_answered_in_time_also_where_the_pods_are_not_listed() {
    let server = Server::start().await;
    server.trouble("GET", "/pods", 9, Fault::Silence);
    let options = LauncherOptions { answer: Duration::from_secs(4), ..LauncherOptions::new(jiff::Timestamp::now()) };
    let launcher = Launcher::start(&server.connect().await, "fl", options);
    server.trouble("POST", "/secrets", 9, Fault::Silence);
    // The server answers nothing, and its requests fail only later than any test waits: the launcher gives the answer.
    let fault = timeout(SOON, launcher.launch(pod("j1"))).await.expect("an answer").unwrap_err();
    assert_eq!(fault.code, Code::TimedOut, "{fault}");
    assert!(fault.message.contains("within 4 s"), "{fault}");
}

#[tokio::test]
async fn events_are_read_although_their_first_list_is_refused() {
    let server = Server::start().await;
    server.trouble("GET", "/events", 1, Fault::Status(403));
    let launcher = launcher(&server).await;
    launcher.launch(pod("j1")).await.unwrap();
    when("events are not watched", || server.count("WATCH /api/v1/namespaces/fl/events") == 1).await;
}

#[tokio::test]
async fn a_pod_for_which_a_node_is_being_added_is_taken_over_although_its_events_are_listed_later() {
    let (server, pod) = with_pod(SignedDuration::from_secs(200)).await;
    let condition = json!({"type": "PodScheduled", "status": "False", "reason": "Unschedulable",
        "message": "0/1 nodes are available: 1 Insufficient cpu."});
    server.set_status(pod.name(), json!({"phase": "Pending", "conditions": [condition]}));
    let uid = server.object("pods", pod.name()).unwrap()["metadata"]["uid"].clone();
    let event = json!({"metadata": {"name": "e1"}, "involvedObject": {"kind": "Pod", "name": pod.name(), "uid": uid},
        "type": "Normal", "reason": "TriggeredScaleUp", "message": "pod triggered scale-up"});
    server.make("events", "e1", event);
    server.trouble("GET", "/events", usize::MAX, Fault::Slow);
    let watches = server.count("WATCH /api/v1/namespaces/fl/events");
    let (_launcher, mut job) = taken_over(&server, &pod, SignedDuration::ZERO).await;
    until(&mut job, JobState::Pending).await;
    when("events are not watched", || server.count("WATCH /api/v1/namespaces/fl/events") > watches).await;
    run(&server, &pod);
    until(&mut job, JobState::Running).await;
}

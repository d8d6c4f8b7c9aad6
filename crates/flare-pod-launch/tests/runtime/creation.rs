//! Creating a pod: never two, whatever is answered and when.

use std::time::Duration;

use flare_diagnostic::Code;
use flare_pod_launch::{JobState, Launcher, Limits, Notice};
use serde_json::json;

use crate::server::{Fault, Server};
use crate::{all, exit, hasty_launcher, launcher, pod, run, up_to, when};

#[tokio::test]
async fn a_create_whose_answer_is_lost_makes_one_pod() {
    for fault in [Fault::AnswerLost, Fault::Garbled, Fault::Closed, Fault::Status(429), Fault::Status(503)] {
        let server = Server::start().await;
        let (launcher, pod) = (launcher(&server).await, pod("j1"));
        server.trouble("POST", "/pods", 2, fault);
        server.trouble("POST", "/secrets", 1, fault);
        let mut job = Launcher::launch(&launcher, pod.clone()).await.unwrap();
        server.wait_for("pods", pod.name()).await;
        run(&server, &pod);
        exit(&server, &pod, 0);
        assert_eq!(all(&mut job).await.1.state, JobState::Succeeded, "{fault:?}");
        let made = server.asked().iter().filter(|asked| asked.starts_with("POST") && asked.ends_with("/pods")).count();
        assert!(made >= 2, "{fault:?}: {made}");
        assert_eq!(server.names("pods"), [""; 0]);
    }
}

#[tokio::test]
async fn a_refused_secret_is_an_error_before_any_pod_and_a_refused_pod_is_an_end() {
    let server = Server::start().await;
    let launcher = launcher(&server).await;
    server.trouble("POST", "/secrets", 1, Fault::Status(403));
    launcher.launch(pod("j1")).await.unwrap_err();
    server.trouble("POST", "/secrets", 1, Fault::Status(404));
    let missing = launcher.launch(pod("j1")).await.unwrap_err();
    assert_eq!(missing.code, Code::ObjectNotFound, "a namespace that does not exist is not waited for");
    assert_eq!(server.count("POST /api/v1/namespaces/fl/pods"), 0);
    server.trouble("POST", "/pods", 1, Fault::Status(403));
    let mut job = launcher.launch(pod("j1")).await.unwrap();
    assert_eq!(job.uid, None);
    let (_, end) = all(&mut job).await;
    assert_eq!((end.state, end.return_code, end.reason.as_str()), (JobState::NotStarted, 101, "Forbidden"));
    let credentials = format!("nvflare-cred-{}", pod("j1").name());
    assert_eq!(server.object("secrets", &credentials), None, "the settlement comes when nothing of the job is left");
}

#[tokio::test]
async fn a_job_that_was_told_to_end_while_its_pod_was_being_made_leaves_no_pod() {
    let server = Server::start().await;
    let (launcher, pod) = (launcher(&server).await, pod("j1"));
    server.trouble("POST", "/pods", 1, Fault::AnswerLost);
    let launching = tokio::spawn({
        let (launcher, pod) = (launcher.clone(), pod.clone());
        async move { launcher.launch(pod).await }
    });
    server.wait_for("pods", pod.name()).await;
    launcher.terminate(pod.name(), None, "the user stopped it");
    let mut job = launching.await.unwrap().unwrap();
    assert_eq!(all(&mut job).await.1.state, JobState::Aborted);
    assert_eq!(server.names("pods"), [""; 0]);
}

#[tokio::test]
async fn the_name_of_a_strangers_pod_is_not_taken_and_nothing_of_it_is_touched() {
    let server = Server::start().await;
    let (launcher, pod) = (launcher(&server).await, pod("j1"));
    let credentials = format!("nvflare-cred-{}", pod.name());
    server.make("pods", pod.name(), json!({"metadata": {"name": pod.name()}, "spec": {"containers": []}}));
    server.make("secrets", &credentials, json!({"metadata": {"name": credentials}, "data": {"theirs": "eA=="}}));
    let fault = launcher.launch(pod.clone()).await.unwrap_err();
    assert!(fault.message.contains("did not make"), "{}", fault.message);
    assert_eq!(server.object("secrets", &credentials).unwrap()["data"], json!({"theirs": "eA=="}));
    assert_eq!(server.names("pods"), [pod.name()]);
}

#[tokio::test]
async fn what_happens_to_a_pod_before_the_answer_about_its_creation_is_not_lost() {
    for is_deleted in [false, true] {
        let server = Server::start().await;
        let (launcher, pod) = (launcher(&server).await, pod("j1"));
        server.trouble("POST", "/pods", 1, Fault::Slow);
        let launching = tokio::spawn({
            let (launcher, pod) = (launcher.clone(), pod.clone());
            async move { launcher.launch(pod).await }
        });
        server.wait_for("pods", pod.name()).await;
        run(&server, &pod);
        if is_deleted {
            server.remove("pods", pod.name());
        } else {
            exit(&server, &pod, 0);
        }
        let mut job = launching.await.unwrap().unwrap();
        let expected = if is_deleted { (JobState::Failed, "Deleted") } else { (JobState::Succeeded, "Completed") };
        let (notices, end) = all(&mut job).await;
        assert_eq!((end.state, end.reason.as_str()), expected, "{notices:#?}");
    }
}

#[tokio::test]
async fn a_pod_that_appears_after_its_job_has_ended_is_deleted() {
    let server = Server::start().await;
    let (launcher, pod) = (launcher(&server).await, pod("j1"));
    server.trouble("POST", "/pods", 1, Fault::Late);
    let launching = tokio::spawn({
        let (launcher, pod) = (launcher.clone(), pod.clone());
        async move { launcher.launch(pod).await }
    });
    while server.count("POST /api/v1/namespaces/fl/pods") == 0 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    launcher.terminate(pod.name(), None, "stop");
    let mut job = launching.await.unwrap().unwrap();
    assert_eq!(all(&mut job).await.1.state, JobState::Aborted);
    assert_eq!(server.made("pods"), 0, "the pod comes later");
    // It may be gone again before anybody looks.
    for _ in 0..1500 {
        if server.made("pods") == 1 && server.names("pods").is_empty() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("a pod without a job stays behind: {:?}", server.names("pods"));
}

#[tokio::test]
async fn a_strangers_pod_is_not_deleted_although_it_was_unknown_whose_it_is() {
    let server = Server::start().await;
    let (launcher, pod) = (launcher(&server).await, pod("j1"));
    // FLARE's own launcher gives its pods the same names, without labels.
    server.make("pods", pod.name(), json!({"metadata": {"name": pod.name()}, "spec": {"containers": []}}));
    server.trouble("GET", "/pods/", usize::MAX, Fault::Status(403));
    let launching = tokio::spawn({
        let (launcher, pod) = (launcher.clone(), pod.clone());
        async move { launcher.launch(pod).await }
    });
    let get = format!("GET /api/v1/namespaces/fl/pods/{}", pod.name());
    when("the pod is not requested", || server.count(&get) > 0).await;
    launcher.terminate(pod.name(), None, "stop");
    let asked = server.count(&get);
    when("the end of the creation is not looked at", || server.count(&get) > asked).await;
    server.end_trouble();
    let mut job = launching.await.unwrap().unwrap();
    assert_eq!(all(&mut job).await.1.state, JobState::Aborted);
    assert_eq!(
        (server.names("pods").as_slice(), server.count("DELETE /api/v1/namespaces/fl/pods")),
        (&[pod.name().to_owned()][..], 0)
    );
}

#[tokio::test]
async fn a_pod_that_is_never_taken_ends_with_what_the_api_server_said() {
    let server = Server::start().await;
    let launcher = launcher(&server).await;
    let second = Duration::from_secs(1);
    let limits = Limits { pending: second, settle: second, ..Limits::default() };
    server.trouble("POST", "/pods", usize::MAX, Fault::Status(500));
    let mut job = launcher.launch(pod("j1").with_limits(limits)).await.unwrap();
    let (notices, end) = all(&mut job).await;
    assert_eq!((end.state, end.return_code, end.reason.as_str()), (JobState::NotStarted, 101, "NotCreated"));
    assert!(end.message.contains("refused with 500"), "{notices:#?}");
}

#[tokio::test]
async fn the_uid_of_a_pod_that_is_made_after_the_answer_is_told() {
    let server = Server::start().await;
    let (launcher, pod) = (hasty_launcher(&server).await, pod("j1"));
    server.trouble("POST", "/pods", 1, Fault::Slow);
    let mut job = launcher.launch(pod.clone()).await.unwrap();
    assert_eq!(job.uid, None, "nobody knows it yet");
    let notices = up_to(&mut job, |notice| matches!(notice, Notice::Uid(_))).await;
    let Some(Notice::Uid(uid)) = notices.last() else { panic!("{notices:#?}") };
    assert_eq!(server.object("pods", pod.name()).unwrap()["metadata"]["uid"], json!(uid));
}

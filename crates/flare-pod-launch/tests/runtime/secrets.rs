//! The Secrets of a launch: none is left of one that is refused, and none is taken from another.

use std::time::Duration;

use flare_diagnostic::Code;
use flare_pod_launch::{JobState, Launcher, LauncherOptions, Limits, Notice, Settlement};
use serde_json::json;
use tokio::time::{Instant, timeout};

use crate::server::{Fault, Server};
use crate::{PLANTED, SOON, all, exit, hasty_launcher, launcher, pod, run, until, up_to, when};

#[tokio::test]
async fn a_launch_is_answered_in_time_whatever_the_api_server_does() {
    let server = Server::start().await;
    let launcher = hasty_launcher(&server).await;
    server.trouble("POST", "/secrets", 9, Fault::Silence);
    // The server answers nothing, and its requests fail only later than any test waits: the launcher gives both answers.
    let fault = timeout(SOON, launcher.launch(pod("j1"))).await.expect("an answer").unwrap_err();
    assert_eq!(fault.code, Code::TimedOut, "{fault}");
    assert!(fault.message.contains("within 1 s"), "{fault}");
    server.end_trouble();
    server.trouble("POST", "/pods", 9, Fault::Silence);
    let job = timeout(SOON, launcher.launch(pod("j2"))).await.expect("an answer").unwrap();
    assert_eq!(job.uid, None, "nobody knows whether the pod was made");
    assert_eq!(server.count("POST /api/v1/namespaces/fl/pods"), 1, "the job without Secrets has no pod");
}

#[tokio::test]
async fn a_launch_that_is_refused_says_why_its_secret_was_not_taken() {
    let server = Server::start().await;
    let launcher = hasty_launcher(&server).await;
    server.trouble("POST", "/nvflare-cred-", usize::MAX, Fault::Status(500));
    let refused = launcher.launch(pod("j1")).await.unwrap_err();
    assert_eq!(refused.code, Code::TimedOut, "{refused}");
    assert!(refused.message.contains("within 1 s: ") && refused.message.contains("refused with 500"), "{refused}");
}

#[tokio::test]
async fn a_launch_that_is_refused_because_its_secret_came_late_leaves_none() {
    // Slow: it is carried out after the launch was refused. Late: it was not answered and is carried out after the Secret was deleted.
    for fault in [Fault::Slow, Fault::Late] {
        let server = Server::start().await;
        let (launcher, pod) = (hasty_launcher(&server).await, pod("j1"));
        server.trouble("POST", "/nvflare-cred-", 1, fault);
        server.trouble("POST", "/nvflare-cred-", usize::MAX, Fault::Closed);
        let refused = launcher.launch(pod.clone()).await.unwrap_err();
        assert_eq!(refused.code, Code::TimedOut, "{fault:?}");
        let site = |server: &Server| server.names("secrets").iter().all(|name| name.starts_with("nvflare-startup-"));
        let end = Instant::now() + SOON;
        while server.made("secrets") < 2 || !site(&server) {
            assert!(Instant::now() < end, "{fault:?}: {:?} of {:#?}", server.names("secrets"), server.asked());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        assert_eq!(server.count("POST /api/v1/namespaces/fl/pods"), 0, "{fault:?}");
        assert_eq!(server.names("secrets").len(), 1, "{fault:?}: the site's Secret stays for its other jobs");
    }
}

#[tokio::test]
async fn a_program_that_ends_can_wait_until_the_secret_of_a_refused_launch_is_gone() {
    let server = Server::start().await;
    let (launcher, pod) = (hasty_launcher(&server).await, pod("j1"));
    server.trouble("POST", "/nvflare-cred-", 1, Fault::Slow);
    timeout(SOON, launcher.clean_up()).await.expect("nothing is under way");
    launcher.launch(pod.clone()).await.unwrap_err();
    assert_eq!(server.made("secrets"), 1, "the Secret comes later");
    timeout(SOON, launcher.clean_up()).await.expect("every request was answered");
    assert_eq!((server.made("secrets"), server.names("secrets").len()), (2, 1));
}

#[tokio::test]
async fn a_job_that_is_launched_again_after_a_refusal_keeps_its_secret() {
    for fault in [Fault::Slow, Fault::Late] {
        let server = Server::start().await;
        let (launcher, pod) = (hasty_launcher(&server).await, pod("j1"));
        server.trouble("POST", "/nvflare-cred-", 1, fault);
        server.trouble("POST", "/nvflare-cred-", 1, Fault::Slow);
        launcher.launch(pod.clone()).await.unwrap_err();
        let mut job = loop {
            if let Ok(job) = launcher.launch(pod.clone()).await {
                break job;
            }
        };
        run(&server, &pod);
        until(&mut job, JobState::Running).await;
        // Longer than the late request takes, and the deletion after it.
        tokio::time::sleep(Duration::from_secs(7)).await;
        let credentials = server.object("secrets", &format!("nvflare-cred-{}", pod.name())).expect("the pod needs it");
        let made = server.object("pods", pod.name()).expect("it runs");
        assert_eq!(credentials["metadata"]["ownerReferences"][0]["uid"], made["metadata"]["uid"], "{fault:?}");
        exit(&server, &pod, 0);
        assert_eq!(all(&mut job).await.1.state, JobState::Succeeded);
    }
}

#[tokio::test]
async fn an_existing_secret_is_replaced_and_one_that_vanishes_meanwhile_is_created_again() {
    let server = Server::start().await;
    let (launcher, pod) = (launcher(&server).await, pod("j1"));
    let credentials = format!("nvflare-cred-{}", pod.name());
    server.make("secrets", &credentials, json!({"metadata": {"name": credentials}, "data": {"old": "eA=="}}));
    server.trouble("PUT", "/nvflare-cred-", 1, Fault::Status(404));
    let mut job = launcher.launch(pod.clone()).await.unwrap();
    let creates = server.count("POST /api/v1/namespaces/fl/secrets");
    assert_eq!(creates, 3, "the startup Secret once, the credentials twice");
    assert!(server.object("secrets", &credentials).unwrap()["data"]["old"].is_null());
    run(&server, &pod);
    exit(&server, &pod, 0);
    assert_eq!(all(&mut job).await.1.state, JobState::Succeeded);
}

#[tokio::test]
async fn a_job_whose_secret_may_not_get_an_owner_runs_and_its_secret_is_deleted_at_its_end() {
    let server = Server::start().await;
    let (launcher, pod) = (launcher(&server).await, pod("j1"));
    let credentials = format!("nvflare-cred-{}", pod.name());
    server.trouble("PATCH", "/nvflare-cred-", usize::MAX, Fault::Status(403));
    let mut job = launcher.launch(pod.clone()).await.unwrap();
    run(&server, &pod);
    until(&mut job, JobState::Running).await;
    assert!(server.object("secrets", &credentials).is_some());
    exit(&server, &pod, 0);
    assert_eq!(all(&mut job).await.1.state, JobState::Succeeded);
    assert_eq!(server.object("secrets", &credentials), None);
}

#[tokio::test]
async fn a_launcher_that_keeps_pods_leaves_no_secret_of_one_that_it_deleted() {
    let server = Server::start().await;
    let options = LauncherOptions { keep: true, ..LauncherOptions::new(jiff::Timestamp::now()) };
    let launcher = Launcher::start(&server.connect().await, "fl", options);
    server.trouble("PATCH", "/nvflare-cred-", usize::MAX, Fault::Status(403));
    let (stuck, done) = (pod("j1"), pod("j2"));
    let limits = Limits { pending: Duration::from_secs(1), settle: Duration::from_secs(1), ..Limits::default() };
    let mut job = launcher.launch(stuck.clone().with_limits(limits)).await.unwrap();
    assert_eq!(all(&mut job).await.1.state, JobState::NotStarted);
    let secret = |pod: &flare_pod_launch::JobPod| server.object("secrets", &format!("nvflare-cred-{}", pod.name()));
    assert_eq!((server.names("pods").len(), secret(&stuck)), (0, None));
    let mut job = launcher.launch(done.clone()).await.unwrap();
    run(&server, &done);
    exit(&server, &done, 0);
    assert_eq!(all(&mut job).await.1.state, JobState::Succeeded);
    assert!(server.object("pods", done.name()).is_some() && secret(&done).is_some(), "what is kept is kept as a whole");
}

#[tokio::test]
async fn a_launch_that_meets_a_pod_of_its_job_leaves_its_secret_and_tells_no_token_in_it() {
    let server = Server::start().await;
    // The second launcher lists the pods before the first one makes its own, and its watch is behind.
    server.trouble("WATCH", "/pods", 1, Fault::Silence);
    let (second, pod) = (launcher(&server).await, pod("j1"));
    assert!(second.pods().await.unwrap().is_empty());
    when("the pods are not watched", || server.count("WATCH /api/v1/namespaces/fl/pods") == 1).await;
    let first = launcher(&server).await;
    first.launch(pod.clone()).await.unwrap();
    let credentials = format!("nvflare-cred-{}", pod.name());
    let owner = || server.object("secrets", &credentials).unwrap()["metadata"]["ownerReferences"].clone();
    when("the Secret has no owner", || !owner().is_null()).await;
    drop(first);
    // Another session's token: `PLANTED-a8f1c0ffee-other`.
    let data = json!({"token": "UExBTlRFRC1hOGYxYzBmZmVlLW90aGVy"});
    server.change("secrets", &credentials, |secret| secret["data"] = data.clone());
    let mut job = second.launch(pod.clone()).await.unwrap();
    assert!(job.taken_over);
    server.set_log(&format!("token {PLANTED}-other\n"));
    run(&server, &pod);
    exit(&server, &pod, 3);
    let notices = up_to(&mut job, |notice| matches!(notice, Notice::Kept(_))).await;
    let Some(Notice::Kept(evidence)) = notices.last() else { panic!("{notices:#?}") };
    assert_eq!(evidence.log, ["token (hidden)"]);
    assert!(!owner().is_null());
    assert_eq!(server.object("secrets", &credentials).unwrap()["data"], data);
}

#[tokio::test]
async fn a_credential_that_is_renewed_late_refuses_no_launch() {
    let server = Server::start().await;
    let (launcher, pod) = (hasty_launcher(&server).await, pod("j1"));
    server.trouble("POST", "/nvflare-cred-", 4, Fault::Status(401));
    server.trouble("POST", "/pods", 2, Fault::Status(401));
    let mut job = launcher.launch(pod.clone()).await.unwrap();
    assert_eq!((job.uid.as_ref(), server.made("pods")), (None, 0), "it is accepted before it has its Secrets");
    when("there is no pod", || server.object("pods", pod.name()).is_some()).await;
    let uid = server.object("pods", pod.name()).unwrap()["metadata"]["uid"].as_str().unwrap().to_owned();
    run(&server, &pod);
    exit(&server, &pod, 0);
    let (notices, end) = all(&mut job).await;
    assert_eq!(end.state, JobState::Succeeded, "{notices:#?}");
    assert!(notices.contains(&Notice::Uid(uid)), "{notices:#?}");
}

#[tokio::test]
async fn a_pod_owns_its_secret_although_the_first_attempts_fail() {
    let server = Server::start().await;
    let (launcher, pod) = (launcher(&server).await, pod("j1"));
    server.trouble("PATCH", "/nvflare-cred-", 2, Fault::Status(401));
    let job = launcher.launch(pod.clone()).await.unwrap();
    let credentials = format!("nvflare-cred-{}", pod.name());
    let owner = || server.object("secrets", &credentials).unwrap()["metadata"]["ownerReferences"][0]["uid"].clone();
    when("the Secret has no owner", || owner().as_str() == job.uid.as_deref()).await;
}

#[tokio::test]
async fn the_deletion_of_a_secret_is_tried_again_and_one_that_stays_is_told() {
    for (fault, times) in [(Fault::Status(401), 2), (Fault::Status(403), usize::MAX)] {
        let server = Server::start().await;
        let (launcher, pod) = (launcher(&server).await, pod("j1"));
        server.trouble("PATCH", "/nvflare-cred-", usize::MAX, Fault::Status(403));
        server.trouble("DELETE", "/nvflare-cred-", times, fault);
        let mut job = launcher.launch(pod.clone()).await.unwrap();
        run(&server, &pod);
        exit(&server, &pod, 0);
        let (notices, _) = all(&mut job).await;
        let is_there = server.object("secrets", &format!("nvflare-cred-{}", pod.name())).is_some();
        match notices.last() {
            Some(Notice::Settled(Settlement::Removed)) => assert!(times == 2 && !is_there, "{fault:?}"),
            Some(Notice::Settled(Settlement::SecretNotRemoved { message })) => {
                assert!(times > 2 && is_there && message.contains("nvflare-cred-"), "{fault:?}: {message}");
            }
            other => panic!("{fault:?}: {other:?}"),
        }
    }
}

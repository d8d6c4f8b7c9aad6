//! From a job that runs to its end: what is told, and what is left.

use std::time::Duration;

use flare_names::Target;
use flare_pod_launch::{
    Class, JobPod, JobState, Lifecycle, Limits, Memory, Moment, Notice, Observation, PodAnswer, PodLookup, Settlement, Situation,
};
use k8s_openapi::api::core::v1::{Event, Pod};
use serde_json::json;

use crate::server::{Fault, Server};
use crate::{PLANTED, all, exit, job_pod, launcher, pod, run, state, until};

#[tokio::test]
async fn a_job_runs_to_its_end_and_leaves_only_what_belongs_to_the_site() {
    let server = Server::start().await;
    let (launcher, pod) = (launcher(&server).await, pod("j1"));
    let mut job = launcher.launch(pod.clone()).await.unwrap();
    assert_eq!(job.uid.as_deref(), server.object("pods", pod.name()).unwrap()["metadata"]["uid"].as_str());
    run(&server, &pod);
    until(&mut job, JobState::Running).await;
    let credentials = format!("nvflare-cred-{}", pod.name());
    let owner = server.object("secrets", &credentials).unwrap()["metadata"]["ownerReferences"][0].clone();
    assert_eq!((&owner["kind"], owner["uid"].as_str()), (&json!("Pod"), job.uid.as_deref()));
    exit(&server, &pod, 0);
    let (notices, end) = all(&mut job).await;
    assert_eq!((end.state, end.return_code), (JobState::Succeeded, 0));
    assert_eq!(notices.last(), Some(&Notice::Settled(Settlement::Removed)));
    assert_eq!(server.names("pods"), [""; 0]);
    assert_eq!(server.count("GET") - server.count("GET /version"), 2, "one list each: {:#?}", server.asked());
}

#[tokio::test]
async fn two_hundred_jobs_need_one_watch_on_pods_and_one_on_events() {
    let server = Server::start().await;
    let launcher = launcher(&server).await;
    let pods: Vec<_> = (0..200).map(|number| job_pod(&format!("j{number}"), Target::V2_8)).collect();
    let mut jobs = Vec::new();
    for pod in &pods {
        jobs.push(launcher.launch(pod.clone()).await.unwrap());
    }
    for pod in &pods {
        run(&server, pod);
    }
    for pod in &pods {
        exit(&server, pod, 0);
    }
    for job in &mut jobs {
        assert_eq!(all(job).await.1.state, JobState::Succeeded);
    }
    assert_eq!((server.count("WATCH /api/v1/namespaces/fl/pods"), server.count("WATCH /api/v1/namespaces/fl/events")), (1, 1));
    let writes = ["POST", "PUT", "DELETE"].map(|method| server.count(method)).iter().sum::<usize>();
    let others = server.asked().len() - writes;
    assert!(others <= 20, "{others} requests beyond creates and deletes");
}

#[tokio::test]
async fn a_launcher_that_died_is_followed_by_one_that_takes_its_pods_over() {
    let server = Server::start().await;
    let pods = ["j1", "j2"].map(pod);
    let first = launcher(&server).await;
    for pod in &pods {
        first.launch(pod.clone()).await.unwrap();
        run(&server, pod);
    }
    drop(first);
    let second = launcher(&server).await;
    let mut known = second.pods().await.unwrap();
    known.sort_by(|one, other| one.pod.cmp(&other.pod));
    assert_eq!(
        known.iter().map(|known| (known.job.as_str(), known.site.as_str())).collect::<Vec<_>>(),
        [("j1", "site-1"), ("j2", "site-1")]
    );
    let mut launched = second.launch(pods[0].clone()).await.unwrap();
    assert!(launched.taken_over);
    let mut adopted = second.adopt(&known[1].pod, Some(&known[1].uid), Limits::default()).await.unwrap();
    let mut other = second.adopt("another", Some("uid-9"), Limits::default()).await.unwrap();
    assert_eq!(all(&mut other).await.1.return_code, 101);
    second.adopt(&known[1].pod, None, Limits::default()).await.unwrap_err();
    assert_eq!(server.count("POST /api/v1/namespaces/fl/pods"), 2, "no pod was made twice");
    exit(&server, &pods[0], 0);
    exit(&server, &pods[1], 101);
    assert_eq!(all(&mut launched).await.1.state, JobState::Succeeded);
    let end = all(&mut adopted).await.1;
    assert_eq!((end.state, end.return_code, end.exit_code), (JobState::Failed, 101, Some(101)));
}

#[tokio::test]
async fn an_adopted_pod_of_another_uid_is_not_the_one_that_was_meant() {
    let server = Server::start().await;
    let (first, pod) = (launcher(&server).await, pod("j1"));
    first.launch(pod.clone()).await.unwrap();
    drop(first);
    let second = launcher(&server).await;
    let mut job = second.adopt(pod.name(), Some("uid-of-before"), Limits::default()).await.unwrap();
    assert_eq!(all(&mut job).await.1.state, JobState::NotStarted);
    assert_eq!(server.names("pods"), [pod.name()], "a stranger is not deleted");
}

#[tokio::test]
async fn a_pod_that_a_stranger_deletes_while_it_runs_has_failed_once() {
    let server = Server::start().await;
    let (launcher, pod) = (launcher(&server).await, pod("j1"));
    let mut job = launcher.launch(pod.clone()).await.unwrap();
    run(&server, &pod);
    until(&mut job, JobState::Running).await;
    server.remove("pods", pod.name());
    let end = all(&mut job).await.1;
    assert_eq!((end.state, end.return_code, end.reason.as_str()), (JobState::Failed, 9, "Deleted"));
}

#[tokio::test]
async fn defect_6_a_pod_whose_deletion_is_refused_is_deleted_later() {
    let server = Server::start().await;
    let (launcher, pod) = (launcher(&server).await, pod("j1"));
    let mut job = launcher.launch(pod.clone()).await.unwrap();
    server.trouble("DELETE", "/pods", 2, Fault::Status(403));
    launcher.terminate(pod.name(), Some("another uid"), "not this one");
    launcher.terminate(pod.name(), job.uid.clone().as_deref(), "stop");
    launcher.terminate(pod.name(), None, "stop again");
    let (notices, end) = all(&mut job).await;
    assert_eq!((end.state, end.return_code, end.message.as_str()), (JobState::Aborted, 9, "stop"));
    assert_eq!(notices.last(), Some(&Notice::Settled(Settlement::Removed)));
    assert_eq!(server.names("pods"), [""; 0]);
    launcher.terminate(pod.name(), None, "after the end");
}

#[tokio::test]
async fn no_token_is_told_and_no_debug_form_shows_one() {
    for target in Target::ALL {
        let server = Server::start().await;
        let (launcher, pod) = (launcher(&server).await, job_pod("j1", target));
        let mut shown = format!("{pod:?} {launcher:?}");
        let mut job = launcher.launch(pod.clone()).await.unwrap();
        shown.push_str(&debug_forms(serde_json::from_value(server.object("pods", pod.name()).unwrap()).unwrap()));
        fail_with_tokens(&server, &pod);
        let (notices, end) = all(&mut job).await;
        let Some(Notice::Kept(evidence)) = notices.iter().rev().nth(1) else { panic!("{notices:#?}") };
        assert_eq!(evidence.log.last().map(String::as_str), Some("the end"), "{evidence:?}");
        assert_eq!(end.exit_code, Some(3));
        shown.push_str(&format!("{notices:?} {job:?} {:?}", launcher.pods().await.unwrap()));
        assert!(!shown.contains("PLANTED"), "{shown}");
    }
}

/// The `Debug` forms of everything that holds a pod, an event or a log.
fn debug_forms(pod: Pod) -> String {
    let second = Duration::from_secs(1);
    let now = jiff::Timestamp::now();
    let now = Moment { elapsed: second, wall: now, cluster: now };
    let event = Event { message: Some(PLANTED.to_owned()), ..Event::default() };
    let answer = PodAnswer::Pod(&pod);
    let mut forms = format!("{answer:?} ");
    let situation = Situation {
        answer,
        events: std::slice::from_ref(&event),
        container: "container-j1",
        waited: second,
        in_state: second,
        now: now.wall,
        memory: Memory::Pending,
    };
    forms.push_str(&format!("{situation:?}"));
    let found = PodLookup::Found(Box::new(pod.clone()));
    forms.push_str(&format!("{found:?}"));
    let mut life = Lifecycle::new("container-j1", Limits::default(), false, now);
    let observations = [
        Observation::Seen(Box::new(pod)),
        Observation::Looked(found),
        Observation::Happened(Box::new(event)),
        Observation::NotCreated { class: Class::Hopeless, reason: "Invalid".into(), message: PLANTED.into() },
        Observation::Logged(vec![PLANTED.into()]),
        Observation::CreationFailed { message: PLANTED.into() },
        Observation::Deleted(Err(PLANTED.into())),
    ];
    for observation in observations {
        forms.push_str(&format!("{observation:?}"));
        let step = life.step(observation, now);
        forms.push_str(&format!("{step:?} {life:?}"));
    }
    forms
}

/// A job that prints all its tokens and ends, with a message and an event that contain one.
fn fail_with_tokens(server: &Server, pod: &JobPod) {
    run(server, pod);
    server.set_log(&format!("token {PLANTED}-a\ntransfer {PLANTED}-t\n{PLANTED}-s {PLANTED}-d\nthe end\n"));
    server.make(
        "events",
        "e1",
        json!({"metadata": {"name": "e1"}, "involvedObject": {"kind": "Pod", "name": pod.name()},
            "type": "Warning", "reason": "Failed", "message": format!("with {PLANTED}-t")}),
    );
    exit(server, pod, 3);
}

/// The launcher that takes a pod over has never seen the request for it.
#[tokio::test]
async fn no_token_of_a_pod_that_is_taken_over_is_told() {
    for target in Target::ALL {
        // The pod ends before or after it is taken over.
        for ends_first in [true, false] {
            let server = Server::start().await;
            let (first, pod) = (launcher(&server).await, job_pod("j1", target));
            first.launch(pod.clone()).await.unwrap();
            drop(first);
            if ends_first {
                fail_with_tokens(&server, &pod);
            }
            let second = launcher(&server).await;
            let mut job = second.adopt(pod.name(), None, Limits::default()).await.unwrap();
            if !ends_first {
                fail_with_tokens(&server, &pod);
            }
            let (notices, end) = all(&mut job).await;
            let Some(Notice::Kept(evidence)) = notices.iter().rev().nth(1) else { panic!("{notices:#?}") };
            let log = ["token (hidden)", "transfer (hidden)", "(hidden) (hidden)", "the end"];
            assert_eq!((evidence.log.as_slice(), end.exit_code), (&log.map(str::to_owned)[..], Some(3)), "{target:?}");
            assert!(!format!("{notices:?} {job:?}").contains("PLANTED"), "{target:?}: {notices:#?}");
        }
    }
}

#[tokio::test]
async fn the_log_of_a_pod_whose_tokens_cannot_be_read_is_left_out() {
    let server = Server::start().await;
    let (first, pod) = (launcher(&server).await, pod("j1"));
    first.launch(pod.clone()).await.unwrap();
    drop(first);
    for method in ["PATCH", "GET"] {
        server.trouble(method, "/nvflare-cred-", usize::MAX, Fault::Status(403));
    }
    let second = launcher(&server).await;
    let mut job = second.adopt(pod.name(), None, Limits::default()).await.unwrap();
    run(&server, &pod);
    server.set_log(&format!("token {PLANTED}-a\n"));
    let terminated = json!({"terminated": {"exitCode": 3, "reason": "Error"}});
    server.set_status(pod.name(), state(&pod, "Failed", &terminated));
    let (notices, end) = all(&mut job).await;
    let Some(Notice::Kept(evidence)) = notices.iter().rev().nth(1) else { panic!("{notices:#?}") };
    assert!(evidence.log.len() == 1 && evidence.log[0].starts_with("(left out: "), "{evidence:?}");
    assert_eq!(end.exit_code, Some(3));
    assert!(!format!("{notices:?}").contains("PLANTED"), "{notices:#?}");
}

#[tokio::test]
async fn defect_6_the_evidence_says_why_it_has_no_log() {
    let server = Server::start().await;
    let (launcher, pod) = (launcher(&server).await, pod("j1"));
    let mut job = launcher.launch(pod.clone()).await.unwrap();
    run(&server, &pod);
    server.trouble("GET", "/log", usize::MAX, Fault::Status(403));
    exit(&server, &pod, 3);
    let (notices, _) = all(&mut job).await;
    let Some(Notice::Kept(evidence)) = notices.iter().rev().nth(1) else { panic!("{notices:#?}") };
    assert!(evidence.log.len() == 1 && evidence.log[0].starts_with("(the log could not be read: "), "{evidence:?}");
}

#[tokio::test]
async fn defect_6_the_end_of_a_log_is_kept_also_after_a_very_long_line() {
    let server = Server::start().await;
    let (launcher, pod) = (launcher(&server).await, pod("j1"));
    let mut job = launcher.launch(pod.clone()).await.unwrap();
    run(&server, &pod);
    server.set_log(&format!("begin\n{} 100%\nTraceback\nthe end\n", "progress\r".repeat(5000)));
    exit(&server, &pod, 3);
    let (notices, _) = all(&mut job).await;
    let Some(Notice::Kept(evidence)) = notices.iter().rev().nth(1) else { panic!("{notices:#?}") };
    let lines: Vec<_> = evidence.log.iter().map(String::as_str).collect();
    assert_eq!(lines[lines.len() - 2..], ["Traceback", "the end"]);
}

//! A launcher against a simulated API server that can fail at any request, which a real one cannot on demand.
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests: a failure is a failed test")]

mod server;

use std::{collections::BTreeMap, time::Duration};

use flare_diagnostic::Code;
use flare_names::Target;
use flare_pod_launch::{End, Job, JobPod, Launcher, Limits, Notice, Options, Settlement, State};
use flare_pod_manifest::{Additions, LaunchRequest, SiteFiles, manifest};
use serde_json::{Value, json};
use server::{Fault, Server};
use tokio::time::{Instant, timeout};

/// Text in the transfer token, the credentials and the kit that must not occur in any notice.
const PLANTED: &str = "PLANTED-a8f1c0ffee";

/// The deadline of every wait in these tests.
const SOON: Duration = Duration::from_secs(20);

fn job_pod(job: &str, target: Target) -> JobPod {
    let request = json!({"role": "client", "site": "site-1", "workspace": "/w", "owner_fqcn": "site-1", "transfer_token": format!("{PLANTED}-t"),
        "launcher": {"config_file_path": null, "namespace": "fl", "study_data_pvc_file_path": "/w/local/study_data.yaml"},
        "job_meta": {"job_id": job, "launcher_spec": {"default": {"k8s": {"image": "fl/job:1"}}}},
        "process_args": {"exe_module": ["-m", "worker"], "auth_token": ["-t", format!("{PLANTED}-a")],
            "auth_signature": ["-ts", format!("{PLANTED}-s")], "ssid": ["-d", format!("{PLANTED}-d")]}});
    let request = LaunchRequest::parse(request.to_string().as_bytes(), "request.json", target).unwrap().value;
    let files = SiteFiles::new(BTreeMap::from([("client.key".to_owned(), PLANTED.as_bytes().to_vec())]));
    JobPod::new(&manifest(&request, &files, &Additions::default()).unwrap().value).unwrap()
}

fn pod(job: &str) -> JobPod {
    job_pod(job, Target::V2_9)
}

async fn launcher(server: &Server) -> Launcher {
    Launcher::start(&server.connect().await, "fl", Options::new(jiff::Timestamp::now()))
}

fn state(pod: &JobPod, phase: &str, state: &Value) -> Value {
    json!({"phase": phase, "containerStatuses": [{"name": pod.container(), "image": "i", "imageID": "", "ready": true, "restartCount": 0, "state": state}]})
}

fn run(server: &Server, pod: &JobPod) {
    server.set_status(pod.name(), state(pod, "Running", &json!({"running": {}})));
}

fn exit(server: &Server, pod: &JobPod, code: i32) {
    let phase = if code == 0 { "Succeeded" } else { "Failed" };
    let terminated = json!({"terminated": {"exitCode": code, "reason": "Error", "message": format!("said {PLANTED}-a")}});
    server.set_status(pod.name(), state(pod, phase, &terminated));
}

/// All notices up to the settlement, which arrive in order, and the only end.
async fn all(job: &mut Job) -> (Vec<Notice>, End) {
    let mut notices = Vec::new();
    while let Some(notice) = timeout(SOON, job.next()).await.unwrap_or_else(|_| panic!("no settlement after {notices:#?}")) {
        notices.push(notice);
    }
    let ends: Vec<_> =
        notices.iter().filter_map(|notice| if let Notice::Ended(end) = notice { Some(end) } else { None }).collect();
    let [end] = ends[..] else { panic!("not one end: {notices:#?}") };
    assert!(matches!(notices.last(), Some(Notice::Settled(_))), "{notices:#?}");
    let end = end.clone();
    (notices, end)
}

/// Waits until the job is in this state.
async fn until(job: &mut Job, state: State) {
    loop {
        match timeout(SOON, job.next()).await.expect("a state comes").expect("the stream goes on") {
            Notice::Changed(to) if to.state == state => return,
            Notice::Changed(_) => {}
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn a_job_runs_to_its_end_and_leaves_only_what_belongs_to_the_site() {
    let server = Server::start().await;
    let (launcher, pod) = (launcher(&server).await, pod("j1"));
    let mut job = launcher.launch(pod.clone()).await.unwrap();
    assert_eq!(job.uid.as_deref(), server.object("pods", pod.name()).unwrap()["metadata"]["uid"].as_str());
    run(&server, &pod);
    until(&mut job, State::Running).await;
    let credentials = format!("nvflare-cred-{}", pod.name());
    let owner = server.object("secrets", &credentials).unwrap()["metadata"]["ownerReferences"][0].clone();
    assert_eq!((&owner["kind"], owner["uid"].as_str()), (&json!("Pod"), job.uid.as_deref()));
    exit(&server, &pod, 0);
    let (notices, end) = all(&mut job).await;
    assert_eq!((end.state, end.return_code), (State::Succeeded, 0));
    assert_eq!(notices.last(), Some(&Notice::Settled(Settlement::Removed)));
    assert_eq!(server.names("pods"), [""; 0]);
    assert_eq!(server.count("GET") - server.count("GET /version"), 2, "one list each: {:#?}", server.asked());
}

#[tokio::test]
async fn a_create_whose_answer_is_lost_makes_one_pod() {
    for fault in [Fault::AnswerLost, Fault::Closed, Fault::Status(429), Fault::Status(503)] {
        let server = Server::start().await;
        let (launcher, pod) = (launcher(&server).await, pod("j1"));
        server.trouble("POST", "/pods", 2, fault);
        server.trouble("POST", "/secrets", 1, fault);
        let mut job = Launcher::launch(&launcher, pod.clone()).await.unwrap();
        server.wait_for("pods", pod.name()).await;
        run(&server, &pod);
        exit(&server, &pod, 0);
        assert_eq!(all(&mut job).await.1.state, State::Succeeded, "{fault:?}");
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
    assert_eq!((end.state, end.return_code, end.reason.as_str()), (State::NotStarted, 101, "Forbidden"));
    let credentials = format!("nvflare-cred-{}", pod("j1").name());
    assert_eq!(server.object("secrets", &credentials), None, "the settlement comes when nothing of the job is left");
}

#[tokio::test]
async fn a_launch_is_answered_in_time_whatever_the_api_server_does() {
    let server = Server::start().await;
    let launcher = hasty_launcher(&server).await;
    server.trouble("POST", "/secrets", 9, Fault::Silence);
    let begin = Instant::now();
    launcher.launch(pod("j1")).await.unwrap_err();
    server.end_trouble();
    server.trouble("POST", "/pods", 9, Fault::Silence);
    let job = launcher.launch(pod("j2")).await.unwrap();
    assert_eq!(job.uid, None, "nobody knows whether the pod was made");
    assert!(begin.elapsed() < Duration::from_secs(5), "{:?}", begin.elapsed());
    assert_eq!(server.count("POST /api/v1/namespaces/fl/pods"), 1, "the job without Secrets has no pod");
}

/// A launcher that answers a launch within a second.
async fn hasty_launcher(server: &Server) -> Launcher {
    let options = Options { answer: Duration::from_secs(1), ..Options::new(jiff::Timestamp::now()) };
    Launcher::start(&server.connect().await, "fl", options)
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
        until(&mut job, State::Running).await;
        // Longer than the late request takes, and the deletion after it.
        tokio::time::sleep(Duration::from_secs(7)).await;
        let credentials = server.object("secrets", &format!("nvflare-cred-{}", pod.name())).expect("the pod needs it");
        assert_eq!(credentials["metadata"]["ownerReferences"][0]["uid"].as_str(), job.uid.as_deref(), "{fault:?}");
        exit(&server, &pod, 0);
        assert_eq!(all(&mut job).await.1.state, State::Succeeded);
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
    assert_eq!(all(&mut job).await.1.state, State::Succeeded);
}

#[tokio::test]
async fn a_job_whose_secret_may_not_get_an_owner_runs_and_its_secret_is_deleted_at_its_end() {
    let server = Server::start().await;
    let (launcher, pod) = (launcher(&server).await, pod("j1"));
    let credentials = format!("nvflare-cred-{}", pod.name());
    server.trouble("PATCH", "/nvflare-cred-", usize::MAX, Fault::Status(403));
    let mut job = launcher.launch(pod.clone()).await.unwrap();
    run(&server, &pod);
    until(&mut job, State::Running).await;
    assert!(server.object("secrets", &credentials).is_some());
    exit(&server, &pod, 0);
    assert_eq!(all(&mut job).await.1.state, State::Succeeded);
    assert_eq!(server.object("secrets", &credentials), None);
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
    assert_eq!(all(&mut job).await.1.state, State::Aborted);
    assert_eq!(server.names("pods"), [""; 0]);
}

#[tokio::test]
async fn watches_that_break_and_lists_that_fail_lose_no_end_and_make_none() {
    let server = Server::start().await;
    let (launcher, pods) = (launcher(&server).await, ["j1", "j2", "j3"].map(pod));
    let mut jobs = Vec::new();
    for pod in &pods {
        jobs.push(launcher.launch(pod.clone()).await.unwrap());
    }
    for (number, pod) in pods.iter().enumerate() {
        server.trouble("WATCH", "/pods", 2, Fault::Status(500));
        server.trouble("GET", "/pods", number, Fault::Closed);
        server.break_watches();
        run(&server, pod);
        tokio::time::sleep(Duration::from_millis(300)).await;
        server.break_watches();
    }
    server.end_trouble();
    for pod in &pods {
        exit(&server, pod, 0);
    }
    for job in &mut jobs {
        assert_eq!(all(job).await.1.state, State::Succeeded);
    }
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
        assert_eq!(all(job).await.1.state, State::Succeeded);
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
    assert_eq!(all(&mut launched).await.1.state, State::Succeeded);
    let end = all(&mut adopted).await.1;
    assert_eq!((end.state, end.return_code, end.exit_code), (State::Failed, 101, Some(101)));
}

#[tokio::test]
async fn an_adopted_pod_of_another_uid_is_not_the_one_that_was_meant() {
    let server = Server::start().await;
    let (first, pod) = (launcher(&server).await, pod("j1"));
    first.launch(pod.clone()).await.unwrap();
    drop(first);
    let second = launcher(&server).await;
    let mut job = second.adopt(pod.name(), Some("uid-of-before"), Limits::default()).await.unwrap();
    assert_eq!(all(&mut job).await.1.state, State::NotStarted);
    assert_eq!(server.names("pods"), [pod.name()], "a stranger is not deleted");
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
async fn a_pod_that_a_stranger_deletes_while_it_runs_has_failed_once() {
    let server = Server::start().await;
    let (launcher, pod) = (launcher(&server).await, pod("j1"));
    let mut job = launcher.launch(pod.clone()).await.unwrap();
    run(&server, &pod);
    until(&mut job, State::Running).await;
    server.remove("pods", pod.name());
    let end = all(&mut job).await.1;
    assert_eq!((end.state, end.return_code, end.reason.as_str()), (State::Failed, 9, "Deleted"));
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
    assert_eq!((end.state, end.return_code, end.message.as_str()), (State::Aborted, 9, "stop"));
    assert_eq!(notices.last(), Some(&Notice::Settled(Settlement::Removed)));
    assert_eq!(server.names("pods"), [""; 0]);
    launcher.terminate(pod.name(), None, "after the end");
}

#[tokio::test]
async fn refusals_of_every_watch_end_a_wait_with_their_reason() {
    let server = Server::start().await;
    let (launcher, pod) = (launcher(&server).await, pod("j1"));
    let limits = Limits { refused: Duration::from_secs(1), removal: Duration::from_secs(1), ..Limits::default() };
    let mut job = launcher.launch(pod.clone().with_limits(limits)).await.unwrap();
    for method in ["GET", "WATCH", "DELETE"] {
        server.trouble(method, "/pods", usize::MAX, Fault::Status(403));
    }
    server.break_watches();
    let (notices, end) = all(&mut job).await;
    assert_eq!((end.state, end.return_code, end.reason.as_str()), (State::NotStarted, 101, "Forbidden"));
    let Some(Notice::Settled(Settlement::NotRemoved { message })) = notices.last() else { panic!("{notices:#?}") };
    assert!(message.contains("may not") || message.contains("refuse"), "{message}");
}

#[tokio::test]
async fn no_token_is_told_and_no_debug_form_shows_one() {
    for target in Target::ALL {
        let server = Server::start().await;
        let (launcher, pod) = (launcher(&server).await, job_pod("j1", target));
        let mut shown = format!("{pod:?} {launcher:?}");
        let mut job = launcher.launch(pod.clone()).await.unwrap();
        run(&server, &pod);
        server.set_log(&format!("token {PLANTED}-a\ntransfer {PLANTED}-t\n{PLANTED}-s {PLANTED}-d\nthe end\n"));
        server.make(
            "events",
            "e1",
            json!({"metadata": {"name": "e1"}, "involvedObject": {"kind": "Pod", "name": pod.name()},
            "type": "Warning", "reason": "Failed", "message": format!("with {PLANTED}-t")}),
        );
        exit(&server, &pod, 3);
        let (notices, end) = all(&mut job).await;
        let Some(Notice::Kept(evidence)) = notices.iter().rev().nth(1) else { panic!("{notices:#?}") };
        assert_eq!(evidence.log.last().map(String::as_str), Some("the end"), "{evidence:?}");
        assert_eq!(end.exit_code, Some(3));
        shown.push_str(&format!("{notices:?} {job:?} {:?}", launcher.pods().await.unwrap()));
        assert!(!shown.contains("PLANTED"), "{shown}");
    }
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
        let expected = if is_deleted { (State::Failed, "Deleted") } else { (State::Succeeded, "Completed") };
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
    assert_eq!(all(&mut job).await.1.state, State::Aborted);
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

/// Numbers that look random, the same in each run.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }

    fn one_of<T: Copy>(&mut self, of: &[T]) -> T {
        of[usize::try_from(self.below(of.len() as u64)).unwrap()]
    }
}

/// Breaks something at random.
fn break_something(server: &Server, numbers: &mut Numbers) {
    let method = numbers.one_of(&["GET", "WATCH", "POST", "DELETE", "PUT", "PATCH"]);
    let fault = numbers.one_of(&[Fault::Closed, Fault::AnswerLost, Fault::Status(429), Fault::Status(500), Fault::Status(503)]);
    match numbers.below(3) {
        0 => server.break_watches(),
        times => server.trouble(method, "/api/v1", usize::try_from(times).unwrap(), fault),
    }
}

/// Does what a kubelet does: each pod runs, and ends with the code of its job.
async fn kubelet(server: Server, pods: Vec<(JobPod, i32)>) {
    let mut lived = BTreeMap::<String, u32>::new();
    loop {
        for (pod, code) in &pods {
            if server.object("pods", pod.name()).is_none() {
                continue;
            }
            let age = lived.entry(pod.name().to_owned()).or_default();
            *age += 1;
            match *age {
                3 => run(&server, pod),
                20 => exit(&server, pod, *code),
                _ => {}
            }
        }
        tokio::time::sleep(Duration::from_millis(40)).await;
    }
}

#[tokio::test]
async fn whatever_breaks_on_the_way_each_job_has_one_pod_and_the_end_that_it_had() {
    for seed in [1, 77, 4_242_424_242] {
        let (server, mut numbers) = (Server::start().await, Numbers(seed));
        let launcher = launcher(&server).await;
        let pods: Vec<_> = (0..8).map(|number| (pod(&format!("j{number}")), if number % 2 == 0 { 0 } else { 3 })).collect();
        let kubelet = tokio::spawn(kubelet(server.clone(), pods.clone()));
        let breaking = tokio::spawn({
            let server = server.clone();
            async move {
                for _ in 0..60 {
                    break_something(&server, &mut numbers);
                    tokio::time::sleep(Duration::from_millis(40)).await;
                }
                server.end_trouble();
            }
        });
        let ends = pods.iter().map(|(pod, code)| {
            let launcher = launcher.clone();
            async move {
                let mut job = loop {
                    // Where the Secrets could not be had in time, a parent tells its user, who submits again.
                    if let Ok(job) = launcher.launch(pod.clone()).await {
                        break job;
                    }
                };
                (all(&mut job).await, *code)
            }
        });
        for ((notices, end), code) in futures_util::future::join_all(ends).await {
            let expected = if code == 0 { State::Succeeded } else { State::Failed };
            assert_eq!((end.state, end.exit_code), (expected, Some(code)), "seed {seed}: {notices:#?}");
            assert_eq!(notices.last(), Some(&Notice::Settled(Settlement::Removed)), "seed {seed}");
        }
        breaking.await.unwrap();
        kubelet.abort();
        assert_eq!((server.made("pods"), server.names("pods").len()), (pods.len(), 0), "seed {seed}");
    }
}

//! An API server that breaks, refuses and lies at any moment.

use std::collections::BTreeMap;
use std::time::Duration;

use flare_pod_launch::{JobPod, JobState, Limits, Notice, Settlement};

use crate::server::{Fault, Server};
use crate::{all, exit, launcher, pod, run, until, up_to};

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
        assert_eq!(all(job).await.1.state, JobState::Succeeded);
    }
}

#[tokio::test]
async fn a_watch_whose_version_is_too_old_begins_with_a_new_list_and_misses_no_end() {
    let server = Server::start().await;
    let (launcher, pod) = (launcher(&server).await, pod("j1"));
    let mut job = launcher.launch(pod.clone()).await.unwrap();
    run(&server, &pod);
    until(&mut job, JobState::Running).await;
    server.trouble("WATCH", "/pods", 1, Fault::Status(410));
    server.break_watches();
    exit(&server, &pod, 0);
    assert_eq!(all(&mut job).await.1.state, JobState::Succeeded);
    let lists = server.asked().iter().filter(|asked| *asked == "GET /api/v1/namespaces/fl/pods").count();
    assert!(lists >= 2, "{:?}", server.asked());
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
    assert_eq!((end.state, end.return_code, end.reason.as_str()), (JobState::NotStarted, 101, "Forbidden"));
    let Some(Notice::Settled(Settlement::NotRemoved { message })) = notices.last() else { panic!("{notices:#?}") };
    assert!(message.contains("may not") || message.contains("refuse"), "{message}");
}

#[tokio::test]
async fn defect_2_a_pending_timeout_ends_no_pod_that_runs_behind_a_watch_that_is_silent() {
    let server = Server::start().await;
    server.trouble("WATCH", "/pods", usize::MAX, Fault::Silence);
    let (launcher, pod) = (launcher(&server).await, pod("j1"));
    let limits = Limits { pending: Duration::from_secs(2), ..Limits::default() };
    let mut job = launcher.launch(pod.clone().with_limits(limits)).await.unwrap();
    run(&server, &pod);
    until(&mut job, JobState::Running).await;
    assert_eq!(server.count("DELETE"), 0);
}

#[tokio::test]
async fn a_job_whose_pod_no_watch_shows_is_followed_to_its_end() {
    let server = Server::start().await;
    server.trouble("WATCH", "/pods", usize::MAX, Fault::Silence);
    let (launcher, pod) = (launcher(&server).await, pod("j1"));
    let limits = Limits { pending: Duration::from_secs(2), ..Limits::default() };
    let mut job = launcher.launch(pod.clone().with_limits(limits)).await.unwrap();
    run(&server, &pod);
    until(&mut job, JobState::Running).await;
    exit(&server, &pod, 0);
    let notices = up_to(&mut job, |notice| matches!(notice, Notice::Ended(_))).await;
    assert!(matches!(notices.last(), Some(Notice::Ended(end)) if end.state == JobState::Succeeded), "{notices:#?}");
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
            let expected = if code == 0 { JobState::Succeeded } else { JobState::Failed };
            assert_eq!((end.state, end.exit_code), (expected, Some(code)), "seed {seed}: {notices:#?}");
            assert_eq!(notices.last(), Some(&Notice::Settled(Settlement::Removed)), "seed {seed}");
        }
        breaking.await.unwrap();
        kubelet.abort();
        assert_eq!((server.made("pods"), server.names("pods").len()), (pods.len(), 0), "seed {seed}");
    }
}

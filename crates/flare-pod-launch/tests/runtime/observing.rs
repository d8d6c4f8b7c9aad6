//! Following a namespace without changing it.

use flare_pod_launch::{JobState, Listing, Notice, observe};
use tokio::{sync::mpsc, time::timeout};

use crate::server::{Fault, Server};
use crate::{SOON, exit, launcher, pod, run};

#[tokio::test]
async fn a_job_is_shown_running_again_once_the_api_server_answers() {
    let server = Server::start().await;
    let (launcher, pod) = (launcher(&server).await, pod("j1"));
    launcher.launch(pod.clone()).await.unwrap();
    drop(launcher);
    run(&server, &pod);
    let (tell, mut told) = mpsc::unbounded_channel();
    let cluster = server.connect().await;
    let observing = tokio::spawn(async move {
        let tell = move |_: &flare_pod_launch::KnownPod, notice: Notice| tell.send(notice).unwrap();
        observe(&cluster, "fl", None, jiff::Timestamp::now(), &mut Listing::Awaited(None), tell).await
    });
    let mut next = async || timeout(SOON, told.recv()).await.expect("a notice").unwrap();
    let state = |notice: &Notice| match notice {
        Notice::Changed(to) => to.state,
        Notice::Ended(end) => end.state,
        other => panic!("{other:?}"),
    };
    assert_eq!(state(&next().await), JobState::Running);
    // The watch goes on where it was, and nothing changes.
    server.trouble("WATCH", "/pods", 1, Fault::Status(500));
    server.break_watches();
    assert_eq!(state(&next().await), JobState::Unknown);
    assert_eq!(state(&next().await), JobState::Running);
    exit(&server, &pod, 0);
    assert_eq!(state(&next().await), JobState::Succeeded);
    observing.abort();
}

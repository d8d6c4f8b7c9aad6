//! The end of a job: its evidence, the deletion of its pod, and a terminate.

use std::time::Duration;

use flare_pod_launch::{Action, Lifecycle, Limits, Notice, Observation, Settlement};
use serde_json::{Value, json};

use crate::scene::{CONTAINER, UID, at, ended, found, life, limits, pending, play, pod_with, running, warning};

#[test]
fn a_job_that_succeeds_is_told_at_once_and_its_pod_is_deleted() {
    let mut life = life(false);
    let lines = play(
        &mut life,
        vec![
            (0, pending()),
            (1, pending()),
            (2, running()),
            (9, ended(0)),
            (9, Observation::Deleted(Ok(true))),
            (10, Observation::Missing),
        ],
    );
    assert_eq!(
        lines,
        [
            "0: pending ContainerCreating: the node prepares the containers",
            "2: running Running",
            "9: end succeeded 0 Some(0) Completed",
            "9: Delete { grace: None }",
            "10: settled Removed",
        ]
    );
    assert!(life.is_done() && life.wake().is_none());
}

#[test]
fn an_absence_that_is_seen_before_the_deletion_is_answered_needs_no_request() {
    let mut life = life(false);
    let script = vec![(0, running()), (9, ended(0)), (9, Observation::Missing), (10, Observation::Deleted(Ok(true)))];
    let lines = play(&mut life, script);
    assert_eq!(lines[2..], ["9: Delete { grace: None }", "10: settled Removed"]);
}

#[test]
fn the_evidence_of_a_failed_job_is_kept_before_its_pod_is_deleted() {
    let mut life = life(false);
    let logged = Observation::Logged(vec!["Traceback".into(), "boom".into()]);
    let script =
        vec![(0, running()), (1, warning("BackOff")), (5, ended(101)), (6, logged), (6, Observation::Deleted(Ok(false)))];
    let lines = play(&mut life, script);
    assert_eq!(
        lines,
        [
            "0: running Running",
            "5: end failed 101 Some(101) Error",
            "5: ReadLog",
            "6: kept 1 events, 2 lines",
            "6: Delete { grace: None }",
            "6: settled Removed",
        ]
    );
}

#[test]
fn defect_6_the_log_of_an_init_container_that_failed_is_kept() {
    let status = |name: &str, state: &Value| json!({"name": name, "image": "i", "imageID": "", "ready": false, "restartCount": 0, "state": state});
    let ended = |code: i32| json!({"terminated": {"exitCode": code, "reason": "Error"}});
    let mut life = life(false);
    let failed = json!({"metadata": {"name": "j1", "uid": UID}, "spec": {"containers": [], "nodeName": "n1"}, "status": {"phase": "Failed",
        "initContainerStatuses": [status("mount", &ended(0)), status("fetch", &ended(1))],
        "containerStatuses": [status(CONTAINER, &json!({"waiting": {"reason": "PodInitializing"}}))]}});
    let failed = Observation::Seen(Box::new(serde_json::from_value(failed).unwrap()));
    let lines = play(&mut life, vec![(0, pending()), (5, failed), (6, Observation::Logged(vec!["no such bucket".into()]))]);
    assert_eq!(lines[1..4], ["5: end not_started 101 None InitContainerFailed", "5: ReadLog", "6: kept 0 events, 1 lines"]);
    assert_eq!(life.logged_container(), "fetch");
}

#[test]
fn a_log_that_does_not_come_keeps_no_pod_alive() {
    let mut life = life(false);
    play(&mut life, vec![(0, running()), (5, ended(1))]);
    let wake = life.wake().unwrap();
    assert_eq!(wake, Duration::from_secs(5) + limits().evidence);
    let lines = play(&mut life, vec![(wake.as_secs(), Observation::TimePassed)]);
    assert_eq!(lines, ["20: kept 0 events, 0 lines", "20: Delete { grace: None }"]);
}

#[test]
fn with_keep_a_pod_is_left_whose_containers_ended_before_its_phase_says_so_but_not_one_with_a_running_sidecar() {
    let terminated = json!({"terminated": {"exitCode": 0, "reason": "Completed"}});
    let lines = play(&mut life(true), vec![(1, running()), (2, pod_with(UID, "Running", &terminated, false))]);
    assert_eq!(lines[1..], ["2: end succeeded 0 Some(0) Completed", "2: settled Kept"]);
    let Observation::Seen(mut pod) = pod_with(UID, "Running", &terminated, false) else { panic!("a pod") };
    let statuses = pod.status.as_mut().unwrap().container_statuses.as_mut().unwrap();
    let mut sidecar = statuses[0].clone();
    (sidecar.name, sidecar.state) = ("proxy".into(), serde_json::from_value(json!({"running": {}})).unwrap());
    statuses.push(sidecar);
    let lines = play(&mut life(true), vec![(1, running()), (2, Observation::Seen(pod))]);
    assert!(lines.last().unwrap().starts_with("2: Delete"), "{lines:?}");
}

#[test]
fn with_keep_an_ended_pod_is_left_and_one_that_never_ran_is_not() {
    let mut failed = life(true);
    let lines = play(&mut failed, vec![(0, running()), (5, ended(1)), (6, Observation::Logged(Vec::new()))]);
    assert_eq!(lines.last().unwrap(), "6: settled Kept");
    let mut stuck = life(true);
    let lines = play(&mut stuck, vec![(0, pending()), (60, Observation::TimePassed), (60, found(pending()))]);
    assert_eq!(
        lines[1..],
        [
            "60: Look",
            "60: end not_started 101 None ContainerCreating",
            "60: kept 0 events, 0 lines",
            "60: Delete { grace: Some(10) }"
        ]
    );
}

#[test]
fn defect_6_a_deletion_that_fails_is_tried_until_the_pod_is_gone() {
    let mut life = life(false);
    play(
        &mut life,
        vec![
            (0, pending()),
            (60, Observation::TimePassed),
            (60, found(pending())),
            (60, Observation::Deleted(Err("status 503".into()))),
        ],
    );
    let mut deletions = 0;
    while let Some(wake) = life.wake().filter(|_| deletions < 5) {
        for action in life.step(Observation::TimePassed, at(wake.as_secs())).actions {
            assert_eq!(action, Action::Delete { grace: Some(10) });
            deletions += 1;
        }
        life.step(Observation::Deleted(Err("status 503".into())), at(wake.as_secs()));
    }
    assert_eq!(deletions, 5);
    let wake = life.wake().unwrap().as_secs();
    let lines = play(&mut life, vec![(wake, Observation::Deleted(Ok(true))), (wake + 1, Observation::Missing)]);
    assert_eq!(lines, [format!("{}: settled Removed", wake + 1)]);
}

#[test]
fn defect_6_what_cannot_be_deleted_is_said_in_the_end() {
    let mut life = life(false);
    play(
        &mut life,
        vec![(0, pending()), (60, Observation::TimePassed), (60, found(pending())), (60, Observation::Deleted(Ok(true)))],
    );
    let mut last = None;
    while let Some(wake) = life.wake() {
        last = life.step(Observation::TimePassed, at(wake.as_secs())).notices.pop();
    }
    let Some(Notice::Settled(Settlement::NotRemoved { message })) = last else { panic!("{last:?}") };
    assert!(message.contains("is being deleted and does not go"), "{message}");
}

#[test]
fn a_terminate_keeps_the_evidence_deletes_and_ends_once_however_often_it_comes() {
    let mut life = life(false);
    let stop = || Observation::Terminate("the user stopped it".into());
    let gone = pod_with(UID, "Failed", &json!({"terminated": {"exitCode": 143, "reason": "Error"}}), true);
    let script = vec![
        (0, running()),
        (3, stop()),
        (3, stop()),
        (4, Observation::Logged(vec!["step 7".into()])),
        (4, Observation::Deleted(Ok(true))),
        (6, gone),
        (6, stop()),
        (7, Observation::Missing),
        (8, stop()),
    ];
    let lines = play(&mut life, script);
    assert_eq!(
        lines,
        [
            "0: running Running",
            "3: ending Aborted: the user stopped it",
            "3: ReadLog",
            "4: Delete { grace: Some(10) }",
            "6: end aborted 9 Some(143) Aborted",
            "6: kept 0 events, 1 lines",
            "7: settled Removed",
        ]
    );
}

#[test]
fn defect_35_a_terminate_after_the_end_changes_nothing() {
    let mut life = life(false);
    let stop = Observation::Terminate("late".into());
    let lines = play(&mut life, vec![(0, running()), (5, ended(0)), (5, stop), (6, Observation::Deleted(Ok(false)))]);
    assert_eq!(lines[1..], ["5: end succeeded 0 Some(0) Completed", "5: Delete { grace: None }", "6: settled Removed"]);
}

#[test]
fn a_pod_that_is_deleted_and_does_not_go_has_ended_once_a_look_still_shows_it() {
    let deleting = || pod_with(UID, "Running", &json!({"running": {}}), true);
    let mut life = life(false);
    let lines = play(&mut life, vec![(0, running()), (10, deleting()), (310, Observation::TimePassed), (312, found(deleting()))]);
    assert!(lines.iter().any(|line| line == "310: Look"), "{lines:?}");
    assert!(lines.iter().any(|line| line.starts_with("312: end failed")), "{lines:?}");
}

#[test]
fn a_deletion_that_fails_for_longer_than_its_own_limit_is_tried_in_peace_until_the_job_has_ended() {
    let second = Duration::from_secs(1);
    let mut life = Lifecycle::new(CONTAINER, Limits { removal: second, ..limits() }, false, at(0));
    let stop = Observation::Terminate("stop".into());
    play(&mut life, vec![(0, running()), (3, stop), (4, Observation::Logged(Vec::new()))]);
    let (mut now, mut told) = (4, Vec::new());
    while let Some(wake) = life.wake().map(|wake| wake.as_secs()) {
        assert!(wake > now, "it wakes at {wake} again and again");
        now = wake;
        told.extend(play(&mut life, vec![(now, Observation::TimePassed), (now, Observation::Deleted(Err("no".into())))]));
    }
    let last = 3 + limits().longest_abort().as_secs();
    assert!(told.iter().filter(|line| line.contains("Delete {")).count() > 1, "{told:?}");
    assert!(told.contains(&format!("{last}: end aborted 9 None Aborted")), "{told:?}");
    assert_eq!(told.last().unwrap(), &format!("{last}: settled NotRemoved {{ message: \"no\" }}"));
}

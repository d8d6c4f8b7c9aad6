//! What is known of a pod: watches, looks, deadlines and an API server in trouble.

use std::time::Duration;

use flare_pod_launch::{JobState, Notice, Observation, PodLookup};
use k8s_openapi::api::core::v1::Event;
use serde_json::json;

use crate::scene::{UID, at, ended, found, life, pending, play, pod_with, running};

#[test]
fn defect_39_a_pod_that_nobody_aborts_ends_with_its_pending_timeout() {
    let mut life = life(false);
    play(&mut life, vec![(0, pending())]);
    assert_eq!(life.wake(), Some(Duration::from_mins(1)));
}

#[test]
fn a_list_without_the_pod_is_believed_only_after_a_request_for_it() {
    let mut life = life(false);
    let script = vec![
        (0, Observation::Missing),
        (1, pending()),
        (2, Observation::Missing),
        (2, pending()),
        (3, running()),
        (9, Observation::Missing),
        (9, Observation::Gone),
    ];
    let lines = play(&mut life, script);
    assert_eq!(
        lines,
        [
            "0: pending Creating: the API server has not confirmed the pod yet",
            "1: pending ContainerCreating: the node prepares the containers",
            "2: Look",
            "3: running Running",
            "9: Look",
            "9: end failed 9 None Deleted",
            "9: kept 0 events, 0 lines",
            "9: settled Removed",
        ]
    );
}

#[test]
fn defect_24_a_pod_that_is_gone_after_it_succeeded_has_succeeded() {
    let mut life = life(false);
    let deleted_object = pod_with(UID, "Succeeded", &json!({"terminated": {"exitCode": 0}}), true);
    let lines = play(&mut life, vec![(0, running()), (5, deleted_object), (5, Observation::Missing), (5, Observation::Gone)]);
    assert_eq!(lines[1], "5: end succeeded 0 Some(0) Completed");
    assert_eq!(lines.last().unwrap(), "5: settled Removed");
}

#[test]
fn another_pod_of_the_name_is_not_the_jobs() {
    let mut life = life(false);
    let other = || pod_with("u2", "Succeeded", &json!({"terminated": {"exitCode": 0}}), false);
    let lines = play(&mut life, vec![(0, running()), (5, other()), (6, found(other()))]);
    assert_eq!(lines[1..3], ["5: Look", "6: end failed 9 None Deleted"]);
    assert!(!lines.iter().any(|line| line.contains("Delete {")), "{lines:?}");
}

#[test]
fn a_watch_that_is_older_than_the_pod_shows_an_earlier_one_and_ends_nothing() {
    for earlier in [pod_with("u0", "Running", &json!({"running": {}}), true), pod_with("u0", "Failed", &json!({}), false)] {
        let mut life = life(false);
        let lines = play(&mut life, vec![(0, pending()), (1, earlier), (2, found(running())), (9, ended(0))]);
        assert_eq!(lines[1..4], ["1: Look", "2: running Running", "9: end succeeded 0 Some(0) Completed"]);
    }
}

#[test]
fn defect_2_a_deadline_ends_no_pod_that_runs_by_now() {
    // The API server did not answer while the deadline came near, and its watch is behind.
    let mut life = life(false);
    let script = vec![
        (1, pending()),
        (30, Observation::NoAnswer),
        (70, Observation::Sighted),
        (71, Observation::TimePassed),
        (72, found(running())),
        (90, ended(0)),
    ];
    let lines = play(&mut life, script);
    let expected = ["70: Look", "72: running Running", "90: end succeeded 0 Some(0) Completed", "90: Delete { grace: None }"];
    assert_eq!(lines[lines.len() - 4..], expected, "{lines:?}");
}

#[test]
fn defect_24_a_job_that_succeeded_unseen_before_its_pod_went_has_succeeded() {
    let mut life = life(false);
    let deleting = pod_with(UID, "Running", &json!({"running": {}}), true);
    let script = vec![(0, running()), (10, deleting), (400, Observation::TimePassed), (401, found(ended(0)))];
    let lines = play(&mut life, script);
    assert_eq!(lines[2..4], ["400: Look", "401: end succeeded 0 Some(0) Completed"]);
}

#[test]
fn a_deadline_without_an_answer_to_its_look_is_a_wait_for_the_api_server() {
    let no_answer = || Observation::Looked(PodLookup::NoAnswer);
    let mut life = life(false);
    let lines = play(&mut life, vec![(0, pending()), (60, Observation::TimePassed), (65, no_answer())]);
    assert_eq!(lines[1..], ["60: Look", "65: unknown NoAnswer: the API server does not answer"]);
    assert_eq!(life.wake(), Some(Duration::from_secs(70)), "it is asked again");
    let lines = play(&mut life, vec![(70, Observation::TimePassed), (75, no_answer()), (85, Observation::TimePassed)]);
    assert_eq!(lines, ["70: Look", "85: Look"]);
    let lines = play(&mut life, vec![(86, found(running()))]);
    assert_eq!(lines, ["86: running Running"]);
    assert_eq!(life.wake(), None);
    let mut lost = crate::scene::life(false);
    play(&mut lost, vec![(0, pending()), (60, Observation::TimePassed), (65, no_answer())]);
    let lines = play(&mut lost, vec![(665, Observation::TimePassed)]);
    assert_eq!(lines[0], "665: end not_started 101 None NoAnswer");
}

#[test]
fn an_answer_to_an_earlier_look_is_older_than_the_deadline() {
    let mut life = life(false);
    let script = vec![
        (0, pending()),
        (59, Observation::Missing),
        (60, Observation::TimePassed),
        (61, found(pending())),
        (62, found(running())),
    ];
    assert_eq!(play(&mut life, script)[1..], ["59: Look", "61: Look", "62: running Running"]);
}

#[test]
fn events_of_an_earlier_pod_of_the_name_say_nothing_about_this_one() {
    let event = |uid: &str, count: i32| {
        let event = json!({"metadata": {"name": uid}, "involvedObject": {"uid": uid}, "type": "Warning", "reason": "Failed",
            "message": "Failed to pull image", "count": count});
        Observation::Happened(Box::new(serde_json::from_value::<Event>(event).unwrap()))
    };
    let pulling = || pod_with(UID, "Pending", &json!({"waiting": {"reason": "ErrImagePull"}}), false);
    let mut life = life(false);
    let script = vec![(0, Observation::TimePassed), (0, event("u0", 9)), (0, event(UID, 1)), (1, pulling()), (2, event("u0", 9))];
    let lines = play(&mut life, script);
    assert_eq!(lines[1..], ["1: pending ErrImagePull"]);
    let lines = play(&mut life, vec![(3, event(UID, 5))]);
    assert_eq!(lines[..2], ["3: end not_started 101 None ErrImagePull", "3: kept 1 events, 0 lines"]);
}

#[test]
fn trouble_of_the_api_server_ends_a_wait_in_its_own_time_and_passes() {
    let mut life = life(false);
    play(&mut life, vec![(0, running()), (100, Observation::NoAnswer), (150, Observation::Refused("Forbidden".into()))]);
    assert_eq!(life.wake(), Some(Duration::from_mins(3)), "an API server that comes back may refuse for a moment");
    let step = life.step(Observation::NoAnswer, at(170));
    assert_eq!((step.notices.len(), life.wake()), (1, Some(Duration::from_secs(700))), "no answer counts from the first trouble");
    let step = life.step(Observation::Refused("Forbidden".into()), at(700));
    assert!(matches!(&step.notices[..], [Notice::Ended(end), ..] if end.state == JobState::Failed), "{step:?}");
    let mut life = crate::scene::life(false);
    let lines = play(&mut life, vec![(0, running()), (100, Observation::NoAnswer), (110, Observation::Sighted)]);
    assert_eq!(lines, ["0: running Running", "100: unknown NoAnswer: the API server does not answer", "110: running Running"]);
    assert_eq!(life.wake(), None);
}

#[test]
fn a_job_whose_pod_no_watch_carries_is_looked_at_ever_less_often_until_it_has_ended() {
    let mut life = life(false);
    play(&mut life, vec![(0, running())]);
    assert_eq!(life.wake(), None, "a watch shows its end");
    // Somebody takes its labels away.
    life.set_watched(false);
    let lines = play(&mut life, vec![(10, Observation::Missing), (10, found(running()))]);
    assert_eq!(lines, ["10: Look"]);
    let mut looks = Vec::new();
    while looks.len() < 6 {
        let wake = life.wake().expect("it is looked at again").as_secs();
        if play(&mut life, vec![(wake, Observation::TimePassed)]) == [format!("{wake}: Look")] {
            looks.push(wake);
            play(&mut life, vec![(wake, found(running()))]);
        }
    }
    assert_eq!(looks, [15, 25, 45, 85, 145, 205]);
    life.set_watched(true);
    play(&mut life, vec![(206, running())]);
    assert_eq!(life.wake(), None);
    life.set_watched(false);
    play(&mut life, vec![(210, Observation::TimePassed)]);
    let lines = play(&mut life, vec![(215, Observation::TimePassed), (216, found(ended(0)))]);
    assert_eq!(lines[..2], ["215: Look", "216: end succeeded 0 Some(0) Completed"]);
}

#[test]
fn a_running_job_bears_a_refused_credential_for_two_minutes() {
    let mut life = life(false);
    play(&mut life, vec![(0, running()), (100, Observation::Refused("Unauthorized".into()))]);
    assert_eq!(life.wake(), Some(Duration::from_secs(220)), "a client reads a renewed token only after a while");
    assert_eq!(play(&mut life, vec![(219, Observation::Sighted)]), ["219: running Running"]);
    let lines = play(&mut life, vec![(300, Observation::Refused("Unauthorized".into())), (420, Observation::TimePassed)]);
    assert!(lines.contains(&"420: end failed 9 None Unauthorized".to_owned()), "{lines:?}");
}

//! The state machine of one job pod: its notices and actions step by step, and what holds for any observations in any order.
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests: a failure is a failed test")]

use std::time::Duration;

use flare_pod_launch::{Action, Class, End, Lifecycle, Limits, Look, Moment, Notice, Observation, Settlement, State};
use jiff::SignedDuration;
use k8s_openapi::api::core::v1::{Event, Pod};
use proptest::prelude::*;
use serde_json::{Value, json};

const CONTAINER: &str = "container-j1";
const UID: &str = "u1";

fn at(seconds: u64) -> Moment {
    let start: jiff::Timestamp = "2026-11-28T12:00:00Z".parse().unwrap();
    Moment { elapsed: Duration::from_secs(seconds), wall: start + SignedDuration::from_secs(i64::try_from(seconds).unwrap()) }
}

fn pod_with(uid: &str, phase: &str, state: &Value, deleting: bool) -> Observation {
    let mut pod = json!({"metadata": {"name": "j1", "uid": uid}, "spec": {"containers": [], "nodeName": "n1"}, "status": {"phase": phase,
        "conditions": [{"type": "PodScheduled", "status": "True"}],
        "containerStatuses": [{"name": CONTAINER, "image": "i", "imageID": "", "ready": false, "restartCount": 0, "state": state}]}});
    if deleting {
        pod["metadata"]["deletionTimestamp"] = "2026-11-28T12:00:30Z".into();
    }
    Observation::Seen(Box::new(serde_json::from_value::<Pod>(pod).unwrap()))
}

fn pending() -> Observation {
    pod_with(UID, "Pending", &json!({"waiting": {"reason": "ContainerCreating"}}), false)
}

fn running() -> Observation {
    pod_with(UID, "Running", &json!({"running": {}}), false)
}

fn ended(code: i32) -> Observation {
    let phase = if code == 0 { "Succeeded" } else { "Failed" };
    pod_with(UID, phase, &json!({"terminated": {"exitCode": code, "reason": "Error"}}), false)
}

fn warning(reason: &str) -> Observation {
    let event = json!({"metadata": {"name": reason}, "involvedObject": {"uid": UID}, "type": "Warning", "reason": reason, "message": "why"});
    Observation::Happened(Box::new(serde_json::from_value::<Event>(event).unwrap()))
}

/// The answer to a look that finds what an observation shows.
fn found(seen: Observation) -> Observation {
    let Observation::Seen(pod) = seen else { panic!("{seen:?} shows no pod") };
    Observation::Looked(Look::Found(pod))
}

fn limits() -> Limits {
    Limits { pending: Duration::from_mins(1), ..Limits::default() }
}

fn life(keep: bool) -> Lifecycle {
    Lifecycle::new(CONTAINER, limits(), keep, at(0))
}

/// A notice as one line.
fn line(notice: &Notice) -> String {
    match notice {
        Notice::Changed(to) => to.to_string(),
        Notice::Ended(End { state, return_code, exit_code, reason, .. }) => {
            format!("end {} {return_code} {exit_code:?} {reason}", state.as_str())
        }
        Notice::Kept(evidence) => format!("kept {} events, {} lines", evidence.events.len(), evidence.log.len()),
        Notice::Settled(settlement) => format!("settled {settlement:?}"),
    }
}

/// Feeds observations at the given seconds, and returns the notices and actions.
fn play(life: &mut Lifecycle, script: Vec<(u64, Observation)>) -> Vec<String> {
    let mut lines = Vec::new();
    for (second, observation) in script {
        let step = life.step(observation, at(second));
        lines.extend(step.notices.iter().map(|notice| format!("{second}: {}", line(notice))));
        lines.extend(step.actions.iter().map(|action| format!("{second}: {action:?}")));
    }
    lines
}

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
fn defect_39_a_pod_that_nobody_aborts_ends_with_its_pending_timeout() {
    let mut life = life(false);
    play(&mut life, vec![(0, pending())]);
    assert_eq!(life.wake(), Some(Duration::from_mins(1)));
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
    let no_answer = || Observation::Looked(Look::NoAnswer);
    let mut life = life(false);
    let lines = play(&mut life, vec![(0, pending()), (60, Observation::TimePassed), (65, no_answer())]);
    assert_eq!(lines[1..], ["60: Look", "65: unknown NoAnswer: the API server does not answer"]);
    assert_eq!(life.wake(), Some(Duration::from_secs(70)), "it is asked again");
    let lines = play(&mut life, vec![(70, Observation::TimePassed), (75, no_answer()), (85, Observation::TimePassed)]);
    assert_eq!(lines, ["70: Look", "85: Look"]);
    let lines = play(&mut life, vec![(86, found(running()))]);
    assert_eq!(lines, ["86: running Running"]);
    assert_eq!(life.wake(), None);
    let mut lost = self::life(false);
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
fn defect_40_a_job_that_is_taken_over_is_not_ended_before_it_was_seen() {
    let adopt = || Lifecycle::new(CONTAINER, limits(), false, at(0)).taken_over(Some(UID), at(3600));
    let mut life = adopt();
    let script = vec![
        (3600, Observation::TimePassed),
        (3600, warning("BackOff")),
        (3601, Observation::NoAnswer),
        (3602, Observation::Looked(Look::Refused("Forbidden".into()))),
        (3603, Observation::Sighted),
        (3604, found(running())),
        (3700, ended(3)),
    ];
    let lines = play(&mut life, script);
    assert_eq!(lines[..4], ["3600: Look", "3603: Look", "3604: running Running", "3700: end failed 9 Some(3) Error"]);
    for (refused, last) in [(false, 600), (true, 30)] {
        let mut lost = adopt();
        let mut notices = Vec::new();
        let mut now = 3600;
        let answer = || if refused { Look::Refused("Forbidden".into()) } else { Look::NoAnswer };
        while notices.is_empty() {
            notices.extend(lost.step(Observation::TimePassed, at(now)).notices);
            notices.extend(lost.step(Observation::Looked(answer()), at(now)).notices);
            now = lost.wake().unwrap().as_secs();
        }
        let Notice::Ended(end) = &notices[0] else { panic!("{notices:?}") };
        assert_eq!((end.return_code, end.at), (101, at(3600 + last).wall), "{end:?}");
    }
}

#[test]
fn a_creation_that_keeps_failing_ends_with_its_reason() {
    let mut life = life(false);
    let failed = Observation::CreationFailed { message: "the webhook `x` does not answer".into() };
    let script = vec![
        (0, Observation::TimePassed),
        (1, failed.clone()),
        (2, failed),
        (60, Observation::TimePassed),
        (61, Observation::Looked(Look::NoAnswer)),
    ];
    let mut notices = Vec::new();
    for (second, observation) in script {
        notices.extend(life.step(observation, at(second)).notices);
    }
    assert_eq!(line(&notices[1]), "pending NotCreatedYet: the webhook `x` does not answer");
    let Notice::Ended(end) = &notices[2] else { panic!("{notices:?}") };
    assert_eq!(
        (end.return_code, end.reason.as_str(), end.message.as_str()),
        (101, "NotCreated", "the webhook `x` does not answer")
    );
}

#[test]
fn of_a_pod_that_is_taken_over_nothing_is_told_before_it_is_looked_at() {
    let mut life = life(false).taken_over(Some(UID), at(0));
    let lines = play(&mut life, vec![(0, warning("BackOff")), (0, running())]);
    assert_eq!(lines, ["0: Look", "0: running Running"]);
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
fn a_pod_that_may_have_been_made_is_looked_for_before_it_counts_as_gone() {
    let mut life = life(false);
    let lines = play(&mut life, vec![(0, Observation::TimePassed), (1, Observation::Terminate("stop".into())), (2, pending())]);
    assert_eq!(lines[2..], ["1: Look", "2: Delete { grace: Some(10) }"]);
}

#[test]
fn defect_30_a_refused_pod_is_an_exception_with_the_reason() {
    let mut life = life(false);
    let refused = Observation::NotCreated { class: Class::Hopeless, reason: "Refused".into(), message: "exceeded quota".into() };
    let lines = play(&mut life, vec![(0, refused)]);
    assert_eq!(lines, ["0: end not_started 101 None Refused", "0: kept 0 events, 0 lines", "0: settled Removed"]);
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
fn trouble_of_the_api_server_ends_a_wait_in_its_own_time_and_passes() {
    let mut life = life(false);
    play(&mut life, vec![(0, running()), (100, Observation::NoAnswer), (150, Observation::Refused("Forbidden".into()))]);
    assert_eq!(life.wake(), Some(Duration::from_mins(3)), "an API server that comes back may refuse for a moment");
    let step = life.step(Observation::NoAnswer, at(170));
    assert_eq!((step.notices.len(), life.wake()), (1, Some(Duration::from_secs(700))), "no answer counts from the first trouble");
    let step = life.step(Observation::Refused("Forbidden".into()), at(700));
    assert!(matches!(&step.notices[..], [Notice::Ended(end), ..] if end.state == State::Failed), "{step:?}");
    let mut life = self::life(false);
    let lines = play(&mut life, vec![(0, running()), (100, Observation::NoAnswer), (110, Observation::Sighted)]);
    assert_eq!(lines, ["0: running Running", "100: unknown NoAnswer: the API server does not answer", "110: running Running"]);
    assert_eq!(life.wake(), None);
}

fn any_observation() -> impl Strategy<Value = Observation> {
    let stranger = pod_with("u2", "Running", &json!({"running": {}}), false);
    let deleting = pod_with(UID, "Running", &json!({"running": {}}), true);
    let bare: Pod = serde_json::from_value(json!({"metadata": {"uid": UID}})).unwrap();
    let refused = Observation::NotCreated { class: Class::Hopeless, reason: "Refused".into(), message: "no".into() };
    prop::sample::select(vec![
        pending(),
        running(),
        ended(0),
        ended(1),
        deleting,
        stranger.clone(),
        Observation::Seen(Box::new(bare)),
        found(pending()),
        found(running()),
        found(ended(0)),
        found(stranger),
        Observation::Looked(Look::Nothing),
        Observation::Looked(Look::NoAnswer),
        Observation::Looked(Look::Refused("Forbidden".into())),
        Observation::CreationFailed { message: "503".into() },
        refused,
        Observation::Missing,
        Observation::Gone,
        warning("FailedMount"),
        Observation::NoAnswer,
        Observation::Refused("Forbidden".into()),
        Observation::Sighted,
        Observation::Terminate("stop".into()),
        Observation::Logged(vec!["line".into()]),
        Observation::Deleted(Ok(true)),
        Observation::Deleted(Ok(false)),
        Observation::Deleted(Err("503".into())),
        Observation::TimePassed,
    ])
}

/// The position of a notice in the order of notices.
fn rank(notice: &Notice) -> usize {
    match notice {
        Notice::Changed(_) => 0,
        Notice::Ended(_) => 1,
        Notice::Kept(_) => 2,
        Notice::Settled(_) => 3,
    }
}

proptest! {
    /// For any observations at any time: the end comes exactly once and before what follows it, and without further observations the
    /// machine finishes in bounded time, unless the job simply runs.
    #[test]
    fn every_job_ends_once_and_every_wait_ends(
        script in prop::collection::vec((0..200_u64, any_observation()), 0..40),
        keep in any::<bool>(),
        stop in any::<bool>(),
        existed in any::<bool>(),
    ) {
        let mut life = if existed { life(keep).taken_over(Some(UID), at(0)) } else { life(keep) };
        let mut notices = life.step(Observation::TimePassed, at(0)).notices;
        let mut now = 0;
        for (pause, observation) in script {
            now += pause;
            notices.extend(life.step(observation, at(now)).notices);
        }
        if stop {
            notices.extend(life.step(Observation::Terminate("stop".into()), at(now)).notices);
        }
        let limits = limits();
        let longest = limits.longest_start() + limits.blind + limits.longest_abort() + limits.evidence + limits.removal;
        let last = Duration::from_secs(now) + longest;
        let mut wakes = 0;
        while let Some(wake) = life.wake() {
            prop_assert!(wake <= last, "it waits until {wake:?}, {last:?} is the bound");
            now = now.max(wake.as_secs());
            notices.extend(life.step(Observation::TimePassed, at(now)).notices);
            wakes += 1;
            prop_assert!(wakes < 1000, "it wakes for ever");
        }
        let runs = matches!(notices.last(), Some(Notice::Changed(to)) if to.state == State::Running);
        prop_assert!(life.is_done() || (runs && !stop), "{:?} {life:?}", notices.last());
        let ends = notices.iter().filter(|notice| matches!(notice, Notice::Ended(_))).count();
        prop_assert_eq!(ends, usize::from(life.is_done()));
        prop_assert!(notices.iter().map(rank).is_sorted(), "{:?}", notices);
    }
}

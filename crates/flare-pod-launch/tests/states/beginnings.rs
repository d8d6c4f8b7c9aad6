//! Pods that are created, and pods that are taken over.

use std::time::Duration;

use flare_pod_launch::{Class, Lifecycle, Moment, Notice, Observation, PodLookup};
use jiff::SignedDuration;
use serde_json::json;

use crate::scene::{CONTAINER, UID, at, ended, found, life, limits, line, pending, play, running, unschedulable, warning};

#[test]
fn defect_40_a_job_that_is_taken_over_is_not_ended_before_it_was_seen() {
    let adopt = || Lifecycle::new(CONTAINER, limits(), false, at(0)).taken_over(Some(UID), at(3600));
    let mut life = adopt();
    let script = vec![
        (3600, Observation::TimePassed),
        (3600, warning("BackOff")),
        (3601, Observation::NoAnswer),
        (3602, Observation::Looked(PodLookup::Refused("Forbidden".into()))),
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
        let answer = || if refused { PodLookup::Refused("Forbidden".into()) } else { PodLookup::NoAnswer };
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
        (61, Observation::Looked(PodLookup::NoAnswer)),
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
fn a_pod_that_is_taken_over_is_ended_by_no_deadline_before_its_events_were_listed() {
    let adopt = || Lifecycle::new(CONTAINER, limits(), false, at(0)).taken_over(Some(UID), at(200));
    let begin = || vec![(200, Observation::TimePassed), (200, found(unschedulable()))];
    let waits = ["200: Look", "200: pending Unschedulable: 0/1 nodes are available: 1 Insufficient cpu."];
    // An autoscaler adds a node for it.
    let mut life = adopt();
    assert_eq!(play(&mut life, begin()), waits);
    assert_eq!(life.wake(), Some(Duration::from_secs(230)), "the events have their own limit");
    let lines = play(&mut life, vec![(201, warning("TriggeredScaleUp")), (201, Observation::EventsListed)]);
    assert_eq!(lines, [""; 0]);
    assert_eq!(life.wake(), Some(Duration::from_mins(11)));
    // Nobody does.
    let mut life = adopt();
    assert_eq!(play(&mut life, begin()), waits);
    let lines = play(&mut life, vec![(201, Observation::EventsListed)]);
    assert_eq!(lines[0], "201: end not_started 101 None Unschedulable");
    // Nobody knows, since the events are not listed.
    let mut life = adopt();
    assert_eq!(play(&mut life, begin()), waits);
    let lines = play(&mut life, vec![(229, Observation::TimePassed), (230, Observation::TimePassed)]);
    assert_eq!(lines[0], "230: end not_started 101 None Unschedulable");
}

#[test]
fn an_event_is_as_old_as_the_cluster_says_whatever_the_local_clock_says() {
    let day = SignedDuration::from_hours(24);
    let event = json!({"metadata": {"name": "m"}, "involvedObject": {"uid": UID}, "type": "Warning", "reason": "FailedMount",
        "message": "no such volume", "lastTimestamp": at(0).cluster.to_string()});
    let event = || Observation::Happened(Box::new(serde_json::from_value(event.clone()).unwrap()));
    for ahead in [day, -day] {
        for (age, expected) in
            [(59, "pending FailedMount: no such volume"), (60, "pending ContainerCreating: the node prepares the containers")]
        {
            let now = Moment { wall: at(age).wall + ahead, ..at(age) };
            let mut life = Lifecycle::new(CONTAINER, limits(), false, now);
            life.step(event(), now);
            let told: Vec<_> = life.step(pending(), now).notices.iter().map(line).collect();
            assert_eq!(told, [expected], "{ahead:?}");
        }
    }
}

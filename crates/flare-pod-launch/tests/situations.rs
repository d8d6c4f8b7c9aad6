//! The table of situations: a pod, its events and the time → the verdict. `situations.psv` has the source of each row.
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests: a failure is a failed test")]

use std::time::Duration;

use flare_pod_launch::{Class, Limits, Look, Memory, Situation, Verdict, classify};
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::core::v1::{Event, Pod};
use proptest::prelude::*;
use serde_json::{Value, json};

const TABLE: &str = include_str!("situations.psv");
const CONTAINER: &str = "container-j1";

fn now() -> Timestamp {
    "2026-11-28T12:00:00Z".parse().unwrap()
}

/// A pod from a description such as `Pending; sched; wait ContainerCreating`.
fn pod(text: &str) -> Pod {
    let mut parts = text.split("; ").map(str::trim);
    let phase = parts.next().unwrap();
    let mut pod = json!({ "metadata": { "name": "j1" }, "spec": { "containers": [] }, "status": { "containerStatuses": [] } });
    if phase != "nophase" {
        pod["status"]["phase"] = phase.into();
    }
    for part in parts {
        let (word, rest) = part.split_once(' ').unwrap_or((part, ""));
        apply(&mut pod, word, rest);
    }
    serde_json::from_value(pod).unwrap()
}

fn apply(pod: &mut Value, word: &str, rest: &str) {
    let (reason, message) = rest.split_once(": ").unwrap_or((rest, ""));
    match word {
        "sched" => pod["status"]["conditions"] = json!([{ "type": "PodScheduled", "status": "True" }]),
        "unsched" => {
            pod["status"]["conditions"] =
                json!([{ "type": "PodScheduled", "status": "False", "reason": reason, "message": message }]);
        }
        "node" => pod["spec"]["nodeName"] = "n1".into(),
        "why" => pod["status"]["reason"] = rest.into(),
        "deleting" => pod["metadata"]["deletionTimestamp"] = "2026-11-28T12:00:30Z".into(),
        "wait" => status(pod, "containerStatuses", CONTAINER, &json!({ "waiting": { "reason": reason, "message": message } })),
        "sidecar-wait" => status(pod, "containerStatuses", "sidecar", &json!({ "waiting": { "reason": reason } })),
        "init-wait" => status(pod, "initContainerStatuses", "init", &json!({ "waiting": { "reason": reason } })),
        "sidecar-running" => status(pod, "containerStatuses", "sidecar", &json!({ "running": {} })),
        "exit" | "sidecar-exit" | "init-exit" => {
            let (code, reason) = rest.split_once(' ').unwrap_or((rest, "Error"));
            let state = json!({ "terminated": { "exitCode": code.parse::<i32>().unwrap(), "reason": reason } });
            let (list, name) = match word {
                "exit" => ("containerStatuses", CONTAINER),
                "sidecar-exit" => ("containerStatuses", "sidecar"),
                _ => ("initContainerStatuses", "init"),
            };
            status(pod, list, name, &state);
        }
        other => panic!("the table has an unknown word `{other}`"),
    }
}

fn status(pod: &mut Value, list: &str, name: &str, state: &Value) {
    let status = json!({ "name": name, "image": "i", "imageID": "", "ready": false, "restartCount": 0, "state": state });
    let list = &mut pod["status"][list];
    if list.is_null() {
        *list = json!([]);
    }
    list.as_array_mut().unwrap().push(status);
}

/// An event from `REASON AGE [xN] [normal][: message]`.
fn event(text: &str) -> Event {
    let (head, message) = text.split_once(": ").unwrap_or((text, ""));
    let mut words = head.split_whitespace();
    let mut event =
        json!({ "metadata": {}, "involvedObject": {}, "type": "Warning", "reason": words.next().unwrap(), "message": message });
    if let Ok(age) = words.next().unwrap_or("0").parse::<i64>() {
        event["lastTimestamp"] = (now() - SignedDuration::from_secs(age)).to_string().into();
    }
    for word in words {
        match word.strip_prefix('x') {
            Some(count) => event["count"] = count.parse::<i32>().unwrap().into(),
            None => event["type"] = "Normal".into(),
        }
    }
    serde_json::from_value(event).unwrap()
}

fn memory(text: &str) -> Memory {
    match text {
        "Nothing" => Memory::Nothing,
        "Pending" => Memory::Pending,
        "Running" => Memory::Running,
        "Ended Succeeded" => Memory::Ended(Verdict::Succeeded),
        "Ended Failed" => {
            Memory::Ended(Verdict::Failed { exit_code: Some(1), reason: "Error".to_owned(), message: String::new() })
        }
        "Ended NotStarted" => {
            let reason = "ErrImagePull".to_owned();
            Memory::Ended(Verdict::NotStarted { class: Class::Transient, reason, message: String::new() })
        }
        other => panic!("the table has an unknown memory `{other}`"),
    }
}

fn limits(pending: &str) -> Limits {
    Limits::with_pending(pending.parse().ok().map(Duration::from_secs))
}

/// The rows with a situation.
fn rows() -> Vec<Vec<&'static str>> {
    let lines = TABLE.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.map(|line| line.split('|').map(str::trim).collect::<Vec<_>>()).collect()
}

fn with_situation<T>(row: &[&str], judge: impl FnOnce(&Situation<'_>) -> T) -> T {
    let pod = (!["gone", "noanswer"].contains(&row[4]) && !row[4].starts_with("refused")).then(|| pod(row[4]));
    let look = match (&pod, row[4].split_once(' ')) {
        (Some(pod), _) => Look::Pod(pod),
        (None, Some((_, reason))) => Look::Refused(reason),
        (None, None) if row[4] == "gone" => Look::Gone,
        (None, None) => Look::NoAnswer,
    };
    let events: Vec<_> = row[5].split("; ").filter(|text| !text.is_empty()).map(event).collect();
    let (waited, in_state) = row[3].split_once('/').unwrap();
    let seconds = |text: &str| Duration::from_secs(text.parse().unwrap());
    judge(&Situation {
        look,
        events: &events,
        container: CONTAINER,
        waited: seconds(waited),
        in_state: seconds(in_state),
        now: now(),
        memory: memory(row[2]),
    })
}

#[test]
fn each_situation_has_its_verdict() {
    let rows = rows();
    assert!(rows.len() >= 120, "{} rows", rows.len());
    let mut wrong = Vec::new();
    let mut ids = std::collections::HashSet::new();
    for row in &rows {
        assert_eq!(row.len(), 7, "{row:?}");
        assert!(ids.insert(row[0]), "{} stands twice", row[0]);
        let verdict = with_situation(row, |situation| classify(situation, &limits(row[1])));
        let shown = format!("{verdict} = {}", verdict.return_code());
        if shown != row[6] {
            wrong.push(format!("{}: {}\n  expected {}\n  found    {shown}", row[0], row[4], row[6]));
        }
        let is_final = !matches!(verdict, Verdict::Waiting { .. } | Verdict::Running);
        assert_eq!(verdict.is_final(), is_final, "{}", row[0]);
    }
    assert!(wrong.is_empty(), "{} of {}\n{}", wrong.len(), rows.len(), wrong.join("\n"));
}

#[test]
fn what_a_cluster_prints_shows_no_password_and_steers_no_terminal() {
    let row =
        ["x", "120", "Pending", "1/1", "Pending; sched; wait ErrImagePull: https://user:s3cret@registry/v2 \u{1b}[31m", "", ""];
    let Verdict::Waiting { message, .. } = with_situation(&row, |situation| classify(situation, &limits("120"))) else {
        panic!("a first failed pull is waited for")
    };
    assert!(!message.contains("s3cret") && !message.contains('\u{1b}'), "{message}");
}

fn any_row() -> impl Strategy<Value = Vec<&'static str>> {
    (prop::sample::select(rows()), prop::sample::select(rows()), prop::sample::select(rows())).prop_map(
        |(mut row, events, memory)| {
            row[5] = events[5];
            row[2] = memory[2];
            row
        },
    )
}

proptest! {
    /// For any mix of answers, events, memories and times: a wait ends after now and within its limit, and a job that never ran is not
    /// waited for beyond the longest start.
    #[test]
    fn no_input_makes_it_wait_beyond_its_deadline(row in any_row(), waited in 0..2_000_000_u64, in_state in 0..2_000_000_u64, pending in 0..700_000_u64) {
        let limits = Limits::with_pending(Some(Duration::from_secs(pending)));
        let (verdict, ran) = with_situation(&row, |situation| {
            let mut situation = situation.clone();
            situation.waited = Duration::from_secs(waited);
            situation.in_state = Duration::from_secs(in_state);
            let runs = matches!(situation.look, Look::Pod(pod) if pod.status.as_ref().unwrap().phase.as_deref() == Some("Running"));
            let ran = situation.memory == Memory::Running || runs;
            (classify(&situation, &limits), ran)
        });
        if let Verdict::Waiting { until, .. } = verdict {
            prop_assert!(until > Duration::from_secs(waited), "{until:?}");
            let longest = limits.ending.max(limits.blind).max(limits.refused);
            let bound = if ran { Duration::from_secs(waited) + longest } else { limits.longest_start() };
            prop_assert!(until <= bound, "{until:?} {bound:?}");
        }
    }

    /// Later observations do not change an end (defects 24 and 35).
    #[test]
    fn an_end_stays(row in any_row(), later in any_row()) {
        let end = with_situation(&row, |situation| classify(situation, &limits(row[1])));
        prop_assume!(end.is_final());
        let again = with_situation(&later, |situation| {
            let mut situation = situation.clone();
            situation.memory = Memory::Ended(end.clone());
            classify(&situation, &limits(later[1]))
        });
        prop_assert_eq!(again, end);
    }
}

//! The table of situations: a pod, its events and the time → the verdict. `situations.psv` has the source of each row.
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests: a failure is a failed test")]

use std::time::Duration;

use flare_pod_launch::{Class, Limits, Memory, PodAnswer, Situation, Verdict, classify};
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
        "sched" if rest.is_empty() => condition(pod, &json!({ "type": "PodScheduled", "status": "True" })),
        // So many seconds after the pod was made.
        "sched" => {
            let scheduled = now() + SignedDuration::from_secs(rest.parse().unwrap());
            pod["metadata"]["creationTimestamp"] = now().to_string().into();
            condition(pod, &json!({ "type": "PodScheduled", "status": "True", "lastTransitionTime": scheduled.to_string() }));
        }
        "unsched" => {
            condition(pod, &json!({ "type": "PodScheduled", "status": "False", "reason": reason, "message": message }));
        }
        "disrupted" => {
            condition(pod, &json!({ "type": "DisruptionTarget", "status": "True", "reason": reason, "message": message }));
        }
        "node" => pod["spec"]["nodeName"] = "n1".into(),
        "why" => pod["status"]["reason"] = rest.into(),
        "deleting" => pod["metadata"]["deletionTimestamp"] = "2026-11-28T12:00:30Z".into(),
        "wait" => status(pod, "containerStatuses", CONTAINER, &json!({ "waiting": { "reason": reason, "message": message } })),
        "sidecar-wait" => status(pod, "containerStatuses", "sidecar", &json!({ "waiting": { "reason": reason } })),
        "init-wait" => status(pod, "initContainerStatuses", "init", &json!({ "waiting": { "reason": reason } })),
        "running" => status(pod, "containerStatuses", CONTAINER, &json!({ "running": {} })),
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
    push(&mut pod["status"][list], status);
}

fn condition(pod: &mut Value, condition: &Value) {
    push(&mut pod["status"]["conditions"], condition.clone());
}

fn push(list: &mut Value, item: Value) {
    if list.is_null() {
        *list = json!([]);
    }
    list.as_array_mut().unwrap().push(item);
}

/// An event from `REASON AGE [xN] [as=FIELD] [of=CONTAINER] [normal][: message]`; the field has its time, usually `lastTimestamp`.
fn event(text: &str) -> Event {
    let (head, message) = text.split_once(": ").unwrap_or((text, ""));
    let mut words = head.split_whitespace();
    let mut event =
        json!({ "metadata": {}, "involvedObject": {}, "type": "Warning", "reason": words.next().unwrap(), "message": message });
    let age = words.next().unwrap_or("0").parse::<i64>().ok();
    let time: Value = age.map(|age| (now() - SignedDuration::from_secs(age)).to_string()).into();
    let mut field = "lastTimestamp";
    for word in words {
        if let Some(container) = word.strip_prefix("of=") {
            event["involvedObject"]["fieldPath"] = format!("spec.containers{{{container}}}").into();
            continue;
        }
        match (word.strip_prefix('x'), word.strip_prefix("as=")) {
            (Some(count), _) => event["count"] = count.parse::<i32>().unwrap().into(),
            (None, Some(name)) => field = name,
            (None, None) => event["type"] = "Normal".into(),
        }
    }
    match field {
        "creationTimestamp" => event["metadata"][field] = time,
        "series" => event["series"] = json!({ "lastObservedTime": time }),
        _ => event[field] = time,
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
    table(TABLE)
}

fn table(text: &'static str) -> Vec<Vec<&'static str>> {
    let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.map(|line| line.split('|').map(str::trim).collect::<Vec<_>>()).collect()
}

fn with_situation<T>(row: &[&str], judge: impl FnOnce(&Situation<'_>) -> T) -> T {
    let pod = (!["gone", "noanswer"].contains(&row[5]) && !row[5].starts_with("refused")).then(|| pod(row[5]));
    let answer = match (&pod, row[5].split_once(' ')) {
        (Some(pod), _) => PodAnswer::Pod(pod),
        (None, Some((_, reason))) => PodAnswer::Refused(reason),
        (None, None) if row[5] == "gone" => PodAnswer::Gone,
        (None, None) => PodAnswer::NoAnswer,
    };
    let events: Vec<_> = row[6].split("; ").filter(|text| !text.is_empty()).map(event).collect();
    let (waited, in_state) = row[4].split_once('/').unwrap();
    let seconds = |text: &str| Duration::from_secs(text.parse().unwrap());
    judge(&Situation {
        answer,
        events: &events,
        container: CONTAINER,
        waited: seconds(waited),
        in_state: seconds(in_state),
        now: now(),
        memory: memory(row[3]),
    })
}

#[test]
fn each_situation_has_its_verdict() {
    let rows = rows();
    assert!(rows.len() >= 120, "{} rows", rows.len());
    let mut wrong = Vec::new();
    let mut ids = std::collections::HashSet::new();
    for row in &rows {
        assert_eq!(row.len(), 8, "{row:?}");
        assert!(ids.insert(row[0]), "{} stands twice", row[0]);
        let verdict = with_situation(row, |situation| classify(situation, &limits(row[2])));
        let shown = format!("{verdict} = {}", verdict.return_code());
        if shown != row[7] {
            wrong.push(format!("{}: {}\n  expected {}\n  found    {shown}", row[0], row[5], row[7]));
        }
        let is_final = !matches!(verdict, Verdict::Waiting { .. } | Verdict::Running);
        assert_eq!(verdict.is_final(), is_final, "{}", row[0]);
    }
    assert!(wrong.is_empty(), "{} of {}\n{}", wrong.len(), rows.len(), wrong.join("\n"));
}

/// The rows of the reference's own tests: letter and last number.
const ROWS: [(&str, u32); 8] = [("P", 10), ("A", 8), ("O", 9), ("S", 19), ("B", 4), ("C", 11), ("T", 5), ("R", 6)];

/// What those tests lack or a reader of them must know, and what users of the reference reported about waiting and ending.
const OTHERS: &str = "S12b
    untested 401, untested 403, untested eviction, untested preemption, untested DeadlineExceeded, untested OOMKilled,
    untested deleted while running, untested stays deleting, untested watch, untested resourceVersion, untested two parents,
    untested conflict at create, untested CrashLoopBackOff, untested sidecar
    note nodeName, note shortages, note age of an event, note init containers
    users B2 taint, users B2 no nodes, users B2 selector, users B2 too many pods, users B2 ephemeral storage, users B2 unbound claim,
    users B2 Multi-Attach, users B2 FailedMount, users B2 sandbox, users B2 one failed pull
    users B3 seconds, users B3 ImagePullBackOff, users B3 null, users B3 negative, users B3 401, users B3 403, users B3 unreachable,
    users B3 unknown scheduler, users B3 gated, users B3 endless ContainerCreating, users B3 events refused,
    users B3 no request deadline
    users B6 evidence, users B6 evidence before deletion, users B6 failed deletion, users B6 deletion retried";

/// Every source that `situations.psv` or `sources.psv` must cover.
fn sources() -> Vec<String> {
    let rows = ROWS.iter().flat_map(|(letter, last)| (1..=*last).map(move |number| format!("{letter}{number}")));
    let others = OTHERS.split([',', '\n']).map(|source| source.trim().to_owned()).filter(|source| !source.is_empty());
    rows.chain(others).collect()
}

#[test]
fn every_source_has_a_situation_or_a_test_that_exists() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let elsewhere = table(include_str!("sources.psv"));
    for row in &elsewhere {
        let [_, file, test] = row[..] else { panic!("{row:?}") };
        if file != "-" {
            #[expect(clippy::disallowed_methods, reason = "a test reads the sources of tests")]
            let source = std::fs::read_to_string(root.join(file)).unwrap();
            assert!(source.contains(&format!("fn {test}()")), "{row:?}");
        }
    }
    let rows = rows();
    let covered: std::collections::BTreeSet<_> =
        rows.iter().map(|row| row[1]).chain(elsewhere.iter().map(|row| row[0])).collect();
    let sources = sources();
    let missing: Vec<_> = sources.iter().filter(|source| !covered.contains(source.as_str())).collect();
    assert!(missing.is_empty(), "without a situation: {missing:?}");
    let named = |source: &str| sources.iter().any(|known| known == source);
    let beyond = |source: &str| source.starts_with("issue ") || source.starts_with("defect ");
    let unknown: Vec<_> = covered.iter().filter(|source| !named(source) && !beyond(source)).collect();
    assert!(unknown.is_empty(), "of no known source: {unknown:?}");
}

#[test]
fn what_a_cluster_prints_shows_no_password_and_steers_no_terminal() {
    let row = [
        "x",
        "",
        "120",
        "Pending",
        "1/1",
        "Pending; sched; wait ErrImagePull: https://user:s3cret@registry/v2 \u{1b}[31m",
        "",
        "",
    ];
    let Verdict::Waiting { message, .. } = with_situation(&row, |situation| classify(situation, &limits("120"))) else {
        panic!("a first failed pull is waited for")
    };
    assert!(!message.contains("s3cret") && !message.contains('\u{1b}'), "{message}");
}

fn any_row() -> impl Strategy<Value = Vec<&'static str>> {
    (prop::sample::select(rows()), prop::sample::select(rows()), prop::sample::select(rows())).prop_map(
        |(mut row, events, memory)| {
            row[6] = events[6];
            row[3] = memory[3];
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
            let runs = matches!(situation.answer, PodAnswer::Pod(pod) if pod.status.as_ref().unwrap().phase.as_deref() == Some("Running"));
            let in_container = row[5].contains("; running");
            let ran = situation.memory == Memory::Running || runs || in_container;
            (classify(&situation, &limits), ran)
        });
        if let Verdict::Waiting { until, .. } = verdict {
            prop_assert!(until > Duration::from_secs(waited), "{until:?}");
            let longest = limits.ending.max(limits.blind).max(limits.refused).max(limits.unauthorized);
            let bound = if ran { Duration::from_secs(waited) + longest } else { limits.longest_start() };
            prop_assert!(until <= bound, "{until:?} {bound:?}");
        }
    }

    /// If only time passes, each wait ends, also of a job that ran and of one whose timeout is null; and no wait is prolonged for ever.
    #[test]
    fn each_wait_ends_if_nothing_happens(row in any_row(), waited in 0..2_000_000_u64, in_state in 0..2_000_000_u64, pending in prop::option::of(0..700_000_u64)) {
        let limits = Limits::with_pending(pending.map(Duration::from_secs));
        let ends = with_situation(&row, |situation| {
            let mut situation = situation.clone();
            situation.waited = Duration::from_secs(waited);
            situation.in_state = Duration::from_secs(in_state);
            // A pod that says that it will have been scheduled later than now moves its deadline, up to the longest time for that.
            (0..1000).any(|_| {
                let Verdict::Waiting { until, .. } = classify(&situation, &limits) else { return true };
                let passed = until.saturating_sub(situation.waited);
                situation.waited += passed;
                situation.in_state += passed;
                situation.now += SignedDuration::try_from(passed).unwrap();
                false
            })
        });
        prop_assert!(ends, "{row:?}");
    }

    /// Later observations do not change an end (defects 24 and 35).
    #[test]
    fn an_end_stays(row in any_row(), later in any_row()) {
        let end = with_situation(&row, |situation| classify(situation, &limits(row[2])));
        prop_assume!(end.is_final());
        let again = with_situation(&later, |situation| {
            let mut situation = situation.clone();
            situation.memory = Memory::Ended(end.clone());
            classify(&situation, &limits(later[2]))
        });
        prop_assert_eq!(again, end);
    }
}

//! The running parents of participants: pods, logs, registration, termination.

use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::namespace::Namespace;
use super::run::{Following, attempt, succeed, succeed_json, wait};

impl Namespace {
    /// The pods of a participant's Deployment.
    pub fn parents(&self, participant: &str) -> Vec<Value> {
        let pods = succeed_json(self.kubectl().args(["get", "pods", "--output", "json", "--selector", &selector(participant)]));
        pods["items"].as_array().expect("a list has items").clone()
    }

    /// The name of the only pod of a participant's Deployment.
    pub fn parent(&self, participant: &str) -> String {
        let parents = self.parents(participant);
        assert_eq!(parents.len(), 1, "one parent of {participant}: {parents:#?}");
        parents[0]["metadata"]["name"].as_str().expect("a pod has a name").to_owned()
    }

    /// The log of a Deployment's pod; empty if there is none yet.
    pub fn log(&self, deployment: &str) -> String {
        attempt(self.kubectl().args(["logs", &format!("deployment/{deployment}")]), &[]).unwrap_or_default()
    }

    /// Waits until a client's current parent has registered at the server, according to the parent's own log.
    pub fn wait_for_registration(&self, site: &str) {
        self.wait_for_line(site, &format!("Successfully registered client:{site}"), Duration::from_secs(90));
    }

    /// Follows the log of a Deployment's pod, which need not run yet, until a line contains `text`.
    pub fn wait_for_line(&self, deployment: &str, text: &str, limit: Duration) {
        let deadline = Instant::now() + limit;
        while Instant::now() < deadline {
            let logs = Following::start(self.kubectl().args(["logs", "--follow", &format!("deployment/{deployment}")]));
            while let Some(line) = logs.next_before(deadline) {
                if line.contains(text) {
                    return;
                }
            }
            // The container is not running yet, or has just ended.
            thread::sleep(Duration::from_millis(50));
        }
        panic!("not within {limit:?}: `{text}` in\n{}", self.log(deployment));
    }

    /// Waits for `kubectl rollout status`.
    pub fn wait_for_rollout(&self, deployment: &str) {
        succeed(self.kubectl().args(["rollout", "status", &format!("deployment/{deployment}"), "--timeout=300s"]));
    }
}

fn selector(participant: &str) -> String {
    format!("app.kubernetes.io/name={participant}")
}

/// The termination of a deleted pod according to its object, in whole seconds, the resolution of Kubernetes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Termination {
    /// When its deletion was requested.
    pub asked: jiff::Timestamp,
    /// When its last container ended.
    pub finished: jiff::Timestamp,
}

impl Termination {
    /// Deletes a participant's parent and reads its termination from watch events, so that a busy machine does not matter.
    pub fn of(namespace: &Namespace, participant: &str) -> Self {
        let name = namespace.parent(participant);
        let watch = ["get", "pod", &name, "--watch", "--output-watch-events", "--output", "json"];
        let events = Following::start(namespace.kubectl().args(watch));
        let deadline = Instant::now() + Duration::from_mins(2);
        // The first event is the current state of the pod; from then on no change is missed.
        let mut text = next_document(&events, deadline).expect("the watch begins");
        succeed(namespace.kubectl().args(["delete", "pod", &name, "--wait=false"]));
        while let Some(event) = next_document(&events, deadline) {
            text = event;
            if let Some(termination) = Self::read(&text["object"]) {
                return termination;
            }
        }
        panic!("the pod {name} did not end: {text:#}");
    }

    /// Reads it from a pod whose containers have ended; `None` while one runs, or if its deletion was not requested.
    fn read(pod: &Value) -> Option<Self> {
        let deleted: jiff::Timestamp = pod["metadata"]["deletionTimestamp"].as_str()?.parse().ok()?;
        // The deletion timestamp is the end of the grace period; both change together, so their difference is constant.
        let grace = pod["metadata"]["deletionGracePeriodSeconds"].as_i64()?;
        let containers = pod["status"]["containerStatuses"].as_array()?;
        let finished: Option<Vec<jiff::Timestamp>> =
            containers.iter().map(|container| container["state"]["terminated"]["finishedAt"].as_str()?.parse().ok()).collect();
        let asked = jiff::Timestamp::from_second(deleted.as_second() - grace).ok()?;
        Some(Self { asked, finished: finished?.into_iter().max()? })
    }

    /// The difference in seconds, with an error of less than one second.
    pub fn seconds(self) -> i64 {
        self.finished.as_second() - self.asked.as_second()
    }
}

/// The next JSON document of a program, on one line or on many.
fn next_document(following: &Following, deadline: Instant) -> Option<Value> {
    let mut text = String::new();
    loop {
        text.push_str(&following.next_before(deadline)?);
        if let Ok(document) = serde_json::from_str(&text) {
            return Some(document);
        }
    }
}

/// Waits until a pod's container is waiting for one of these reasons, and returns reason and message.
pub fn wait_for_reason(namespace: &Namespace, pod: &str, reasons: &[&str]) -> (String, String) {
    let waiting = || namespace.pod(pod).pointer("/status/containerStatuses/0/state/waiting").cloned().unwrap_or_default();
    let text = |state: &Value, key: &str| state[key].as_str().unwrap_or_default().to_owned();
    wait(
        Duration::from_mins(1),
        || format!("{reasons:?}: {}", waiting()),
        || {
            let state = waiting();
            reasons.contains(&text(&state, "reason").as_str()).then(|| (text(&state, "reason"), text(&state, "message")))
        },
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::Termination;

    #[test]
    fn the_end_is_read_from_the_pod() {
        let pod = |grace: i64, deleted: &str, state: serde_json::Value| {
            json!({"metadata": {"deletionTimestamp": deleted, "deletionGracePeriodSeconds": grace},
                "status": {"containerStatuses": [{"state": state}]}})
        };
        let ended = || json!({"terminated": {"finishedAt": "2026-11-25T12:00:02Z"}});
        let seconds = |pod| Termination::read(&pod).map(Termination::seconds);
        assert_eq!(seconds(pod(30, "2026-11-25T12:00:31Z", ended())), Some(1));
        assert_eq!(seconds(pod(0, "2026-11-25T12:00:01Z", ended())), Some(1), "the kubelet's own last deletion");
        assert_eq!(seconds(pod(30, "2026-11-25T12:00:31Z", json!({"running": {}}))), None);
        assert_eq!(seconds(json!({"metadata": {}, "status": {"containerStatuses": [{"state": ended()}]}})), None);
    }
}

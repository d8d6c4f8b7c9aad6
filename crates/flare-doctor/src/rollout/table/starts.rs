//! Images that are pulled, and containers that start.

use serde_json::{Value, json};

use super::objects::Objects;
use crate::rollout::{Reference, ReferenceKind, RolloutStatus};

fn pulling(tries: i32, message: &str) -> Objects {
    let waiting = json!({"state": {"waiting": {"reason": "ErrImagePull", "message": message}}});
    Objects::with_container("Pending", &waiting).event("p", "Failed", tries, &format!("Failed to pull image \"a:9\": {message}"))
}

const NOT_FOUND: &str = "rpc error: code = NotFound desc = failed to pull and unpack image \"a:9\": a:9: not found";

#[test]
fn an_injected_container_that_keeps_the_pod_pending_is_the_cause() {
    let container = |name: &str, state: Value| json!({"name": name, "ready": false, "restartCount": 0, "image": "i", "imageID": "", "state": state});
    let waiting = json!({"waiting": {"reason": "InvalidImageName", "message": "invalid reference format"}});
    let pending = |proxy: Value| {
        let statuses = [container("proxy", proxy), container("site-1", json!({"running": {}}))];
        Objects::with_pod(&json!({"phase": "Pending", "containerStatuses": statuses,
            "conditions": [{"type": "PodScheduled", "status": "True"}]}))
    };
    assert_eq!(pending(waiting).hopeless().0, "D50");
    let creating = pending(json!({"waiting": {"reason": "ContainerCreating"}})).waiting();
    assert!(creating.1.contains("ContainerCreating"), "{creating:?}");
}

#[test]
fn a_pull_is_given_up_after_its_second_try_and_only_for_what_does_not_heal() {
    assert_eq!(pulling(1, NOT_FOUND).waiting().0, "D52");
    let (id, message, after) = pulling(2, NOT_FOUND).hopeless();
    assert_eq!((id, after), ("D52", 0));
    assert!(
        message.contains("registry.example.com/nvflare/nvflare:2.8.3") && message.contains("no such image or tag"),
        "{message}"
    );
    assert_eq!(pulling(9, "dial tcp 10.0.0.1:443: i/o timeout").waiting().0, "D52");
    // An older kubelet reports the reason only in the event.
    let back_off =
        pulling(2, "Back-off pulling image \"a:9\"").event("p", "Failed", 2, &format!("Failed to pull image: {NOT_FOUND}"));
    assert_eq!(back_off.hopeless().0, "D52");
    // Events of an earlier pod of the same name do not count.
    assert_eq!(pulling(1, "Back-off pulling").event("other", "Failed", 2, NOT_FOUND).waiting().0, "D52");
    // Nor does an image that is injected beside the parent's.
    let mut beside = pulling(1, NOT_FOUND).event("p", "Failed", 5, "Failed to pull image \"proxy:1\": EOF");
    beside.events[1]["involvedObject"]["fieldPath"] = json!("spec.containers{proxy}");
    assert_eq!(beside.waiting().0, "D52");
    let mut uncounted = pulling(2, NOT_FOUND);
    uncounted.events.clear();
    assert_eq!(uncounted.hopeless().2, 15);
    let mut secret = pulling(2, "pull access denied, repository does not exist or may require authorization");
    secret.missing = vec![Reference { kind: ReferenceKind::PullSecret, name: "regcred".into() }];
    assert!(secret.hopeless().0 == "D51" && secret.hopeless().1.contains("`regcred` is not there"));
    secret.missing.clear();
    assert_eq!(secret.hopeless().0, "D52", "the pod names no Secret");
    secret.pods[0]["spec"]["imagePullSecrets"] = json!([{"name": "regcred"}]);
    assert!(secret.hopeless().0 == "D51" && secret.hopeless().1.contains("credentials of the pull Secret `regcred`"));
}

#[test]
fn an_image_that_no_pull_can_bring_is_hopeless_at_once() {
    for (reason, id) in [("InvalidImageName", "D50"), ("ErrImageNeverPull", "D52")] {
        let objects = Objects::with_container("Pending", &json!({"state": {"waiting": {"reason": reason, "message": "m"}}}));
        assert_eq!((objects.hopeless().0, objects.hopeless().2), (id, 0));
    }
}

#[test]
fn a_crash_is_hopeless_once_kubernetes_backs_off() {
    let ended = json!({"exitCode": 1, "reason": "Error"});
    let looping =
        json!({"restartCount": 1, "state": {"waiting": {"reason": "CrashLoopBackOff"}}, "lastState": {"terminated": ended}});
    let mut objects = Objects::with_container("Running", &looping);
    objects.log = "first\nModuleNotFoundError: No module named 'kubernetes'\n";
    let RolloutStatus::Hopeless { finding, .. } = objects.judge() else { panic!("it loops") };
    assert_eq!(finding.id, "D81");
    assert!(
        finding.message.contains("exit 1") && finding.message.contains("no Python package `kubernetes`"),
        "{}",
        finding.message
    );
    assert_eq!(finding.evidence, ["first", "ModuleNotFoundError: No module named 'kubernetes'"]);
    let once = Objects::with_container("Running", &json!({"state": {"terminated": ended}}));
    assert_eq!(once.waiting().0, "D81");
    let again = Objects::with_container(
        "Running",
        &json!({"ready": true, "restartCount": 1, "state": {"running": {}}, "lastState": {"terminated": ended}}),
    );
    assert!(matches!(again.judge(), RolloutStatus::Running(running) if running.restarts == 1));
    let pull = json!({"restartCount": 1, "state": {"waiting": {"reason": "ImagePullBackOff", "message": "i/o timeout"}},
        "lastState": {"terminated": ended}});
    assert_eq!(Objects::with_container("Running", &pull).waiting().0, "D52");
}

#[test]
fn what_cannot_start_and_what_needs_too_much_memory_is_hopeless_at_its_first_end() {
    let start_error =
        json!({"exitCode": 128, "reason": "StartError", "message": "exec: \"/opt/python\": no such file or directory"});
    for state in [json!({"terminated": start_error}), json!({"waiting": {"reason": "RunContainerError"}})] {
        let objects = Objects::with_container("Pending", &json!({"state": state, "lastState": {"terminated": start_error}}));
        assert_eq!((objects.hopeless().0, objects.hopeless().2), ("D53", 0));
    }
    // CRI-O looks for the command before it starts anything.
    let said = "container create failed: executable file `/opt/python` not found in $PATH: No such file or directory";
    let waiting = json!({"state": {"waiting": {"reason": "CreateContainerError", "message": said}}});
    let objects = Objects::with_container("Pending", &waiting);
    assert_eq!((objects.hopeless().0, objects.hopeless().2), ("D53", 0));
    let busy = json!({"state": {"waiting": {"reason": "CreateContainerError", "message": "context deadline exceeded"}}});
    assert_eq!(Objects::with_container("Pending", &busy).waiting().0, "D81");
    let said = "failed to create containerd task: container init was OOM-killed (memory limit too low?)";
    let small = json!({"terminated": {"exitCode": 128, "reason": "StartError", "message": said}});
    let objects = Objects::with_container("Pending", &json!({"state": small}));
    assert!(objects.hopeless().0 == "D81" && objects.hopeless().1.contains("memory"));
    let oom = json!({"exitCode": 137, "reason": "OOMKilled"});
    let objects = Objects::with_container("Running", &json!({"state": {"terminated": oom}}));
    assert!(objects.hopeless().1.contains("memory"));
}

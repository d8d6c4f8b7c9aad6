//! The rules, tested on objects as the API server sends them.

use jiff::Timestamp;
use k8s_openapi::api::{
    apps::v1::{Deployment, ReplicaSet},
    core::v1::{Event, PersistentVolumeClaim, Pod},
};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::{Look, Reference, ReferenceKind, Verdict, judge};

/// The objects of an observation, as JSON.
#[derive(Debug, Clone)]
struct Objects {
    deployment: Value,
    replica_set: Value,
    pods: Vec<Value>,
    events: Vec<Value>,
    claims: Vec<Value>,
    missing: Vec<Reference>,
    log: &'static str,
}

fn read<T: DeserializeOwned>(value: &Value) -> T {
    serde_json::from_value(value.clone()).unwrap_or_else(|error| panic!("{error}: {value}"))
}

fn all<T: DeserializeOwned>(values: &[Value]) -> Vec<T> {
    values.iter().map(read).collect()
}

impl Objects {
    /// A Deployment whose pod has this status.
    fn with_pod(status: &Value) -> Self {
        let container = json!({"name": "site-1", "image": "registry.example.com/nvflare/nvflare:2.8.3"});
        let spec = json!({"containers": [container]});
        let template = json!({"metadata": {}, "spec": spec});
        let owned = |uid: &str| json!([{"apiVersion": "apps/v1", "kind": "x", "name": "x", "uid": uid, "controller": true}]);
        Self {
            deployment: json!({
                "metadata": {"name": "site-1", "uid": "d", "generation": 2, "annotations": {"deployment.kubernetes.io/revision": "2"}},
                "spec": {"replicas": 1, "selector": {}, "template": template}, "status": {"observedGeneration": 2},
            }),
            replica_set: json!({
                "metadata": {"name": "site-1-b", "uid": "r", "ownerReferences": owned("d"),
                    "annotations": {"deployment.kubernetes.io/revision": "2"}},
                "spec": {"selector": {}}, "status": {"replicas": 1},
            }),
            pods: vec![json!({
                "metadata": {"name": "site-1-b-x", "uid": "p", "ownerReferences": owned("r"), "creationTimestamp": "2026-11-28T12:00:00Z"},
                "spec": {"nodeName": "node-1", "containers": [container]}, "status": status,
            })],
            events: vec![],
            claims: vec![],
            missing: vec![],
            log: "",
        }
    }

    fn with_container(phase: &str, container: &Value) -> Self {
        let mut status = container.clone();
        for (key, value) in [("name", json!("site-1")), ("ready", json!(false)), ("image", json!("i")), ("imageID", json!(""))] {
            status[key] = value;
        }
        if status["restartCount"].is_null() {
            status["restartCount"] = json!(0);
        }
        let ready = if container["ready"] == json!(true) { "True" } else { "False" };
        Self::with_pod(&json!({"phase": phase, "containerStatuses": [status], "conditions": [{"type": "Ready", "status": ready},
            {"type": "PodScheduled", "status": "True"}]}))
    }

    fn running() -> Self {
        Self::with_container("Running", &json!({"ready": true, "state": {"running": {}}}))
    }

    fn event(mut self, uid: &str, reason: &str, count: i32, message: &str) -> Self {
        self.events
            .push(json!({"metadata": {}, "involvedObject": {"uid": uid}, "reason": reason, "count": count, "type": "Warning",
            "message": message, "lastTimestamp": "2026-11-28T12:00:05Z"}));
        self
    }

    fn judge(&self) -> Verdict {
        let now: Timestamp = "2026-11-28T12:00:10Z".parse().unwrap();
        let deployment: Option<Deployment> = Some(read(&self.deployment)).filter(|_: &Deployment| !self.deployment.is_null());
        let (sets, pods): (Vec<ReplicaSet>, Vec<Pod>) = (vec![read(&self.replica_set)], all(&self.pods));
        let (events, claims): (Vec<Event>, Vec<PersistentVolumeClaim>) = (all(&self.events), all(&self.claims));
        judge(&Look {
            name: "site-1",
            deployment: deployment.as_ref(),
            replica_sets: &sets,
            pods: &pods,
            events: &events,
            claims: &claims,
            missing: &self.missing,
            log: self.log,
            now,
        })
    }

    /// The id and the message of a hopeless state, and how many seconds it must last.
    fn hopeless(&self) -> (&'static str, String, u64) {
        match self.judge() {
            Verdict::Hopeless { finding, after } => {
                assert!(finding.hint.as_ref().is_some_and(|hint| !hint.is_empty()), "{finding:?}");
                (finding.id, finding.message, after.as_secs())
            }
            other => panic!("not hopeless: {other:?}"),
        }
    }

    fn waiting(&self) -> (&'static str, String) {
        match self.judge() {
            Verdict::Waiting(finding) => (finding.id, finding.message),
            other => panic!("not a wait: {other:?}"),
        }
    }
}

fn pulling(tries: i32, message: &str) -> Objects {
    let waiting = json!({"state": {"waiting": {"reason": "ErrImagePull", "message": message}}});
    Objects::with_container("Pending", &waiting).event("p", "Pulling", tries, "Pulling image")
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
fn a_container_that_runs_and_is_ready_counts() {
    let Verdict::Running(running) = Objects::running().judge() else { panic!("it runs") };
    assert_eq!((running.pod.as_str(), running.node.as_str(), running.restarts), ("site-1-b-x", "node-1", 0));
    let mut not_ready = Objects::running();
    not_ready.pods[0]["status"]["conditions"][0]["status"] = json!("False");
    assert_eq!(not_ready.event("p", "Unhealthy", 3, "connection refused").waiting().0, "D81");
}

#[test]
fn an_earlier_template_does_not_count() {
    let mut unseen = Objects::running();
    unseen.deployment["metadata"]["generation"] = json!(3);
    assert_eq!(unseen.waiting().0, "D80");
    let mut no_set = Objects::running();
    no_set.deployment["metadata"]["annotations"]["deployment.kubernetes.io/revision"] = json!("3");
    assert_eq!(no_set.waiting().0, "D80");
    let mut ending = Objects::running();
    ending.pods[0]["metadata"]["deletionTimestamp"] = json!("2026-11-28T12:00:00Z");
    assert!(ending.waiting().1.contains("former pod"));
    let mut two = Objects::running();
    let mut former = two.pods[0].clone();
    former["metadata"]["uid"] = json!("q");
    former["metadata"]["deletionTimestamp"] = json!("2026-11-28T12:00:00Z");
    two.pods.push(former.clone());
    assert!(two.waiting().1.contains("former pod"));
    former["status"]["phase"] = json!("Failed");
    two.pods[1] = former;
    assert!(matches!(two.judge(), Verdict::Running(_)), "a record of an eviction is no pod");
    let mut stranger = Objects::running();
    stranger.pods[0]["metadata"]["ownerReferences"][0]["uid"] = json!("another");
    assert!(stranger.waiting().1.contains("has no pod yet"));
}

#[test]
fn a_deployment_that_makes_no_pod_is_told_from_one_that_will() {
    let mut scaled = Objects::running();
    scaled.deployment["spec"]["replicas"] = json!(0);
    assert_eq!(scaled.hopeless().0, "D80");
    let mut paused = Objects::running();
    paused.deployment["spec"]["paused"] = json!(true);
    assert!(paused.hopeless().1.contains("paused"));
    let nothing: Look<'_> = Look {
        name: "site-1",
        deployment: None,
        replica_sets: &[],
        pods: &[],
        events: &[],
        claims: &[],
        missing: &[],
        log: "",
        now: Timestamp::UNIX_EPOCH,
    };
    assert!(matches!(judge(&nothing), Verdict::Hopeless { finding, .. } if finding.id == "D80"));
}

#[test]
fn what_the_api_server_refuses_is_named_by_its_cause() {
    let refused = |message: &str| {
        let mut objects = Objects::running();
        objects.pods.clear();
        objects.replica_set["status"] = json!({"replicas": 0, "conditions": [
            {"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": message}]});
        objects
    };
    let forbidden = |what: &str| format!("pods \"site-1-b-\" is forbidden: {what}");
    for (id, what) in [
        ("D21", "violates PodSecurity \"restricted:latest\": allowPrivilegeEscalation != false"),
        ("D23", "exceeded quota: team, requested: requests.memory=8Gi, used: requests.memory=0, limited: requests.memory=4Gi"),
        ("D23", "failed quota: team: must specify limits.memory for: site-1"),
        ("D24", "maximum memory usage per Container is 1Gi, but limit is 8Gi"),
        ("D22", "error looking up service account fl/site-1: serviceaccount \"site-1\" not found"),
        ("D22", "something that nobody knows yet"),
    ] {
        let (found, _, after) = refused(&forbidden(what)).hopeless();
        assert!(found == id && after <= 3, "{found} after {after} s: {what}");
    }
    assert_eq!(refused("Internal error occurred: failed calling webhook \"w\": timeout").waiting().0, "D22");
    assert_eq!(refused("").waiting().0, "D22");
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
    let Verdict::Hopeless { finding, .. } = objects.judge() else { panic!("it loops") };
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
    assert!(matches!(again.judge(), Verdict::Running(running) if running.restarts == 1));
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

#[test]
fn what_the_pod_names_must_be_there() {
    let cases = [(ReferenceKind::Secret, "D51"), (ReferenceKind::ConfigMap, "D51"), (ReferenceKind::Claim, "D31")];
    for (kind, id) in cases {
        let mut objects = Objects::with_container("Pending", &json!({"state": {"waiting": {"reason": "ContainerCreating"}}}));
        objects.missing = vec![Reference { kind, name: "x".into() }];
        let (found, message, after) = objects.hopeless();
        assert!(found == id && message.contains("`x`") && after == 3, "{found} {message} {after}");
    }
    let config =
        json!({"state": {"waiting": {"reason": "CreateContainerConfigError", "message": "couldn't find key a in Secret"}}});
    assert_eq!(Objects::with_container("Pending", &config).hopeless().0, "D81");
    for passing in
        ["services have not yet been read at least once, cannot construct envvars", "failed to sync secret cache: timed out"]
    {
        let config = json!({"state": {"waiting": {"reason": "CreateContainerConfigError", "message": passing}}});
        assert_eq!(Objects::with_container("Pending", &config).waiting().0, "D81", "{passing}");
    }
}

#[test]
fn a_claim_without_a_volume_waits_or_never_gets_one() {
    let with_claim = |claim: &Value| {
        let condition = json!({"type": "PodScheduled", "status": "False", "reason": "Unschedulable",
            "message": "0/1 nodes are available: pod has unbound immediate PersistentVolumeClaims."});
        let mut objects = Objects::with_pod(&json!({"phase": "Pending", "conditions": [condition]}));
        objects.pods[0]["spec"]["nodeName"] = Value::Null;
        let mut claim = claim.clone();
        claim["metadata"] = json!({"name": "nvflws", "uid": "c"});
        objects.claims.push(claim);
        objects
    };
    let pending = json!({"phase": "Pending"});
    let first_consumer = with_claim(&json!({"spec": {"storageClassName": "local"}, "status": pending}));
    assert_eq!(first_consumer.waiting().0, "D31");
    let failing = first_consumer.clone().event("c", "ProvisioningFailed", 2, "storageclass \"fast\" not found");
    assert_eq!((failing.hopeless().0, failing.hopeless().2), ("D31", 0));
    let mut mended = failing.clone();
    mended.pods[0]["metadata"]["creationTimestamp"] = json!("2026-11-28T12:00:06Z");
    assert_eq!(mended.waiting().0, "D31", "what an earlier pod met says nothing");
    let passing = "failed to provision volume: rpc error: code = DeadlineExceeded desc = context deadline exceeded";
    assert_eq!(first_consumer.clone().event("c", "ProvisioningFailed", 9, passing).waiting().0, "D31");
    assert_eq!(first_consumer.event("c", "ProvisioningFailed", 1, "busy").waiting().0, "D31");
    let no_class = with_claim(&json!({"spec": {}, "status": pending}));
    assert!(no_class.hopeless().1.contains("no default one"));
    let lost = with_claim(&json!({"spec": {}, "status": {"phase": "Lost"}}));
    assert!(lost.hopeless().1.contains("lost"));
}

#[test]
fn a_wait_for_a_volume_names_the_pod_that_uses_it() {
    let condition = json!({"type": "PodScheduled", "status": "False", "reason": "Unschedulable",
        "message": "0/1 nodes are available: 1 node has pod using PersistentVolumeClaim with the same name and ReadWriteOncePod access mode."});
    let mut objects = Objects::with_pod(&json!({"phase": "Pending", "conditions": [condition]}));
    objects.pods[0]["spec"]["nodeName"] = Value::Null;
    objects
        .claims
        .push(json!({"metadata": {"name": "nvflws"}, "spec": {"storageClassName": "local"}, "status": {"phase": "Bound"}}));
    let user = |name: &str, phase: &str| {
        json!({"metadata": {"name": name, "uid": name}, "status": {"phase": phase}, "spec": {"containers": [],
            "volumes": [{"name": "w", "persistentVolumeClaim": {"claimName": "nvflws"}}]}})
    };
    objects.pods.extend([user("holder", "Running"), user("ended", "Succeeded")]);
    let Verdict::Waiting(finding) = objects.judge() else { panic!("it may end") };
    assert_eq!(
        (finding.id, finding.evidence.last().map(String::as_str)),
        ("D31", Some("the claim `nvflws` is used by the pod `holder`"))
    );
}

#[test]
fn room_may_come() {
    let condition = json!({"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/1 nodes: 1 Insufficient memory."});
    let mut objects = Objects::with_pod(&json!({"phase": "Pending", "conditions": [condition]}));
    objects.pods[0]["spec"]["nodeName"] = Value::Null;
    assert_eq!(objects.waiting().0, "D61");
}

#[test]
fn objects_without_any_field_are_no_reason_to_panic() {
    let mut objects = Objects::running();
    objects.pods[0]["spec"] = Value::Null;
    objects.pods[0]["status"] = Value::Null;
    assert!(matches!(objects.judge(), Verdict::Waiting(_)));
    objects.deployment = json!({"metadata": {}});
    assert!(matches!(objects.judge(), Verdict::Waiting(_)));
}

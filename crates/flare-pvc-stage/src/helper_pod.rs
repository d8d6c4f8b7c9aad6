//! The pod that mounts the claim: its manifest, start and deletion.

use std::{future::pending, task::Poll, time::Duration};

use flare_cluster::{
    Cluster, DeleteOptions, Selection, WriteOptions, events, image_pull,
    k8s_openapi::api::core::v1::{Event, Pod},
    pod_state::{self, condition, container_status},
    start_fault::{StartFault, start_fault},
};
use flare_diagnostic::{Code, Diagnostic};
use flare_names::labels::{self, COMPONENT, MANAGED_BY, STAGES_CLAIM, component};
use serde_json::json;
use tokio::time::Instant;

use crate::values::{Contexts, ParentPod};

/// Where the claim is mounted.
pub(crate) const MOUNT: &str = "/flare-volume";

/// The container's name.
pub(crate) const CONTAINER: &str = "stage";

/// The flag by which Python does not look after installed packages, which no program of the pod uses: that takes time, and what an image has
/// set up to run there could print something.
pub(crate) const WITHOUT_SITE: &str = "-S";

/// The limit of the container's memory. Its programs need far less, but a file that was just written is in this memory too, and would have to
/// be read from the disk to be compared.
const MEMORY: &str = "512Mi";

/// The program of the pod's first process.
const FIRST_PROCESS: &str = include_str!("volume/first.py");

/// How long, in seconds, a program in the pod has after the pod's deletion, to complete a swap or to remove old data. Without one, the
/// pod ends at once.
const GRACE: u32 = 30;

/// How much longer than the staging the pod runs if nobody deletes it.
const AFTERLIFE: Duration = Duration::from_mins(1);

/// How long pulls may fail for reasons that can pass. The kubelet tries for the second time after 10 s and for the third after 30 s, which is
/// the last one that is waited for.
const PULLS: Duration = Duration::from_secs(25);

/// How the pod mounts the claim.
#[derive(Debug, Clone, Default)]
pub(crate) struct Mount {
    /// The pod cannot change the volume.
    pub(crate) read_only: bool,
    /// The node on which other pods use the volume, if it can be mounted on only one node.
    pub(crate) node: Option<String>,
}

/// The pod's manifest. It needs no shell: its Python waits until the pod is deleted or its deadline has passed.
pub(crate) fn manifest(
    name: &str,
    claim: &str,
    mount: &Mount,
    parent: &ParentPod,
    contexts: &Contexts,
    deadline: Duration,
) -> Pod {
    let seconds = deadline.saturating_add(AFTERLIFE).as_secs();
    let container = json!({
        "name": CONTAINER, "image": parent.image, "imagePullPolicy": "IfNotPresent",
        "command": [parent.python, WITHOUT_SITE, "-c", FIRST_PROCESS, seconds.to_string()],
        "env": [{"name": "PYTHONDONTWRITEBYTECODE", "value": "1"}],
        "securityContext": contexts.container,
        "resources": {"requests": {"cpu": "50m", "memory": "64Mi"}, "limits": {"cpu": "1", "memory": MEMORY}},
        "volumeMounts": [{"name": "workspace", "mountPath": MOUNT, "readOnly": mount.read_only}],
    });
    let secrets: Vec<_> = parent.pull_secrets.iter().map(|secret| json!({"name": secret})).collect();
    let mut spec = json!({
        "restartPolicy": "Never", "activeDeadlineSeconds": seconds, "terminationGracePeriodSeconds": GRACE,
        "automountServiceAccountToken": false, "enableServiceLinks": false,
        "securityContext": contexts.pod, "imagePullSecrets": secrets,
        "nodeSelector": parent.node_selector, "tolerations": parent.tolerations,
        "containers": [container],
        "volumes": [{"name": "workspace", "persistentVolumeClaim": {"claimName": claim}}],
    });
    if let Some(node) = &mount.node {
        // The node is required, whatever the parent's placement says.
        let there = json!({"key": "metadata.name", "operator": "In", "values": [node]});
        let terms = json!({"nodeSelectorTerms": [{"matchFields": [there]}]});
        spec["affinity"] = json!({"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": terms}});
    } else if let Some(affinity) = &parent.affinity {
        spec["affinity"] = json!(affinity);
    }
    if let Some(class) = &parent.priority_class {
        spec["priorityClassName"] = json!(class);
    }
    let labels = json!({MANAGED_BY.0: MANAGED_BY.1, COMPONENT: component::STAGE, STAGES_CLAIM: label(claim)});
    let pod = json!({"metadata": {"name": name, "labels": labels}, "spec": spec});
    serde_json::from_value(pod).expect("the fields above are those of a Pod")
}

/// The label value for a claim's name, which is unique: values have at most 63 characters, names 253.
fn label(claim: &str) -> String {
    flare_names::stable(claim, 63)
}

/// Whether flare-kube created a pod as a helper.
pub(crate) fn is_helper(pod: &Pod) -> bool {
    pod.metadata.labels.as_ref().is_some_and(|labels| labels.contains_key(STAGES_CLAIM))
}

async fn of_claim(cluster: &Cluster, namespace: &str, claim: &str) -> Result<Vec<Pod>, Diagnostic> {
    let selection = Selection::labelled(labels::selector(&[(STAGES_CLAIM, &label(claim))]));
    cluster.namespaced::<Pod>(namespace).list(&selection).await
}

/// The names of this claim's helper pods that are not being deleted.
pub(crate) async fn left_behind(cluster: &Cluster, namespace: &str, claim: &str) -> Result<Vec<String>, Diagnostic> {
    let pods = of_claim(cluster, namespace, claim).await?.into_iter();
    Ok(pods.filter(|pod| pod.metadata.deletion_timestamp.is_none()).filter_map(|pod| pod.metadata.name).collect())
}

/// Deletes helper pods of this claim that a killed run left, and waits for the end of those already being deleted: their program may
/// still run.
pub(crate) async fn clear(cluster: &Cluster, namespace: &str, claim: &str, deadline: Duration) -> Result<(), Diagnostic> {
    for name in of_claim(cluster, namespace, claim).await?.into_iter().filter_map(|pod| pod.metadata.name) {
        delete(cluster, namespace, &name, None).await?;
        wait_for_end(cluster, namespace, &name, deadline).await?;
    }
    Ok(())
}

/// Waits until a helper pod that is being deleted is gone, and with it its program.
pub(crate) async fn wait_for_end(cluster: &Cluster, namespace: &str, name: &str, deadline: Duration) -> Result<(), Diagnostic> {
    let gone = |pod: Option<&Pod>| if pod.is_none() { Poll::Ready(Ok(())) } else { Poll::Pending };
    let pods = cluster.namespaced::<Pod>(namespace);
    pods.wait(name, deadline, &format!("the end of the helper pod `{name}`"), gone).await
}

/// Deletes a helper pod, with another grace period than its own if that is given.
pub(crate) async fn delete(cluster: &Cluster, namespace: &str, name: &str, grace: Option<u32>) -> Result<(), Diagnostic> {
    let deletion = DeleteOptions { grace_seconds: grace, ..DeleteOptions::default() };
    cluster.namespaced::<Pod>(namespace).delete(name, &deletion).await.map(|_| ())
}

/// Creates the pod.
pub(crate) async fn create(cluster: &Cluster, namespace: &str, pod: &Pod) -> Result<(), Diagnostic> {
    cluster.namespaced::<Pod>(namespace).create(pod, WriteOptions::default()).await.map(|_| ())
}

/// Waits until the pod runs. Fails at once if waiting cannot help; `last` is set to the reason for waiting.
pub(crate) async fn runs(
    cluster: &Cluster,
    namespace: &str,
    name: &str,
    deadline: Duration,
    last: &mut String,
) -> Result<(), Diagnostic> {
    let mut first_failed_pull = None;
    let mut failed_pulls = || first_failed_pull.get_or_insert_with(Instant::now).elapsed();
    let look = |pod: Option<&Pod>| look(pod, name, last, &mut failed_pulls);
    let pods = cluster.namespaced::<Pod>(namespace);
    pods.wait(name, deadline, &format!("the start of the helper pod `{name}`"), look).await
}

/// Returns as soon as the node says that it has started the helper's container, by an event; never if it does not, or the user may not read
/// events. The status of the pod tells the same, but up to a second later, since a kubelet looks at its containers once in a second.
pub(crate) async fn has_started(cluster: &Cluster, namespace: &str, name: &str, deadline: Duration) {
    let fields = Some(format!("involvedObject.name={name},reason={STARTED}"));
    let selection = Selection { labels: None, fields };
    let is_told =
        |found: &[&Event]| if found.iter().any(|event| tells_start(event)) { Poll::Ready(Ok(())) } else { Poll::Pending };
    let happened = cluster.namespaced::<Event>(namespace);
    if happened.wait_for_all(&selection, deadline, "the start of the container", is_told).await.is_err() {
        pending::<()>().await;
    }
}

/// The reason of a kubelet's event about a container that it has started.
const STARTED: &str = "Started";

/// Whether an event says that the helper's container was started, not one that a cluster has injected.
fn tells_start(event: &Event) -> bool {
    let container = event.involved_object.field_path.as_deref().and_then(|path| path.strip_prefix("spec.containers{"));
    events::reason(event) == STARTED && container.and_then(|name| name.strip_suffix('}')) == Some(CONTAINER)
}

/// The state of the pod: running, unable to run, or pending, with the reason in `last`. `failed_pulls` is asked when a pull has failed: for
/// how long they have.
fn look(
    pod: Option<&Pod>,
    name: &str,
    last: &mut String,
    failed_pulls: impl FnOnce() -> Duration,
) -> Poll<Result<(), Diagnostic>> {
    let failed = |why: String, hint: &str| {
        Poll::Ready(Err(Diagnostic::error(Code::StageFailed, format!("the helper pod `{name}` cannot start: {why}")).hint(hint)))
    };
    let Some(pod) = pod else {
        return failed("it was deleted".into(), "run the same command again; look who deletes pods in this namespace");
    };
    let Some(status) = &pod.status else { return Poll::Pending };
    // A cluster may inject other containers into any pod.
    let container = container_status(pod, CONTAINER);
    if container.is_some_and(|container| container.state.as_ref().is_some_and(|state| state.running.is_some())) {
        return Poll::Ready(Ok(()));
    }
    if pod_state::has_ended(pod) {
        let why = status.message.clone().or_else(|| ended(pod)).unwrap_or_else(|| "its container ended".into());
        return failed(
            why,
            "check that the image has the Python of `parent.python_path` in k8s.yaml; `--helper-image` names another image",
        );
    }
    if let Some((reason, message)) = container.and_then(pod_state::waiting) {
        *last = if message.is_empty() { reason.to_owned() } else { format!("{reason}: {message}") };
        // What the kubelet only does not know yet is waited for. Of any other failed start the user sees the message, and tries again.
        let never_starts = pod_state::is_failed_start(reason) && start_fault(message) != Some(StartFault::Passing);
        if pod_state::is_permanent(reason) || never_starts || image_pull::pull_fault(message).is_some() {
            return failed(
                last.clone(),
                "check image, pull Secrets and security context of the kit; `--helper-image` names another image for the helper",
            );
        }
        if pod_state::is_failed_pull(reason) && failed_pulls() >= PULLS {
            return failed(
                last.clone(),
                "see that the node reaches the registry, and run the same command again; `--helper-image` names another image",
            );
        }
    }
    if let Some(unscheduled) = condition(pod, "PodScheduled", "False") {
        *last = unscheduled.message.clone().unwrap_or_default();
    }
    Poll::Pending
}

fn ended(pod: &Pod) -> Option<String> {
    let terminated = container_status(pod, CONTAINER)?.state.as_ref()?.terminated.as_ref()?;
    Some(format!(
        "its container ended with exit number {} ({})",
        terminated.exit_code,
        terminated.reason.as_deref().unwrap_or("no reason")
    ))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use flare_prepared_kit::{OpenOptions, PreparedKit};

    use super::*;
    use crate::values::parent_pod;

    #[test]
    fn the_pod_ends_by_itself_and_has_the_place_and_the_pull_secrets_of_its_parent() {
        let case = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/cases/server-2.8-defaults/expected");
        let mut kit = PreparedKit::open(&case, OpenOptions { accept_changes: true }).expect("a prepared kit").value;
        let zone = json!({"matchExpressions": [{"key": "zone", "operator": "In", "values": ["a"]}]});
        let affinity = json!({"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [zone]}}});
        let values = json!({"imagePullSecrets": [{"name": "registry"}], "nodeSelector": {"disk": "fast"}, "affinity": affinity,
            "tolerations": [{"key": "gpu", "operator": "Exists"}], "priorityClassName": "high"});
        kit.give_values(values.as_object().expect("a mapping").clone());
        let parent = parent_pod(&kit).expect("values that Kubernetes knows");
        let contexts = parent.security.contexts(false).expect("Kubernetes knows them");
        let made = |mount: &Mount| {
            let pod = manifest("flare-kube-stage-1", "c", mount, &parent, &contexts, Duration::from_mins(5));
            serde_json::to_value(pod).expect("JSON")
        };
        let pod = made(&Mount::default());
        let spec = &pod["spec"];
        // A minute longer than the run may take, if nobody deletes it: by the kubelet, and by its own process.
        let command = &spec["containers"][0]["command"];
        assert_eq!((&spec["restartPolicy"], &spec["activeDeadlineSeconds"]), (&json!("Never"), &json!(360)));
        assert_eq!(command.as_array().and_then(|command| command.last()), Some(&json!("360")));
        for key in ["imagePullSecrets", "nodeSelector", "affinity", "tolerations", "priorityClassName"] {
            assert_eq!(spec[key], values[key], "{key}");
        }
        assert_eq!(spec["containers"][0]["image"], json!(parent.image));
        assert_eq!(
            pod["metadata"]["labels"],
            json!({MANAGED_BY.0: MANAGED_BY.1, COMPONENT: component::STAGE, STAGES_CLAIM: "c"})
        );
        // Where the volume is in use, whatever the parent's placement says.
        let beside = made(&Mount { read_only: true, node: Some("n".to_owned()) });
        let required = &beside["spec"]["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"];
        let node = json!({"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["n"]}]});
        assert_eq!(required["nodeSelectorTerms"], json!([node]));
        assert_eq!(beside["spec"]["containers"][0]["volumeMounts"][0]["readOnly"], json!(true));
    }

    /// The pod whose containers are in these states: one that a service mesh has injected, and the helper's own.
    fn pod(injected: &serde_json::Value, own: &serde_json::Value) -> Pod {
        let statuses: Vec<_> = [("a-proxy", injected), (CONTAINER, own)]
            .map(|(name, state)| {
                json!({"name": name, "image": "i", "imageID": "", "ready": false, "restartCount": 0, "state": state})
            })
            .into();
        let pod = json!({"metadata": {"name": "p"}, "status": {"phase": "Pending", "containerStatuses": statuses}});
        serde_json::from_value(pod).expect("a pod")
    }

    /// A service mesh injects its container into any pod, often as the first.
    #[test]
    fn only_the_state_of_its_own_container_counts() {
        let waiting = json!({"waiting": {"reason": "CreateContainerError", "message": "no such program"}});
        let (running, starting) = (json!({"running": {}}), json!({"waiting": {}}));
        let mut last = String::new();
        let mut look = |injected, own| look(Some(&pod(injected, own)), "p", &mut last, || unreachable!("nothing is pulled"));
        assert!(matches!(look(&waiting, &running), Poll::Ready(Ok(()))));
        assert!(matches!(look(&running, &starting), Poll::Pending));
        let Poll::Ready(Err(fault)) = look(&running, &waiting) else { panic!("it cannot start") };
        assert!(fault.message.contains("no such program"), "{fault}");
    }

    #[test]
    fn a_failed_start_is_waited_for_only_if_the_kubelet_soon_knows_what_it_needs() {
        for (reason, message, fails) in [
            ("CreateContainerConfigError", "services have not yet been read at least once, cannot construct envvars", false),
            ("CreateContainerConfigError", "failed to sync secret cache: timed out waiting for the condition", false),
            ("CreateContainerConfigError", "container has runAsNonRoot and image will run as root", true),
            ("CreateContainerError", "context deadline exceeded", true),
            ("RunContainerError", "", true),
        ] {
            let own = json!({"waiting": {"reason": reason, "message": message}});
            let pod = pod(&json!({"running": {}}), &own);
            let state = look(Some(&pod), "p", &mut String::new(), || unreachable!("nothing is pulled"));
            assert_eq!(matches!(state, Poll::Ready(Err(_))), fails, "{reason}: {message} {state:?}");
        }
    }

    /// The helper runs the parent's Python, not that of job pods.
    #[test]
    fn the_hint_about_a_helper_that_ended_names_the_key_of_its_python() {
        let status = json!({"phase": "Failed", "message": "no such program"});
        let pod = serde_json::from_value(json!({"metadata": {"name": "p"}, "status": status})).expect("a pod");
        let state = look(Some(&pod), "p", &mut String::new(), || unreachable!("nothing is pulled"));
        let Poll::Ready(Err(fault)) = state else { panic!("it has ended") };
        assert!(fault.hint.is_some_and(|hint| hint.contains("`parent.python_path`")), "{}", fault.message);
    }

    #[test]
    fn only_the_start_of_its_own_container_counts() {
        for (reason, path, expected) in [
            ("Started", json!("spec.containers{stage}"), true),
            ("Started", json!("spec.containers{proxy}"), false),
            ("Started", json!("spec.initContainers{stage}"), false),
            ("Started", json!(null), false),
            ("Created", json!("spec.containers{stage}"), false),
        ] {
            let event = json!({"metadata": {}, "involvedObject": {"fieldPath": path}, "reason": reason});
            assert_eq!(tells_start(&serde_json::from_value(event).expect("an event")), expected, "{reason} {path}");
        }
    }

    #[test]
    fn a_failed_pull_is_waited_for_unless_it_is_permanent_or_repeated() {
        let seconds = Duration::from_secs;
        for (reason, message, failed_for, fails) in [
            ("ErrImagePull", "dial tcp 10.0.0.1:443: i/o timeout", seconds(0), false),
            ("ImagePullBackOff", "Back-off pulling image \"a:1\"", seconds(24), false),
            ("ErrImagePull", "502 Bad Gateway", seconds(30), true),
            ("ErrImagePull", "docker.io/a:1: not found", seconds(0), true),
            ("ImagePullBackOff", "Back-off pulling image \"a:1\": ErrImagePull: manifest unknown", seconds(0), true),
            ("InvalidImageName", "couldn't parse image name", seconds(0), true),
        ] {
            let own = json!({"waiting": {"reason": reason, "message": message}});
            let mut last = String::new();
            let state = look(Some(&pod(&json!({"running": {}}), &own)), "p", &mut last, || failed_for);
            assert_eq!(matches!(state, Poll::Ready(Err(_))), fails, "{reason}: {message} {state:?}");
            assert_eq!(last, format!("{reason}: {message}"));
        }
    }
}

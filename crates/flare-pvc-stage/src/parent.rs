//! Scales the parent's Deployment down for a staging and up again afterwards, however the staging ended.

use flare_cluster::{Cluster, Operation, WriteOptions, k8s_openapi::api::apps::v1::Deployment};
use flare_diagnostic::{Code, Diagnostic};
use flare_names::labels::REPLICAS_BEFORE_STAGE;
use serde_json::{Value, json};

/// A Deployment that was scaled down.
#[derive(Debug)]
pub(crate) struct Stopped {
    namespace: String,
    name: String,
    replicas: i32,
    /// Whether an earlier run scaled it down and was killed before it could scale it up.
    left_down: bool,
}

/// The permissions for scaling it down and up.
pub(crate) fn needed(namespace: &str) -> [Operation; 2] {
    ["get", "patch"].map(|verb| Operation::on::<Deployment>(verb, Some(namespace)))
}

/// The command with which a user scales a parent, in backticks.
pub(crate) fn scaling(namespace: &str, name: &str, replicas: i32) -> String {
    format!("`kubectl scale deployment {name} --namespace {namespace} --replicas={replicas}`")
}

/// The parent with its current number of replicas. `None` if it does not exist or was already scaled down.
pub(crate) async fn find(cluster: &Cluster, namespace: &str, name: &str) -> Result<Option<Stopped>, Diagnostic> {
    let found = cluster.namespaced::<Deployment>(namespace).find(name).await?;
    Ok(found.and_then(|found| Stopped::of(&found, namespace, name)))
}

/// Whether a run has noted on the parent that it scaled it down: one that is at work, or one that was killed.
pub(crate) async fn is_noted(cluster: &Cluster, namespace: &str, name: &str) -> Result<bool, Diagnostic> {
    let found = cluster.namespaced::<Deployment>(namespace).find(name).await?;
    Ok(found.is_some_and(|found| note(&found).is_some()))
}

/// Scales the parent up if a killed run left it down, and removes such a run's note if somebody else has scaled it up. Only for the holder
/// of the claim's lock: a run that is at work now has noted the same.
pub(crate) async fn restore(cluster: &Cluster, namespace: &str, name: &str) -> Result<(), Diagnostic> {
    let Some(found) = cluster.namespaced::<Deployment>(namespace).find(name).await? else { return Ok(()) };
    match Stopped::of(&found, namespace, name) {
        Some(parent) if parent.left_down => parent.start(cluster).await,
        _ if note(&found).is_some() => change(cluster, namespace, name, &json!({"metadata": without_note()})).await,
        _ => Ok(()),
    }
}

impl Stopped {
    fn of(found: &Deployment, namespace: &str, name: &str) -> Option<Self> {
        let replicas = found.spec.as_ref().and_then(|spec| spec.replicas).unwrap_or(1);
        // Beside replicas a note is out of date: somebody else has scaled the parent up since.
        let (replicas, left_down) = if replicas > 0 { (replicas, false) } else { (note(found)?.parse().ok()?, true) };
        (replicas > 0).then(|| Self { namespace: namespace.to_owned(), name: name.to_owned(), replicas, left_down })
    }

    /// Scales it down.
    pub(crate) async fn stop(&self, cluster: &Cluster) -> Result<(), Diagnostic> {
        let noted = json!({"annotations": {REPLICAS_BEFORE_STAGE: self.replicas.to_string()}});
        change(cluster, &self.namespace, &self.name, &json!({"metadata": noted, "spec": {"replicas": 0}})).await
    }

    /// Scales it up again.
    pub(crate) async fn start(&self, cluster: &Cluster) -> Result<(), Diagnostic> {
        let scaled_up = json!({"metadata": without_note(), "spec": {"replicas": self.replicas}});
        change(cluster, &self.namespace, &self.name, &scaled_up).await
    }

    /// What a run that is only tried would do.
    pub(crate) fn would_restart(&self) -> Diagnostic {
        let (name, replicas) = (&self.name, self.replicas);
        let message = if self.left_down {
            format!("the Deployment `{name}`, which an earlier run left scaled down, would be scaled up to {replicas}")
        } else {
            format!("the Deployment `{name}` would be scaled down, and afterwards up to {replicas} again")
        };
        Diagnostic::warning(Code::Notice, message).hint("choose a time at which it runs no job")
    }

    /// The warning if that failed.
    pub(crate) fn still_down(&self, why: &str) -> Diagnostic {
        let message = format!("the Deployment `{}` could not be scaled up again: {why}", self.name);
        Diagnostic::warning(Code::Notice, message).hint(self.by_hand())
    }

    /// The warning if another run is at work on the volume.
    pub(crate) fn left_to_another_run(&self) -> Diagnostic {
        let message = format!("the Deployment `{}` stays scaled down, since another run is at work on its claim", self.name);
        Diagnostic::warning(Code::Notice, message)
            .hint(format!("if it is still down after that run: `stage --restart`, or {}", self.by_hand()))
    }

    /// The warning about a parent that an earlier run scaled down and left so.
    pub(crate) fn left_down(&self) -> Option<Diagnostic> {
        let message =
            format!("the Deployment `{}` is scaled down: an earlier run that did so ended before it could undo it", self.name);
        let hint = format!("run with `--restart`, which scales it up again, or {}", self.by_hand());
        self.left_down.then(|| Diagnostic::warning(Code::Notice, message).hint(hint))
    }

    fn by_hand(&self) -> String {
        format!("run {}", scaling(&self.namespace, &self.name, self.replicas))
    }
}

/// The number of replicas that a run has noted before it scaled the parent down.
fn note(found: &Deployment) -> Option<&String> {
    found.metadata.annotations.as_ref()?.get(REPLICAS_BEFORE_STAGE)
}

fn without_note() -> Value {
    json!({"annotations": {REPLICAS_BEFORE_STAGE: null}})
}

async fn change(cluster: &Cluster, namespace: &str, name: &str, change: &Value) -> Result<(), Diagnostic> {
    cluster.namespaced::<Deployment>(namespace).merge(name, change, WriteOptions::default()).await.map(|_| ())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A Deployment with this number of replicas and this note.
    fn found(replicas: Option<i32>, note: Option<&str>) -> Deployment {
        let annotations: Value = note.map_or(json!({}), |note| json!({REPLICAS_BEFORE_STAGE: note}));
        let spec = json!({"replicas": replicas, "selector": {}, "template": {}});
        serde_json::from_value(json!({"metadata": {"annotations": annotations}, "spec": spec})).expect("a Deployment")
    }

    /// A user or Helm may have scaled it up after a run was killed, and down again on purpose.
    #[test]
    fn only_a_parent_without_replicas_was_left_down() {
        for (replicas, note, expected) in [
            (Some(1), None, Some((1, false))),
            (None, None, Some((1, false))),
            (Some(0), None, None),
            (Some(0), Some("1"), Some((1, true))),
            (Some(0), Some("0"), None),
            (Some(0), Some("many"), None),
            (Some(2), Some("1"), Some((2, false))),
            (None, Some("3"), Some((1, false))),
        ] {
            let stopped = Stopped::of(&found(replicas, note), "n", "d");
            let judged = stopped.as_ref().map(|stopped| (stopped.replicas, stopped.left_down));
            assert_eq!(judged, expected, "{replicas:?} {note:?}");
            let is_warned = stopped.and_then(|stopped| stopped.left_down()).is_some();
            assert_eq!(is_warned, expected.is_some_and(|(_, left_down)| left_down), "{replicas:?} {note:?}");
        }
    }

    #[test]
    fn the_command_of_a_hint_names_the_namespace() {
        let parent = Stopped::of(&found(Some(0), Some("1")), "fl", "site-1").expect("it was left down");
        for warning in [parent.still_down("timed out"), parent.left_to_another_run(), parent.left_down().expect("a warning")] {
            let hint = warning.hint.expect("a hint");
            assert!(hint.contains("`kubectl scale deployment site-1 --namespace fl --replicas=1`"), "{hint}");
        }
    }
}

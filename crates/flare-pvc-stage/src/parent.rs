//! Scales the parent's Deployment down for a staging and up again afterwards, however the staging ended.

use flare_cluster::{Cluster, Operation, WriteOptions, k8s_openapi::api::apps::v1::Deployment};
use flare_diagnostic::{Code, Diagnostic};
use flare_names::labels::REPLICAS_BEFORE_STAGE;
use serde_json::json;

/// A Deployment that was scaled down.
#[derive(Debug)]
pub(crate) struct Stopped {
    name: String,
    replicas: i32,
    /// Whether an earlier run scaled it down and was killed before it could scale it up.
    left_down: bool,
}

/// The permissions for scaling it down and up.
pub(crate) fn needed(namespace: &str) -> [Operation; 2] {
    ["get", "patch"].map(|verb| Operation::on::<Deployment>(verb, Some(namespace)))
}

/// The parent with its current number of replicas. `None` if it does not exist or was already scaled down.
pub(crate) async fn find(cluster: &Cluster, namespace: &str, name: &str) -> Result<Option<Stopped>, Diagnostic> {
    let Some(found) = cluster.namespaced::<Deployment>(namespace).find(name).await? else { return Ok(None) };
    let noted: Option<i32> =
        found.metadata.annotations.as_ref().and_then(|annotations| annotations.get(REPLICAS_BEFORE_STAGE)?.parse().ok());
    let replicas = noted.unwrap_or_else(|| found.spec.as_ref().and_then(|spec| spec.replicas).unwrap_or(1));
    Ok((replicas > 0).then(|| Stopped { name: name.to_owned(), replicas, left_down: noted.is_some() }))
}

/// Scales the parent up if a killed run left it down.
pub(crate) async fn restore(cluster: &Cluster, namespace: &str, name: &str) -> Result<(), Diagnostic> {
    match find(cluster, namespace, name).await? {
        Some(parent) if parent.left_down => parent.start(cluster, namespace).await,
        _ => Ok(()),
    }
}

impl Stopped {
    /// Scales it down.
    pub(crate) async fn stop(&self, cluster: &Cluster, namespace: &str) -> Result<(), Diagnostic> {
        let change =
            json!({"metadata": {"annotations": {REPLICAS_BEFORE_STAGE: self.replicas.to_string()}}, "spec": {"replicas": 0}});
        cluster.namespaced::<Deployment>(namespace).merge(&self.name, &change, WriteOptions::default()).await.map(|_| ())
    }

    /// Scales it up again.
    pub(crate) async fn start(&self, cluster: &Cluster, namespace: &str) -> Result<(), Diagnostic> {
        let change = json!({"metadata": {"annotations": {REPLICAS_BEFORE_STAGE: null}}, "spec": {"replicas": self.replicas}});
        cluster.namespaced::<Deployment>(namespace).merge(&self.name, &change, WriteOptions::default()).await.map(|_| ())
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
        format!("run `kubectl scale deployment {} --replicas={}`", self.name, self.replicas)
    }
}

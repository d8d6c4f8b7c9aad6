//! The annotation of the Deployment with the revision that was proven to run, so that a later run knows a good one. Helm calls a
//! revision deployed as soon as its objects are sent.

use flare_cluster::{Write, k8s_openapi::api::apps::v1::Deployment};
use flare_diagnostic::Diagnostic;
use flare_doctor::rollout::Running;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::run::Run;

/// The annotation.
const PROVEN: &str = "flare-kube/proven";

/// The content of the annotation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Proven {
    /// The revision of the release.
    pub(super) revision: u64,
    /// The pod of the parent that had joined.
    pub(super) pod: String,
    /// The number of restarts of its container.
    pub(super) restarts: i32,
}

impl Proven {
    /// Whether that parent still runs.
    pub(super) fn is_of(&self, running: &Running) -> bool {
        self.pod == running.uid && self.restarts == running.restarts
    }
}

/// Reads the annotation; `None` without Deployment or annotation.
pub(super) async fn read(run: &Run<'_>) -> Result<Option<Proven>, Diagnostic> {
    let found = run.cluster.namespaced::<Deployment>(run.namespace()).find(run.kit.plan().names.deployment.as_str()).await?;
    let note = found.and_then(|deployment| deployment.metadata.annotations?.remove(PROVEN));
    // An annotation in another format is ignored.
    Ok(note.and_then(|note| serde_json::from_str(&note).ok()))
}

/// Annotates the Deployment with a proven revision.
pub(super) async fn write(run: &Run<'_>, revision: u64, running: &Running) -> Result<(), Diagnostic> {
    put(run, &Proven { revision, pod: running.uid.clone(), restarts: running.restarts }).await
}

/// Annotates the Deployment with a revision that was proven before, whose parent now is another pod.
pub(super) async fn note(run: &Run<'_>, revision: u64) -> Result<(), Diagnostic> {
    put(run, &Proven { revision, pod: String::new(), restarts: 0 }).await
}

async fn put(run: &Run<'_>, proven: &Proven) -> Result<(), Diagnostic> {
    let text = serde_json::to_string(proven).unwrap_or_default();
    let change = json!({"metadata": {"annotations": {PROVEN: text}}});
    let deployments = run.cluster.namespaced::<Deployment>(run.namespace());
    deployments.merge(run.kit.plan().names.deployment.as_str(), &change, Write::default()).await.map(|_| ())
}

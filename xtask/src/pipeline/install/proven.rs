//! Reads and writes the note about the revision that was proven to work, so that a later run knows a good one. Helm calls a revision
//! deployed as soon as its objects are sent.

use flare_cluster::{WriteOptions, k8s_openapi::api::apps::v1::Deployment};
use flare_diagnostic::Diagnostic;
use flare_doctor::{Proven, rollout::RunningParent};
use flare_names::labels::PROVEN;
use serde_json::json;

use super::run::Run;

/// Reads the annotation; `None` without Deployment or annotation.
pub(super) async fn read(run: &Run<'_>) -> Result<Option<Proven>, Diagnostic> {
    let found = run.cluster.namespaced::<Deployment>(run.namespace()).find(run.kit.plan().names.deployment.as_str()).await?;
    Ok(found.as_ref().and_then(Proven::read))
}

/// Annotates the Deployment with a proven revision.
pub(super) async fn write(run: &Run<'_>, revision: u64, running: &RunningParent) -> Result<(), Diagnostic> {
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
    deployments.merge(run.kit.plan().names.deployment.as_str(), &change, WriteOptions::default()).await.map(|_| ())
}

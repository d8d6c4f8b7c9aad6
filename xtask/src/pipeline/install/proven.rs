//! Reads and writes the note about the revision that was proven to work, so that a later run knows a good one. Helm calls a revision
//! deployed as soon as its objects are sent.

use flare_cluster::{WriteOptions, k8s_openapi::api::apps::v1::Deployment};
use flare_diagnostic::Diagnostic;
use flare_doctor::{Proven, rollout::RunningParent};
use flare_names::labels::PROVEN;
use serde_json::json;

use super::run::{Run, Until};

/// Reads the annotation; `None` without Deployment or annotation.
pub(super) async fn read(run: &Run<'_>) -> Result<Option<Proven>, Diagnostic> {
    let found = run.cluster.namespaced::<Deployment>(run.namespace()).find(run.kit.plan().names.deployment.as_str()).await?;
    Ok(found.as_ref().and_then(Proven::read))
}

/// Annotates the Deployment with a revision whose parent has joined. After a run that waited for less, the note of an earlier one stays.
pub(super) async fn write(run: &Run<'_>, revision: u64, running: &RunningParent) -> Result<(), Diagnostic> {
    match shown_by(run.options.until, revision, running) {
        Some(proven) => put(run, &proven).await,
        None => Ok(()),
    }
}

/// What a wait until such a state has proven: only one for the join says that the parent has joined, whatever its log shows later.
fn shown_by(until: Until, revision: u64, running: &RunningParent) -> Option<Proven> {
    let proven = || Proven { revision, pod: running.uid.clone(), restarts: running.restarts };
    (until == Until::Joined).then(proven)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parent_that_was_only_seen_to_run_is_not_noted_as_one_that_has_joined() {
        let text = || "x".to_owned();
        let running = RunningParent { pod: text(), uid: "u".to_owned(), container: text(), node: text(), restarts: 2 };
        assert_eq!(shown_by(Until::Running, 3, &running), None);
        let proven = Proven { revision: 3, pod: "u".to_owned(), restarts: 2 };
        assert_eq!(shown_by(Until::Joined, 3, &running), Some(proven));
    }
}

//! The user's Helm, and the release that it has of a kit.

use std::{path::Path, time::Duration};

use flare_cluster::Cluster;
use flare_diagnostic::Diagnostic;
use flare_helm::{Helm, ReleaseId, RunLimits};
use flare_prepared_kit::PreparedKit;

use super::stage::Request;
use crate::context::Context;

/// Time limit for Helm to print its version.
const FIND_LIMIT: Duration = Duration::from_secs(20);

/// The Helm that a flag names, otherwise that of the environment. A run over several participants asks for its version once.
pub(super) fn find(context: &Context<'_>, named: Option<&Path>) -> Result<Helm, Diagnostic> {
    if let Some(found) = context.helm.get() {
        return Ok(found.clone());
    }
    let limits = RunLimits { time: FIND_LIMIT, stop: context.interrupt.flag() };
    let named = named.or(context.environment.helm.as_deref());
    let found = tokio::task::block_in_place(|| Helm::find(named, &context.environment.search_path, &limits))?;
    Ok(context.helm.get_or_init(|| found).clone())
}

/// The release of a kit in its cluster.
pub(super) fn place(request: &Request<'_>, kit: &PreparedKit, cluster: &Cluster) -> ReleaseId {
    let plan = kit.plan();
    ReleaseId {
        release: plan.names.release.to_string(),
        namespace: plan.namespace.to_string(),
        kubeconfig: request.access.kubeconfig.clone(),
        context: cluster.context().map(str::to_owned),
    }
}

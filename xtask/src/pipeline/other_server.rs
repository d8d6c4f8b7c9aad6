//! Another server in the namespace of a server: the launchers of both give job pods and their startup Secret the same names (defect 15).

use flare_cluster::Cluster;
use flare_diagnostic::{Code, Diagnostic};
use flare_names::Role;
use flare_pod_launch::another_server;
use flare_site_plan::SitePlan;

/// The Deployment of another server in a server's namespace; `None` if the user may not list Deployments.
///
/// # Errors
/// The API server cannot be reached.
pub(crate) async fn find(cluster: &Cluster, plan: &SitePlan) -> Result<Option<String>, Diagnostic> {
    if plan.role == Role::Client {
        return Ok(None);
    }
    match another_server(cluster, plan.namespace.as_str(), plan.names.deployment.as_str()).await {
        Err(fault) if fault.code == Code::PermissionDenied => Ok(None),
        found => found,
    }
}

/// The warning of an installation beside another server. FLARE's launcher writes the startup Secret before each job pod, and a running pod
/// sees what is written: each server's jobs get the keys of whichever started one last.
pub(crate) fn warning(plan: &SitePlan, other: &str) -> Diagnostic {
    let (namespace, secret) = (&plan.namespace, &plan.names.startup_secret);
    let message = format!(
        "the server `{other}` runs in namespace `{namespace}` too, and both servers put the keys of their jobs into the Secret `{secret}`: \
         jobs of one would get the keys of the other"
    );
    Diagnostic::warning(Code::Notice, message).hint(
        "give one of the two a namespace of its own: `namespace` in k8s.yaml; until then let no two of their jobs run at once",
    )
}

//! What an installation would refuse, looked at before the staging for it replaces the kit with which a participant runs.

use flare_cluster::{Cluster, k8s_openapi::api::apps::v1::Deployment};
use flare_diagnostic::{Diagnostic, Faults};
use flare_prepared_kit::{OpenOptions, PreparedKit};
use flare_pvc_stage::staged_fingerprint;
use tokio::time::Instant;

use super::{
    connected::Connected,
    readiness, refuse_what_cannot_work,
    run::{Options, Progress},
    values_of,
};
use crate::{
    context::Context,
    pipeline::{
        helm,
        stage::{Request, late},
    },
    runtime,
};

/// Refuses what the installation of `kit` would refuse once it is staged, as far as that can be known before: it would leave the release with
/// a kit that is not its own. Where no parent runs, or the volume has this kit already, it only looks for Helm.
///
/// # Errors
/// Those of an installation that changes nothing.
pub(crate) fn refuse_before_staging(
    context: &Context<'_>,
    request: &Request<'_>,
    kit: &PreparedKit,
    options: &Options,
) -> Result<(), Faults> {
    let end = Instant::now() + options.limit;
    let look = async {
        let cluster = request.connect(context, options.limit).await?;
        helm::find(context, options.helm.as_deref())?;
        if replaces_a_kit(&cluster, kit).await? { refuse(context, request, options, end).await } else { Ok(()) }
    };
    runtime::block_on(runtime::until(&context.interrupt, end, || late(options.limit), Box::pin(look)))?
}

/// Whether a staging would put the kit in the place of the one with which a parent was started.
async fn replaces_a_kit(cluster: &Cluster, kit: &PreparedKit) -> Result<bool, Diagnostic> {
    let plan = kit.plan();
    if staged_fingerprint(cluster, kit).await?.is_some_and(|staged| staged == kit.fingerprint().to_string()) {
        return Ok(false);
    }
    let deployments = cluster.namespaced::<Deployment>(plan.namespace.as_str());
    Ok(deployments.find(plan.names.deployment.as_str()).await?.is_some())
}

async fn refuse(context: &Context<'_>, request: &Request<'_>, options: &Options, end: Instant) -> Result<(), Faults> {
    let kit = request.open(OpenOptions::default())?.value;
    // What is only a notice is told by the installation.
    request.located(refuse_what_cannot_work(&kit, context.environment.now))?;
    let values = values_of(&kit, options)?;
    let connected = Connected::new(context, request, options, kit).await?;
    let silent: Progress<'_> = &|_| ();
    let run = connected.run(context, options, end, silent);
    Box::pin(readiness::refuse(&run, &values)).await
}

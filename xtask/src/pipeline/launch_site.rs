//! Follows and sweeps the job pods of a site or a namespace.

use std::{path::Path, time::Duration};

use flare_cluster::Access;
use flare_diagnostic::{Checked, Code, Collector, Diagnostic, Faults};
use flare_names::launcher_site;
use flare_pod_launch::{KnownPod, Notice, Orphan, delete_orphans, find_orphans, observe};
use flare_prepared_kit::OpenOptions;

use super::stage::{Request, connect};
use crate::{context::Context, interrupt::interrupted, runtime};

/// The scope: a namespace, or a site in it.
#[derive(Debug)]
pub(crate) struct Scope {
    pub(crate) namespace: String,
    /// The site and its parent's Deployment; `None` for the whole namespace.
    pub(crate) site: Option<(String, String)>,
}

/// The scope of a prepared kit, or of a namespace with this name.
pub(crate) fn scope(prepared: Option<&Path>, namespace: Option<&str>, access: &Access) -> Result<Checked<Scope>, Faults> {
    let mut found = Collector::new();
    let Some(prepared) = prepared else {
        let Some(namespace) = namespace else {
            let fault = Diagnostic::error(Code::InvalidArgs, "neither a prepared kit nor a namespace is given");
            return Err(fault.hint("give PREPARED, or `--namespace` for all job pods of a namespace").into());
        };
        return found.finish(|| Scope { namespace: namespace.to_owned(), site: None });
    };
    let request = Request { prepared, namespace, access: access.clone(), values: Vec::new() };
    let kit = found.require_checked(request.open(OpenOptions { accept_changes: true }))?;
    let plan = kit.plan();
    let site = launcher_site(plan.role, &plan.site).to_owned();
    let scope = Scope { namespace: plan.namespace.to_string(), site: Some((site, plan.names.deployment.to_string())) };
    found.finish(|| scope)
}

/// Follows job pods until the timeout or an interruption. Returns whether it was interrupted.
pub(crate) fn watch(
    context: &Context<'_>,
    access: &Access,
    scope: &Scope,
    limit: Duration,
    tell: impl FnMut(&KnownPod, Notice) + Send,
) -> Result<bool, Faults> {
    runtime::block_on(async {
        let cluster = connect(context, access, limit).await?;
        let site = scope.site.as_ref().map(|(site, _)| site.as_str());
        tokio::select! {
            refused = observe(&cluster, &scope.namespace, site, context.environment.clock(), tell) => refused.map(|()| false).map_err(Faults::from),
            () = tokio::time::sleep(limit) => Ok(false),
            () = runtime::interrupted(&context.interrupt) => Ok(true),
        }
    })?
}

/// Finds orphans, and deletes them on request.
pub(crate) fn sweep(
    context: &Context<'_>,
    access: &Access,
    scope: &Scope,
    limit: Duration,
    delete: bool,
) -> Result<Vec<Orphan>, Faults> {
    runtime::block_on(async {
        let cluster = connect(context, access, limit).await?;
        let work = async {
            let of = scope.site.as_ref().map(|(site, deployment)| (site.as_str(), deployment.as_str()));
            let orphans = find_orphans(&cluster, &scope.namespace, of, context.environment.clock()).await?;
            if delete {
                delete_orphans(&cluster, &scope.namespace, &orphans, limit).await?;
            }
            Ok(orphans)
        };
        tokio::select! {
            orphans = work => orphans,
            () = runtime::interrupted(&context.interrupt) => Err(interrupted().into()),
        }
    })?
}

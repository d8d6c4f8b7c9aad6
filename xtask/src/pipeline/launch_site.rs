//! Follows and sweeps the job pods of a site or a namespace.

use std::{path::Path, time::Duration};

use flare_cluster::Access;
use flare_diagnostic::{Checked, Code, Collector, Diagnostic, Faults};
use flare_names::{ParticipantNames, Role, launcher_site};
use flare_pod_launch::{JobPodMatcher, KnownPod, Listing, Notice, Orphan, delete_orphans, find_orphans, observe};
use flare_prepared_kit::OpenOptions;
use tokio::time::Instant;

use super::stage::{Request, connect, in_cluster};
use crate::{context::Context, runtime};

/// The scope: a namespace, or a participant in it.
#[derive(Debug)]
pub(crate) struct Scope {
    pub(crate) namespace: String,
    /// `None` for the whole namespace.
    participant: Option<Participant>,
}

/// What a prepared kit says of its participant.
#[derive(Debug)]
struct Participant {
    role: Role,
    /// The name under which its parent runs.
    site: String,
    names: ParticipantNames,
}

/// The scope of a prepared kit, or of a namespace with this name.
pub(crate) fn scope(prepared: Option<&Path>, namespace: Option<&str>, access: &Access) -> Result<Checked<Scope>, Faults> {
    let mut found = Collector::new();
    let Some(prepared) = prepared else {
        let Some(namespace) = namespace else {
            let fault = Diagnostic::error(Code::InvalidArgs, "neither a prepared kit nor a namespace is given");
            return Err(fault.hint("give PREPARED, or `--namespace` for all job pods of a namespace").into());
        };
        return found.finish(|| Scope { namespace: namespace.to_owned(), participant: None });
    };
    let request = Request { prepared, namespace, access: access.clone(), values: Vec::new() };
    let kit = found.require_checked(request.open(OpenOptions { accept_changes: true }))?;
    let plan = kit.plan();
    let participant = Participant { role: plan.role, site: plan.site.clone(), names: plan.names.clone() };
    let scope = Scope { namespace: plan.namespace.to_string(), participant: Some(participant) };
    found.finish(|| scope)
}

/// Follows job pods until the timeout or an interruption. Returns whether it was interrupted.
///
/// # Errors
/// What flare-cluster says; `CLUSTER_UNREACHABLE` if the time is over and the pods were never listed, so that nobody knows whether there
/// are any.
pub(crate) fn watch(
    context: &Context<'_>,
    access: &Access,
    scope: &Scope,
    limit: Duration,
    tell: impl FnMut(&KnownPod, Notice) + Send,
) -> Result<bool, Faults> {
    runtime::block_on(async {
        let end = Instant::now() + limit;
        let cluster = connect(context, access, limit).await?;
        let of = scope.participant.as_ref().map(|one| JobPodMatcher::new(one.role, &one.site, &one.names));
        let (now, mut listing) = (context.environment.clock(), Listing::Awaited(None));
        let was_interrupted = tokio::select! {
            refused = observe(&cluster, &scope.namespace, of, now, &mut listing, tell) => return Ok(refused.map(|()| false)?),
            () = tokio::time::sleep_until(end) => false,
            () = runtime::interrupted(&context.interrupt) => true,
        };
        match listing {
            Listing::Awaited(why) if !was_interrupted => Err(unlisted(&scope.namespace, limit, why).into()),
            _ => Ok(was_interrupted),
        }
    })?
}

fn unlisted(namespace: &str, limit: Duration, why: Option<Diagnostic>) -> Diagnostic {
    let reason = why.as_ref().map(|fault| format!(": {}", fault.message)).unwrap_or_default();
    let message = format!("the API server did not list the pods of namespace `{namespace}` within {} s{reason}", limit.as_secs());
    let hint = why.and_then(|fault| fault.hint);
    Diagnostic::error(Code::ClusterUnreachable, message)
        .hint(hint.unwrap_or_else(|| "see whether the cluster still answers, with `kubectl get pods`, and run again".into()))
}

/// What a sweep found.
#[derive(Debug)]
pub(crate) struct Swept {
    pub(crate) orphans: Vec<Orphan>,
    /// Why not all of them were deleted, where they were to be.
    pub(crate) left: Option<Faults>,
}

/// Finds orphans, and deletes them on request.
pub(crate) fn sweep(
    context: &Context<'_>,
    access: &Access,
    scope: &Scope,
    limit: Duration,
    delete: bool,
) -> Result<Swept, Faults> {
    let end = Instant::now() + limit;
    in_cluster(context, access, limit, |cluster| async move {
        let participant = scope.participant.as_ref();
        let of = participant.map(|one| (launcher_site(one.role, &one.site), one.names.deployment.as_str()));
        let orphans = find_orphans(&cluster, &scope.namespace, of, context.environment.clock()).await?;
        if !delete {
            return Ok(Swept { orphans, left: None });
        }
        // Soon enough that its own words about what stays come first.
        let time = end.saturating_duration_since(Instant::now()).saturating_sub(Duration::from_secs(1));
        let left = delete_orphans(&cluster, &scope.namespace, &orphans, time).await.err();
        Ok(Swept { orphans, left })
    })
}

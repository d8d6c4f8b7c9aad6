//! The checks before an installation, and the changes that it would make.

use flare_cluster::{
    Operation,
    k8s_openapi::api::core::v1::{Namespace, Secret},
};
use flare_diagnostic::{Checked, Code, Collector, Diagnostic, Faults};
use flare_doctor::online::{helm_needs, wait_needs};
use flare_federation::Expose;
use flare_helm::{Lock, ReleaseStatus, Revision, Values, last_good};
use flare_pvc_stage::{check_staged, make_namespace};

use super::{
    chart_objects::{ChartObjects, Reference},
    drift, exposure, kept, proven,
    pull_secret::{self, NewSecret},
    run::Run,
};
use crate::pipeline::{microk8s, other_server};

/// The state before an installation.
pub(super) struct Ready {
    /// The objects that Helm renders from chart and values.
    pub(super) objects: ChartObjects,
    /// The revision that an upgrade would create.
    pub(super) next: u64,
    /// The newest existing revision, in any state.
    pub(super) newest: Option<u64>,
    /// Whether the cluster differs from these objects.
    pub(super) changed: bool,
    /// Whether a locked release was freed.
    pub(super) unlocked: bool,
    /// The target of a rollback.
    pub(super) before: Option<Before>,
    pub(super) secret: Option<NewSecret>,
    /// Whether that Secret is missing in the cluster, or has other credentials.
    pub(super) makes_secret: bool,
}

/// The last good state of the release.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Before {
    pub(super) revision: u64,
    /// The fingerprint of the kit with which its parent was started.
    pub(super) fingerprint: Option<String>,
    pub(super) image: String,
}

/// Runs all checks; frees a locked release and creates the namespace if the flags ask for it.
pub(super) async fn look(run: &Run<'_>, values: &Values) -> Result<Checked<Ready>, Faults> {
    let (mut found, chart) = (Collector::new(), run.chart);
    let (offline, secret) = found.require(without_cluster(run, values))?;
    if !found.require(namespace_is_there(run).await)? {
        // Objects of a missing namespace cannot be checked.
        return found.finish(|| Ready {
            objects: offline,
            next: 1,
            newest: None,
            changed: true,
            unlocked: false,
            before: None,
            makes_secret: secret.is_some(),
            secret,
        });
    }
    found.require(run.cluster.check_access(&needed(&offline, run.namespace(), secret.is_some())).await)?;
    let (history, unlocked) = found.require(unlocked_history(run))?;
    let staged = check_staged(run.cluster, run.kit).await;
    found.keep(staged);
    found.keep(can_be_exposed(run).await);
    let other = found.keep(other_server::find(run.cluster, run.kit.plan()).await).flatten();
    found.extend(other.map(|other| other_server::warning(run.kit.plan(), &other)));
    let pulled = pull_secret::check(run.cluster, run.kit.plan(), &offline, secret.as_ref(), &mut found).await;
    found.keep(pulled);
    let makes_secret = match &secret {
        Some(secret) => found.keep(secret.is_to_be_made(run.cluster, run.namespace()).await).unwrap_or_default(),
        None => false,
    };
    if unlocked && run.options.dry_run {
        // Helm renders nothing for a release that is still locked.
        let next = history.last().map_or(1, |last| last.revision + 1);
        let newest = history.last().map(|last| last.revision);
        return found.finish(|| Ready {
            objects: offline,
            next,
            newest,
            changed: true,
            unlocked,
            before: None,
            secret,
            makes_secret,
        });
    }
    let rendered = found.require(run.release(|release| release.render(chart, values)))?;
    let objects = found.require(ChartObjects::read(&rendered.manifest))?;
    let deployed = found.require(deployed(run, &history))?;
    let changed = makes_secret || found.require(is_changed(run, deployed.as_ref(), &objects).await)?;
    if let Some(deployed) = deployed.as_ref().filter(|_| changed) {
        found.require_checked(warn_of_loss(run, deployed.revision, values))?;
    }
    let before = found.require(before(run, &history, deployed).await)?;
    let newest = history.last().map(|last| last.revision);
    found.finish(|| Ready { objects, next: rendered.revision, newest, changed, unlocked, before, secret, makes_secret })
}

/// The objects of chart and values, checked against the kit, and the Secret to create: all that needs no cluster.
fn without_cluster(run: &Run<'_>, values: &Values) -> Result<(ChartObjects, Option<NewSecret>), Faults> {
    let plan = run.kit.plan();
    let objects = ChartObjects::read(&run.release(|release| release.template(run.chart, values)).map_err(refused)?)?;
    objects.check(plan)?;
    let secret = run.options.pull_secret.as_deref().map(|file| pull_secret::of_file(file, plan, objects.image()));
    Ok((objects, secret.transpose()?))
}

/// Runs the checks that need neither a staged kit nor a change: of chart, values, permissions, the release's lock and pull Secrets.
pub(super) async fn refuse(run: &Run<'_>, values: &Values) -> Result<(), Faults> {
    let mut found = Collector::new();
    let (objects, secret) = found.require(without_cluster(run, values))?;
    found.require(run.cluster.check_access(&needed(&objects, run.namespace(), secret.is_some())).await)?;
    let history = found.require(run.release(|release| release.history()))?;
    if let Some(lock) = Lock::of(&history).filter(|_| !run.options.unlock) {
        found.push(lock.diagnostic(run.place));
    }
    let pulled = pull_secret::check(run.cluster, run.kit.plan(), &objects, secret.as_ref(), &mut found).await;
    found.keep(pulled);
    if let Some(secret) = &secret {
        found.keep(secret.is_to_be_made(run.cluster, run.namespace()).await);
    }
    found.finish(|| ()).map(|checked| checked.value)
}

/// A warning for each value of a revision that this upgrade would take away, and that no flag is about.
fn warn_of_loss(run: &Run<'_>, revision: u64, values: &Values) -> Result<Checked<()>, Faults> {
    let mut found = Collector::new();
    let given = run.release(|release| release.values(revision))?;
    let (chart, files) = (run.kit.values()?, kept::of_files(&run.options.values));
    let is_exposed_anew = |key: &str| run.options.expose.is_some() && key != kept::PULL_SECRETS;
    let lost = kept::lost(&given, &chart, |key| is_exposed_anew(key) || kept::sets(&files, &values.settings, key));
    found.extend(lost.iter().map(|one| one.diagnostic(Code::Notice)));
    found.finish(|| ())
}

/// Refuses an exposure for which the cluster lacks something, or that would take from others.
async fn can_be_exposed(run: &Run<'_>) -> Result<(), Diagnostic> {
    let plan = run.kit.plan();
    match run.options.expose {
        Some(Expose::MicroK8s) => microk8s::refuse(run.cluster, plan, &exposure::ports(plan)).await,
        _ => Ok(()),
    }
}

/// The error if a chart cannot be rendered without a cluster: the values are invalid, whatever Helm's exit code is.
fn refused(fault: Diagnostic) -> Diagnostic {
    if fault.code != Code::HelmFailed {
        return fault;
    }
    Diagnostic::error(Code::InvalidValues, fault.message)
        .hint("correct the value that Helm's message names, in your values or in k8s.yaml, and run again")
}

/// Whether the namespace exists or was created; `false` only in a dry run that would create it.
async fn namespace_is_there(run: &Run<'_>) -> Result<bool, Diagnostic> {
    let name = run.namespace();
    if run.options.create_namespace {
        let missing = make_namespace(run.cluster, name, run.options.dry_run).await?;
        return Ok(!(missing && run.options.dry_run));
    }
    match run.cluster.unnamespaced::<Namespace>().find(name).await {
        Ok(None) => Err(Diagnostic::error(Code::ObjectNotFound, format!("there is no namespace `{name}`"))
            .hint("`stage --create-namespace` makes it, and puts the kit there, which has to come first")),
        // An account that may not read namespaces may still have rights in this one.
        Err(fault) if fault.code != Code::PermissionDenied => Err(fault),
        _ => Ok(true),
    }
}

/// The rights that Helm and the wait need. The API server itself checks the rights that a Role grants.
fn needed(objects: &ChartObjects, namespace: &str, makes_secret: bool) -> Vec<Operation> {
    let mut needed: Vec<Operation> = Vec::new();
    for Reference { resource, namespace, .. } in objects.references(namespace) {
        for verb in ["get", "create", "patch"] {
            let operation = Operation::named(verb, &resource.group, &resource.plural, Some(&namespace));
            if !needed.contains(&operation) {
                needed.push(operation);
            }
        }
    }
    needed.extend(helm_needs(namespace));
    needed.extend(makes_secret.then(|| Operation::on::<Secret>("patch", Some(namespace))));
    needed.extend(wait_needs(namespace));
    needed
}

/// The history of an unlocked release, and whether it was freed here: `--unlock` frees a locked one.
pub(super) fn unlocked_history(run: &Run<'_>) -> Result<(Vec<Revision>, bool), Diagnostic> {
    let history = run.release(|release| release.history())?;
    let Some(lock) = Lock::of(&history) else { return Ok((history, false)) };
    if !run.options.unlock {
        return Err(lock.diagnostic(run.place));
    }
    if run.options.dry_run {
        return Ok((history, true));
    }
    (run.progress)("freeing the locked release");
    run.release(|release| release.unlock(&lock))?;
    run.release(|release| release.history()).map(|history| (history, true))
}

/// The objects of a revision.
struct Deployed {
    revision: u64,
    objects: ChartObjects,
}

impl Deployed {
    fn read(run: &Run<'_>, revision: u64) -> Result<Self, Diagnostic> {
        let manifest = run.release(|release| release.manifest(revision))?;
        Ok(Self { revision, objects: ChartObjects::read(&manifest)? })
    }
}

/// The newest revision, if it is deployed.
fn deployed(run: &Run<'_>, history: &[Revision]) -> Result<Option<Deployed>, Diagnostic> {
    let last = history.last().filter(|last| last.status == ReleaseStatus::Deployed);
    last.map(|last| Deployed::read(run, last.revision)).transpose()
}

/// Whether the newest revision or the cluster's objects differ from those that Helm would create.
async fn is_changed(run: &Run<'_>, deployed: Option<&Deployed>, objects: &ChartObjects) -> Result<bool, Diagnostic> {
    // Compared as objects, because Helm 3 and 4 print empty lines in different places.
    if deployed.is_none_or(|deployed| deployed.objects != *objects) {
        return Ok(true);
    }
    drift::is_any(run.cluster, objects, run.namespace()).await
}

/// The revision to go back to: this one, if Helm still has it, otherwise the target of a rollback.
pub(super) async fn earlier(run: &Run<'_>, revision: Option<u64>) -> Result<Option<Before>, Diagnostic> {
    let history = run.release(|release| release.history())?;
    match revision.filter(|revision| history.iter().any(|one| one.revision == *revision)) {
        Some(revision) => Deployed::read(run, revision).map(|deployed| Some(deployed.into())),
        None => before(run, &history, None).await,
    }
}

/// The target of a rollback: the last verified revision if Helm still has it, otherwise the newest deployed one.
pub(super) async fn good<'history>(
    run: &Run<'_>,
    history: &'history [Revision],
) -> Result<Option<&'history Revision>, Diagnostic> {
    let proven = proven::read(run).await?.and_then(|proven| history.iter().find(|one| one.revision == proven.revision));
    Ok(proven.or_else(|| last_good(history)))
}

/// The state of the target of a rollback. `known` is the revision whose objects have already been read.
async fn before(run: &Run<'_>, history: &[Revision], known: Option<Deployed>) -> Result<Option<Before>, Diagnostic> {
    let Some(good) = good(run, history).await?.map(|good| good.revision) else { return Ok(None) };
    let deployed = match known.filter(|known| known.revision == good) {
        Some(known) => known,
        None => Deployed::read(run, good)?,
    };
    Ok(Some(deployed.into()))
}

impl From<Deployed> for Before {
    fn from(Deployed { revision, objects }: Deployed) -> Self {
        Self { revision, fingerprint: objects.fingerprint().map(str::to_owned), image: objects.image().to_owned() }
    }
}

//! Prepared kit → its workspace volume, or a `ConfigMap` and a Secret and the chart's values with their names.

use std::{
    future::Future,
    hash::{BuildHasher as _, Hasher as _, RandomState},
    path::{Path, PathBuf},
    time::Duration,
};

use flare_cluster::{Access, Cluster};
use flare_diagnostic::{Checked, Code, Collector, Diagnostic, Faults};
use flare_prepared_kit::{OpenOptions, PreparedKit, StagedRecord};
use flare_pvc_stage::{KitObjects, ObjectStageOptions, Progress, StagedObjects, StagedVolume, VolumeStageOptions};
use tokio::time::Instant;

use super::{places, values_file};
use crate::{context::Context, runtime};

/// A kit and its cluster.
#[derive(Debug)]
pub(crate) struct Request<'run> {
    /// The absolute path of the prepared directory.
    pub(crate) prepared: &'run Path,
    /// The namespace that the user names.
    pub(crate) namespace: Option<&'run str>,
    /// The cluster that the user names.
    pub(crate) access: Access,
    /// Absolute paths of values files that the release gets in addition to the chart's values.
    pub(crate) values: Vec<PathBuf>,
}

impl Request<'_> {
    /// Opens the kit. The places of its faults are whole paths.
    pub(crate) fn open(&self, options: OpenOptions) -> Result<Checked<PreparedKit>, Faults> {
        let mut found = Collector::new();
        let mut kit = found.require_checked(self.located(PreparedKit::open(self.prepared, options)))?;
        for file in &self.values {
            found.keep(values_file::values_of_file(file)).into_iter().for_each(|values| kit.give_values(values));
        }
        found.require(check_namespace(&kit, self.namespace))?;
        found.finish(|| kit)
    }

    /// The result of work on the kit, with whole paths as the places of its faults.
    pub(crate) fn located<T>(&self, result: Result<Checked<T>, Faults>) -> Result<Checked<T>, Faults> {
        places::below(result, self.prepared)
    }

    /// Connects, as the function of this name.
    pub(crate) async fn connect(&self, context: &Context<'_>, limit: Duration) -> Result<Cluster, Faults> {
        connect(context, &self.access, limit).await
    }

    /// As [`in_cluster`], in the cluster of this request.
    pub(crate) fn in_cluster<T, Work: Future<Output = Result<T, Faults>>>(
        &self,
        context: &Context<'_>,
        limit: Duration,
        work: impl FnOnce(Cluster) -> Work,
    ) -> Result<T, Faults> {
        in_cluster(context, &self.access, limit, work)
    }

    /// Connects, and does work that tidies up: it ends by itself at its limits and at Ctrl-C.
    pub(crate) fn in_cluster_to_its_end<T, Work: Future<Output = Result<T, Faults>>>(
        &self,
        context: &Context<'_>,
        limit: Duration,
        work: impl FnOnce(Cluster) -> Work,
    ) -> Result<T, Faults> {
        let all = async {
            let cluster = self.connect(context, limit).await?;
            Box::pin(work(cluster)).await
        };
        runtime::block_on(all)?
    }
}

/// Connects and does work that leaves nothing to be tidied up. The limit and Ctrl-C end both, also if an API server that accepted the
/// connection falls silent.
pub(crate) fn in_cluster<T, Work: Future<Output = Result<T, Faults>>>(
    context: &Context<'_>,
    access: &Access,
    limit: Duration,
    work: impl FnOnce(Cluster) -> Work,
) -> Result<T, Faults> {
    let end = Instant::now() + limit;
    let all = async {
        let cluster = connect(context, access, limit).await?;
        runtime::until(&context.interrupt, end, || late(limit), Box::pin(work(cluster))).await
    };
    runtime::block_on(all)?
}

/// Connects. Ctrl-C or the deadline may end it.
pub(crate) async fn connect(context: &Context<'_>, access: &Access, limit: Duration) -> Result<Cluster, Faults> {
    let connected = async { Ok(flare_cluster::connect(access, &context.environment.cluster).await?) };
    runtime::until(&context.interrupt, Instant::now() + limit, || unconnected(limit), connected).await
}

/// The fault if nothing of the connection came about for so long: a credential plug-in may hang, or nobody write into a kubeconfig that is a pipe.
fn unconnected(limit: Duration) -> Diagnostic {
    let seconds = limit.as_millis().div_ceil(1000);
    Diagnostic::error(Code::TimedOut, format!("there was no connection to the cluster within {seconds} s")).hint(
        "see whether this machine reaches the cluster, and whether the credential plug-in of the kubeconfig ends if it has one (`kubectl version` uses both); or give it more time with `--timeout`",
    )
}

/// The fault if the cluster leaves work undone for so long.
pub(crate) fn late(limit: Duration) -> Diagnostic {
    let seconds = limit.as_millis().div_ceil(1000);
    Diagnostic::error(Code::TimedOut, format!("the cluster did not give an answer within {seconds} s"))
        .hint("see whether this machine reaches the cluster, or give it more time with `--timeout`")
}

/// Opens the kit, connects and stages it on its volume.
pub(crate) fn on_volume(
    context: &Context<'_>,
    request: &Request<'_>,
    options: &VolumeStageOptions,
    progress: Progress<'_>,
) -> Result<Checked<StagedVolume>, Faults> {
    request
        .open(OpenOptions::default())?
        .and_then(|kit| request.located(runtime::block_on(volume(context, &kit, &request.access, options, progress))?))
}

/// Connects and stages a kit on its volume.
pub(crate) async fn volume(
    context: &Context<'_>,
    kit: &PreparedKit,
    access: &Access,
    options: &VolumeStageOptions,
    progress: Progress<'_>,
) -> Result<Checked<StagedVolume>, Faults> {
    flare_pvc_stage::refuse_staged_objects(kit)?;
    let cluster = connect(context, access, options.deadline).await?;
    let stop = runtime::interrupted(&context.interrupt);
    Box::pin(flare_pvc_stage::stage(&cluster, kit, options, progress, stop)).await
}

/// Opens the kit, connects, stages it as objects, and then writes their names into the chart's values.
pub(crate) fn as_objects(
    context: &Context<'_>,
    request: &Request<'_>,
    options: &ObjectStageOptions,
) -> Result<Checked<(PreparedKit, StagedObjects)>, Faults> {
    request.open(OpenOptions::default())?.and_then(|kit| {
        let staged = runtime::block_on(objects(context, &kit, request.prepared, &request.access, options))?;
        Ok(request.located(staged)?.map(|staged| (kit, staged)))
    })
}

/// Connects, stages the kit of the directory `prepared` as objects, and writes their names into its chart's values.
pub(crate) async fn objects(
    context: &Context<'_>,
    kit: &PreparedKit,
    prepared: &Path,
    access: &Access,
    options: &ObjectStageOptions,
) -> Result<Checked<StagedObjects>, Faults> {
    let mut found = Collector::new();
    // Nothing is sent if the names cannot be recorded.
    found.require(KitObjects::of(kit).and_then(|objects| kit.values_with(Some(&objects.value.record))))?;
    let cluster = found.require(connect(context, access, options.deadline).await)?;
    let stop = runtime::interrupted(&context.interrupt);
    let staged = Box::pin(flare_pvc_stage::stage_objects(&cluster, kit, options, stop)).await;
    let mut staged = found.require_checked(staged)?;
    staged.changed |= found.require(record(kit, prepared, &staged.record, options.dry_run))?;
    found.finish(|| staged)
}

/// Objects that were not sent to a cluster, and what their record in the chart's values changed.
#[derive(Debug)]
pub(crate) struct Rendered {
    pub(crate) kit: PreparedKit,
    pub(crate) objects: KitObjects,
    /// Whether the values name other objects than before.
    pub(crate) changed: bool,
    /// What they named before.
    pub(crate) earlier: Option<StagedRecord>,
}

/// Creates the objects without a cluster, and writes their names into the chart's values.
pub(crate) fn rendered(request: &Request<'_>, dry_run: bool) -> Result<Checked<Rendered>, Faults> {
    let mut found = Collector::new();
    let kit = found.require_checked(request.open(OpenOptions::default()))?;
    let objects = found.require_checked(request.located(KitObjects::of(&kit)))?;
    let earlier = found.require_checked(request.located(kit.staged_record().map(Checked::clean)))?;
    let recorded = record(&kit, request.prepared, &objects.record, dry_run).map(Checked::clean);
    let changed = found.require_checked(request.located(recorded))?;
    found.finish(|| Rendered { kit, objects, changed, earlier })
}

/// Lets the chart's values name again what they named before [`rendered`].
pub(crate) fn take_back_record(prepared: &Path, earlier: Option<&StagedRecord>) -> Result<(), Faults> {
    let opened = PreparedKit::open(prepared, OpenOptions { accept_changes: true });
    let written = opened.and_then(|kit| kit.value.write_record(prepared, earlier));
    written.map(drop).map_err(|faults| places::faults_below(faults, prepared))
}

/// Writes the objects' names into the chart's values. Returns whether that changes them.
fn record(kit: &PreparedKit, prepared: &Path, record: &StagedRecord, dry_run: bool) -> Result<bool, Faults> {
    if dry_run { Ok(kit.staged_record()?.as_ref() != Some(record)) } else { kit.write_record(prepared, Some(record)) }
}

/// Refuses another namespace than the prepared one, in which the launcher creates job pods (defect 14).
fn check_namespace(kit: &PreparedKit, wanted: Option<&str>) -> Result<(), Faults> {
    let prepared = kit.plan().namespace.as_str();
    match wanted.filter(|wanted| *wanted != prepared) {
        None => Ok(()),
        Some(wanted) => {
            Err(Diagnostic::error(Code::InvalidArgs, format!("the kit was prepared for namespace `{prepared}`, not `{wanted}`"))
                .hint("leave `--namespace` out, or set `namespace` in k8s.yaml and prepare the kit again")
                .into())
        }
    }
}

/// A unique id for this run.
pub(crate) fn run_name() -> String {
    format!("{:010x}", RandomState::new().build_hasher().finish() >> 24)
}

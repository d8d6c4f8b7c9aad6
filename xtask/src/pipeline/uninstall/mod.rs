//! Removes a participant from its cluster: release, job pods, Secrets, staged objects. Its claim stays unless its deletion is requested.

mod claim;
mod launched;
mod registry_secrets;
mod removed;

use std::{fmt::Debug, path::PathBuf, task::Poll, time::Duration};

use flare_cluster::{
    Cluster, DeleteOptions, Objects, Selection,
    k8s_openapi::api::core::v1::{PersistentVolumeClaim, Pod, Secret},
};
use flare_diagnostic::{Checked, Code, Collector, Diagnostic, Faults};
use flare_helm::{Helm, ReleaseId, RunLimits};
use flare_names::labels;
use flare_prepared_kit::{OpenOptions, PreparedKit};
use flare_pvc_stage::{ObjectUnstageOptions, VolumeUnstageOptions, unstage_objects, unstage_volume};
use serde::de::DeserializeOwned;
use tokio::time::Instant;

pub(crate) use self::removed::Removed;
use self::{
    launched::Launched,
    registry_secrets::RegistrySecrets,
    removed::{is_interruption, still_there, stopped},
};
use super::{
    helm, microk8s,
    stage::{Request, late, run_name},
};
use crate::{context::Context, interrupt::Interrupt, runtime};

/// How long one run of Helm may take.
const HELM_LIMIT: Duration = Duration::from_mins(2);

/// How long it may take to see what is left after a failure.
const LOOK_LIMIT: Duration = Duration::from_secs(5);

/// How long before the end of the time a wait for pods gives up, so that its own words are heard.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// Options of an uninstallation.
#[derive(Debug, Clone)]
pub(crate) struct Options {
    /// The Helm program, if named.
    pub(crate) helm: Option<PathBuf>,
    /// Also deletes the workspace claim, with all data of the participant.
    pub(crate) delete_claims: bool,
    /// Changes nothing.
    pub(crate) dry_run: bool,
    /// How long the whole uninstallation may take.
    pub(crate) limit: Duration,
}

/// The result of an uninstallation.
#[derive(Debug)]
pub(crate) struct Uninstalled {
    pub(crate) release: String,
    pub(crate) namespace: String,
    /// What was removed, or in a dry run would be.
    pub(crate) removed: Vec<Removed>,
    /// The claim that stays, if it exists.
    pub(crate) claim: Option<String>,
}

/// Removes a participant. `show` is called with everything to remove before anything is removed.
pub(crate) fn uninstall(
    context: &Context<'_>,
    request: &Request<'_>,
    options: &Options,
    show: &(dyn Fn(&[Removed]) + Send + Sync),
) -> Result<Checked<Uninstalled>, Faults> {
    request.located(runtime::block_on(participant(context, request, options, show))?)
}

async fn participant(
    context: &Context<'_>,
    request: &Request<'_>,
    options: &Options,
    show: &(dyn Fn(&[Removed]) + Send + Sync),
) -> Result<Checked<Uninstalled>, Faults> {
    let end = Instant::now() + options.limit;
    let mut found = Collector::new();
    // A kit that was edited since is removed as well.
    let kit = found.require_checked(request.open(OpenOptions { accept_changes: true }))?;
    let helm = found.require(helm::find(context, options.helm.as_deref()))?;
    let cluster = found.require(request.connect(context, options.limit).await)?;
    let place = helm::place(request, &kit, &cluster);
    let removal =
        Removal { kit: &kit, cluster: &cluster, helm: &helm, place: &place, interrupt: &context.interrupt, options, end };
    let there = found.require(removal.in_time(end, removal.look(end)).await)?;
    show(&there.listed);
    let removed = if options.dry_run { Ok(Vec::new()) } else { removal.remove(&there, show).await };
    let launched_since = match removed {
        Ok(launched_since) => launched_since,
        Err(faults) => {
            let left = if is_interruption(&faults) { None } else { Some(removal.left().await) };
            return found.require(Err(faults.after(left.and_then(|left| still_there(left.as_deref())))));
        }
    };
    found.extend(there.launched.notice);
    found.extend(there.registry_secrets.shared);
    if there.objects && !options.dry_run {
        found.require(kit.write_record(request.prepared, None))?;
    }
    let claim = there.claim.filter(|_| !there.deletes_claim).map(|(name, _)| name);
    found.finish(|| Uninstalled {
        release: place.release.clone(),
        namespace: place.namespace.clone(),
        removed: there.listed.into_iter().chain(launched_since).collect(),
        claim,
    })
}

/// The objects of a participant in the cluster.
struct ExistingObjects {
    listed: Vec<Removed>,
    release: bool,
    launched: Launched,
    registry_secrets: RegistrySecrets,
    /// The ports of this server that the ingress of `MicroK8s` forwards.
    forwarded: Vec<String>,
    /// Whether the chart's values name staged objects.
    objects: bool,
    /// The workspace claim with its uid.
    claim: Option<(String, Option<String>)>,
    deletes_claim: bool,
}

struct Removal<'run> {
    kit: &'run PreparedKit,
    cluster: &'run Cluster,
    helm: &'run Helm,
    place: &'run ReleaseId,
    interrupt: &'run Interrupt,
    options: &'run Options,
    end: Instant,
}

impl Removal<'_> {
    fn namespace(&self) -> &str {
        &self.place.namespace
    }

    /// Does work until the end of the time, or Ctrl-C.
    async fn in_time<T>(&self, end: Instant, work: impl Future<Output = Result<T, Faults>>) -> Result<T, Faults> {
        self.told(runtime::until(self.interrupt, end, || late(self.options.limit), Box::pin(work)).await)
    }

    /// What the fault of an interrupted step means for the whole.
    fn told<T>(&self, done: Result<T, Faults>) -> Result<T, Faults> {
        done.map_err(|faults| if is_interruption(&faults) { stopped(self.options.dry_run).into() } else { faults })
    }

    /// Helm's limits: it blocks its thread, so that nothing else can end it.
    fn limits(&self, end: Instant) -> RunLimits<'_> {
        let left = end.saturating_duration_since(Instant::now());
        RunLimits { time: HELM_LIMIT.min(left), stop: self.interrupt.flag() }
    }

    /// What is left after a failure; `None` if that is not known.
    async fn left(&self) -> Option<Vec<Removed>> {
        let end = Instant::now() + LOOK_LIMIT;
        self.in_time(end, self.look(end)).await.ok().map(|left| left.listed)
    }

    /// Finds all objects, and checks the permissions to remove them. A missing namespace has no objects.
    async fn look(&self, end: Instant) -> Result<ExistingObjects, Faults> {
        let plan = self.kit.plan();
        let mut listed = Vec::new();
        let limits = self.limits(end);
        let release = !tokio::task::block_in_place(|| self.helm.release(self.place, limits).history())?.is_empty();
        if release {
            listed.push(Removed { kind: "release".to_owned(), name: self.place.release.clone() });
        }
        let launched = launched::find(self.cluster, plan).await?;
        listed.extend(self::listed(&launched));
        let registry_secrets = registry_secrets::find(self.cluster, plan).await?;
        listed.extend(registry_secrets.own.iter().map(|secret| removed("Secret", &secret.name)));
        let ports = microk8s::forwarded(self.cluster, plan).await?;
        listed.extend(ports.iter().map(|port| removed("ConfigMap entry", port)));
        let objects = self.kit.staged_record()?.is_some();
        for staged in self.unstage(true).await? {
            // A launcher's startup Secret is not among these, so nothing is listed twice.
            listed.push(removed(staged.kind, &staged.name));
        }
        let claims = self.cluster.namespaced::<PersistentVolumeClaim>(self.namespace());
        let claim = claims.find(plan.workspace.claim.as_str()).await?;
        let deletes_claim = self.options.delete_claims && claim.is_some();
        if let Some(claim) = claim.as_ref().filter(|_| deletes_claim) {
            claim::check(self.cluster, self.kit, claim).await?;
            listed.push(removed("PersistentVolumeClaim", plan.workspace.claim.as_str()));
        }
        let claim = claim.map(|claim| (plan.workspace.claim.to_string(), claim.metadata.uid));
        Ok(ExistingObjects { listed, release, launched, registry_secrets, forwarded: ports, objects, claim, deletes_claim })
    }

    /// Removes everything, beginning with what creates other objects. Returns what the parent launched after the first look.
    async fn remove(&self, there: &ExistingObjects, show: &(dyn Fn(&[Removed]) + Send + Sync)) -> Result<Vec<Removed>, Faults> {
        let launched_since = self.in_time(self.end, self.remove_release(there, show)).await?;
        // It ends by itself at the end of its time and at Ctrl-C, and gives its lock back.
        self.told(self.unstage(false).await)?;
        if let Some((name, uid)) = there.claim.as_ref().filter(|_| there.deletes_claim) {
            let claims = self.cluster.namespaced::<PersistentVolumeClaim>(self.namespace());
            let claim = launched::Seen { name: name.clone(), uid: uid.clone() };
            self.in_time(self.end, async { Ok(delete(&claims, &claim).await?) }).await?;
        }
        Ok(launched_since)
    }

    /// Removes the release, and what its parent launched.
    async fn remove_release(
        &self,
        there: &ExistingObjects,
        show: &(dyn Fn(&[Removed]) + Send + Sync),
    ) -> Result<Vec<Removed>, Faults> {
        if !there.forwarded.is_empty() {
            microk8s::withdraw(self.cluster, self.kit.plan()).await?;
        }
        if there.release {
            let limits = self.limits(self.end);
            tokio::task::block_in_place(|| self.helm.release(self.place, limits).uninstall())?;
        }
        self.parent_is_gone().await?;
        // The parent could launch jobs until then.
        let since = there.launched.only_in(launched::find(self.cluster, self.kit.plan()).await?);
        let listed = listed(&since);
        if !listed.is_empty() {
            show(&listed);
        }
        for pod in there.launched.pods.iter().chain(&since.pods) {
            delete(&self.cluster.namespaced::<Pod>(self.namespace()), pod).await?;
        }
        for secret in there.launched.secrets.iter().chain(&since.secrets).chain(&there.registry_secrets.own) {
            delete(&self.cluster.namespaced::<Secret>(self.namespace()), secret).await?;
        }
        Ok(listed)
    }

    /// Removes staged objects, and what stagings left around the volume. The kit stays on the volume.
    async fn unstage(&self, dry_run: bool) -> Result<Vec<flare_pvc_stage::Removed>, Faults> {
        let deadline = self.end.saturating_duration_since(Instant::now());
        let stop = || runtime::interrupted(self.interrupt);
        let objects = ObjectUnstageOptions { superseded: false, release_goes: true, dry_run, deadline };
        let mut removed = Box::pin(unstage_objects(self.cluster, self.kit, &objects, stop())).await?.value.removed;
        let keep_note = !self.options.delete_claims;
        let volume = VolumeUnstageOptions { remove_kit: false, keep_note, image: None, dry_run, deadline, run: run_name() };
        removed.extend(Box::pin(unstage_volume(self.cluster, self.kit, &volume, stop())).await?.value.removed);
        Ok(removed)
    }

    /// Waits until the parent has no pods: a running one launches jobs and mounts what is removed next.
    async fn parent_is_gone(&self) -> Result<(), Diagnostic> {
        let pods = self.cluster.namespaced::<Pod>(self.namespace());
        let deployment = &self.kit.plan().names.deployment;
        let selection = Selection::labelled(labels::selector(&[(labels::NAME, deployment.as_str())]));
        let mut left = None;
        let none = |pods: &[&Pod]| {
            left = pods.first().and_then(|pod| pod.metadata.name.clone());
            if left.is_none() { Poll::Ready(Ok(())) } else { Poll::Pending }
        };
        let limit = self.end.saturating_duration_since(Instant::now() + LAST_WORDS);
        let ended = pods.wait_for_all(&selection, limit, "the end of the parent's pods", none).await;
        match (ended, left) {
            (Err(fault), Some(pod)) if fault.code == Code::TimedOut => {
                Err(Diagnostic::error(Code::TimedOut, format!("the parent's pod `{pod}` does not end"))
                    .hint("see why with `kubectl describe pod`, then run the same command again; what is left is removed then"))
            }
            (ended, _) => ended,
        }
    }
}

/// Deletes an object if it still has the same uid.
async fn delete<K: Clone + DeserializeOwned + Debug>(objects: &Objects<K>, seen: &launched::Seen) -> Result<(), Diagnostic> {
    let deletion = DeleteOptions { uid: seen.uid.clone(), ..DeleteOptions::default() };
    objects.delete(&seen.name, &deletion).await.map(|_| ())
}

/// What was launched, as it is listed.
fn listed(launched: &Launched) -> Vec<Removed> {
    let pods = launched.pods.iter().map(|pod| removed("Pod", &pod.name));
    pods.chain(launched.secrets.iter().map(|secret| removed("Secret", &secret.name))).collect()
}

fn removed(kind: &str, name: &str) -> Removed {
    Removed { kind: kind.to_owned(), name: name.to_owned() }
}

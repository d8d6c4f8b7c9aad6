//! `stage`: writes a prepared kit onto its workspace volume.

use std::{future::Future, time::Duration};

use flare_cluster::{
    Cluster, Operation,
    k8s_openapi::api::core::v1::{Namespace, PersistentVolumeClaim, ServiceAccount},
};
use flare_diagnostic::{Checked, Code, Diagnostic, Faults};
use flare_prepared_kit::PreparedKit;
use tokio::join;

use crate::{
    KitOwner, Progress, Repair, Shipment,
    answer::{self, Answer},
    claim::{self, NewClaim, Note, Waiting},
    helper_pod::Mount,
    holders,
    objects::refuse_claim_of_others,
    parent,
    run::{ON_THE_VOLUME, Resources, Run, RunOptions},
};

/// Options of a staging.
#[derive(Debug, Clone)]
#[allow(clippy::struct_excessive_bools, reason = "independent switches")]
pub struct VolumeStageOptions {
    /// Creates the namespace if it is missing.
    pub create_namespace: bool,
    /// Creates the claim if it is missing.
    pub create_claim: Option<NewClaim>,
    /// The image of the helper pod, if not the parent's.
    pub image: Option<String>,
    /// Puts back the kit that the last staging replaced, instead of staging.
    pub rollback: bool,
    /// Scales a running parent down before the staging and up afterwards. Otherwise a running parent is refused.
    pub restart: bool,
    /// Stages even if the claim says that this kit is already there.
    pub again: bool,
    /// Moves kits at the wrong level to their place, or aside.
    pub repair: bool,
    /// Changes nothing.
    pub dry_run: bool,
    /// How long the whole staging may take.
    pub deadline: Duration,
    /// The unique id of this run: lower-case letters and digits.
    pub run: String,
}

/// What was done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StagedVolume {
    /// Namespace of the claim.
    pub namespace: String,
    /// The claim.
    pub claim: String,
    /// The number of files in the kit that was staged or put back; `None` if a rollback is only tried, since only the volume knows.
    pub files: Option<usize>,
    /// Their total size in bytes.
    pub bytes: Option<u64>,
    /// The kit's fingerprint; empty if it is not known.
    pub fingerprint: String,
    /// Whether anything was changed, or with `dry_run` would be changed.
    pub changed: bool,
    /// Whether the claim was created, or with `dry_run` would be.
    pub claim_created: bool,
    /// Each path at the wrong level, and its new path.
    pub moved: Vec<(String, String)>,
}

/// Stages a prepared kit. `progress` is called as data are sent; `stop` ends it early; what was created for the run is always removed.
///
/// # Errors
/// Every missing permission, before anything is changed; `OUTPUT_STAGED` for a kit whose chart mounts staged objects;
/// `CLAIM_NOT_USABLE`, `CLAIM_IN_USE`, `STAGE_LOCKED`, `VOLUME_NOT_OURS`, `OBJECT_NOT_OURS`, `STAGE_FAILED`, `TIMED_OUT`, `INTERRUPTED`,
/// and the errors of flare-cluster.
pub async fn stage(
    cluster: &Cluster,
    kit: &PreparedKit,
    options: &VolumeStageOptions,
    progress: Progress<'_>,
    stop: impl Future<Output = ()>,
) -> Result<Checked<StagedVolume>, Faults> {
    refuse_staged_objects(kit)?;
    let repair = options.repair.then_some(if options.again { Repair::AndStage } else { Repair::Only });
    let shipment = Shipment::of(kit)?.with_repair(repair);
    let image = options.image.as_deref();
    let (leaves, deadline) = (ON_THE_VOLUME, options.deadline);
    let run_options = RunOptions { verb: "stage", what: "staging", leaves, image, deadline, id: &options.run };
    let staging =
        Staging { run: Run::new(cluster, kit, &run_options)?, kit, owner: KitOwner::of(kit), options, shipment, progress };
    staging.run.carry_out(stop, async |held| Box::pin(staging.all(held)).await).await
}

struct Staging<'run> {
    run: Run<'run>,
    kit: &'run PreparedKit,
    owner: KitOwner,
    options: &'run VolumeStageOptions,
    shipment: Shipment<'run>,
    progress: Progress<'run>,
}

impl Staging<'_> {
    async fn all(&self, held: &mut Resources) -> Result<Checked<StagedVolume>, Faults> {
        let (run, options) = (&self.run, self.options);
        let (cluster, namespace, claim) = (run.cluster, run.namespace.as_str(), run.claim.as_str());
        self.check_access().await?;
        if options.create_namespace && claim::make_namespace(cluster, namespace, options.dry_run).await? {
            if options.dry_run {
                // In a missing namespace nothing can be tried.
                return Ok(Checked::clean(self.staged(true, options.create_claim.is_some())));
            }
            held.created.push(format!("the namespace `{namespace}`"));
        }
        refuse_claim_of_others(cluster, namespace, claim, &self.owner).await?;
        let waiting = if options.restart { Waiting::Accepted } else { Waiting::Refused };
        let (found, created) =
            claim::find_or_make(cluster, namespace, claim, options.create_claim.as_ref(), waiting, options.dry_run).await?;
        held.created.extend(created.then(|| format!("the claim `{claim}`")));
        let staged = self.staged(self.changes(&found)?, created);
        if !staged.changed && !self.may_restore_parent().await? {
            return Ok(self.unchanged(staged).await);
        }
        if !options.restart {
            holders::refuse(cluster, namespace, claim, holders::RESTART).await?;
        }
        if options.dry_run {
            return Ok(Checked { value: staged, warnings: run.would_restart(options.restart).await?.into_iter().collect() });
        }
        run.lock(held).await?;
        // Another run may have staged the same kit, or another participant's, while this one waited for the lock.
        if !self.changes(&claim::find(cluster, namespace, claim).await?)? {
            if options.restart {
                run.restore_parent(held).await?;
            }
            return Ok(self.unchanged(StagedVolume { changed: false, ..staged }).await);
        }
        self.exchange(held, staged).await
    }

    /// Whether there is something to do, by the claim's note. A claim with another participant's kit is refused.
    fn changes(&self, found: &PersistentVolumeClaim) -> Result<bool, Diagnostic> {
        if let Note::Other(other) = claim::noted(found, &self.owner) {
            return Err(claim::not_ours(&self.run.claim, &other));
        }
        let VolumeStageOptions { again, rollback, repair, .. } = *self.options;
        Ok(again || rollback || repair || !claim::holds(found, &self.owner, &self.kit.fingerprint().to_string()))
    }

    /// Exchanges the kit on the volume, under the lock.
    async fn exchange(&self, held: &mut Resources, staged: StagedVolume) -> Result<Checked<StagedVolume>, Faults> {
        let (run, owner, claim) = (&self.run, &self.owner, self.run.claim.as_str());
        run.free_claim(held, self.options.restart).await?;
        run.clear_pods().await?;
        let printed = Box::pin(self.in_volume(held)).await?;
        run.note_again(held, owner, &printed).await?;
        if self.options.rollback {
            let back = Answer::rolled_back(&printed, claim)?;
            run.note(held, back.fingerprint.as_deref().map(|fingerprint| (owner, fingerprint))).await?;
            let warnings = answer::left_over(&back.stays, claim).into_iter().collect();
            let (files, bytes, fingerprint) = (Some(back.files), Some(back.bytes), back.fingerprint.unwrap_or_default());
            return Ok(Checked { value: StagedVolume { files, bytes, fingerprint, ..staged }, warnings });
        }
        let answer = Answer::staged(&printed, claim)?;
        run.note(held, Some((owner, &staged.fingerprint))).await?;
        let mut warnings: Vec<_> = warnings(&answer, claim).collect();
        warnings.extend(self.parent_left_down().await);
        let changed = answer.staged || !answer.moved.is_empty();
        Ok(Checked { value: StagedVolume { changed, moved: answer.moved, ..staged }, warnings })
    }

    /// The result if the kit is there already.
    async fn unchanged(&self, staged: StagedVolume) -> Checked<StagedVolume> {
        Checked { value: staged, warnings: self.parent_left_down().await.into_iter().collect() }
    }

    /// Whether a killed run may have left the parent down. Only the lock tells it from one that is at work.
    async fn may_restore_parent(&self) -> Result<bool, Diagnostic> {
        let VolumeStageOptions { restart, dry_run, .. } = *self.options;
        Ok(restart && !dry_run && self.run.parent_is_noted().await?)
    }

    /// With `--restart`, it is scaled up at the end of the run.
    async fn parent_left_down(&self) -> Option<Diagnostic> {
        if self.options.restart { None } else { self.run.parent_left_down().await }
    }

    fn staged(&self, changed: bool, claim_created: bool) -> StagedVolume {
        // A rollback puts back another kit.
        let given = (!self.options.rollback).then_some(&self.shipment);
        StagedVolume {
            namespace: self.run.namespace.clone(),
            claim: self.run.claim.clone(),
            files: given.map(Shipment::files),
            bytes: given.map(Shipment::bytes),
            fingerprint: given.map(|_| self.kit.fingerprint().to_string()).unwrap_or_default(),
            changed,
            claim_created,
            moved: Vec::new(),
        }
    }

    /// An error for every missing permission. If programs in pods are forbidden, the hint names the objects mode.
    async fn check_access(&self) -> Result<(), Faults> {
        let cluster = self.run.cluster;
        let exec = Operation::exec(&self.run.namespace);
        let mut needed = self.needed();
        needed.retain(|operation| !exec.contains(operation));
        let (other, exec) = Box::pin(async { join!(cluster.check_access(&needed), cluster.check_access(&exec)) }).await;
        match (other, exec.map_err(|faults| faults.map(name_objects_mode))) {
            (Err(other), Err(exec)) => Err(other.and(exec)),
            (other, exec) => other.and(exec),
        }
    }

    /// Every permission that a staging needs, as the README lists them.
    fn needed(&self) -> Vec<Operation> {
        let namespace = Some(self.run.namespace.as_str());
        let mut needed = self.run.needed();
        needed.push(Operation::on::<PersistentVolumeClaim>("patch", namespace));
        if self.options.restart {
            needed.extend(parent::needed(&self.run.namespace));
        }
        if self.options.create_claim.is_some() {
            needed.push(Operation::on::<PersistentVolumeClaim>("create", namespace));
        }
        if self.options.create_namespace {
            needed.extend(["get", "create", "patch"].map(|verb| Operation::on::<Namespace>(verb, None)));
            needed.extend(["list", "watch"].map(|verb| Operation::on::<ServiceAccount>(verb, namespace)));
        }
        needed
    }

    /// Runs the volume's program in a helper pod and returns its answer.
    async fn in_volume(&self, held: &mut Resources) -> Result<Vec<u8>, Diagnostic> {
        Box::pin(self.run.start_pod(held, &Mount::default())).await?;
        self.run.note(held, None).await?;
        let nothing = Shipment::rollback(self.owner.clone());
        let shipment = if self.options.rollback { &nothing } else { &self.shipment };
        let request = shipment.request(&self.options.run);
        self.run.ask(request, shipment.body(self.progress), shipment.bytes()).await
    }
}

/// Adds the hint that a cluster which forbids programs in pods can have the kit as objects.
fn name_objects_mode(fault: Diagnostic) -> Diagnostic {
    if fault.code != Code::PermissionDenied {
        return fault;
    }
    let hint = fault.hint.clone().unwrap_or_default();
    fault.hint(format!("stage with `--mode objects`, which runs no program in a pod; or {hint}"))
}

/// Refuses a kit that is staged as objects: its chart mounts them over the volume, so a kit on the volume would not be read. Needs no
/// cluster, so it can be called before connecting to one.
///
/// # Errors
/// `OUTPUT_STAGED`; `INVALID_PREPARED_KIT` if the chart's values cannot be read.
pub fn refuse_staged_objects(kit: &PreparedKit) -> Result<(), Faults> {
    if kit.staged_record()?.is_none() {
        return Ok(());
    }
    let message = "the kit is staged as objects, which its chart mounts in place of what is on the volume";
    Err(Diagnostic::error(Code::OutputStaged, message)
        .hint("stage it with `--mode objects`, or unstage it first (`unstage --offline` if its objects were only rendered)")
        .into())
}

fn warnings(answer: &answer::StageAnswer, claim: &str) -> impl Iterator<Item = Diagnostic> {
    let misplaced = answer.misplaced.iter().map(move |path| {
        Diagnostic::warning(
            Code::Notice,
            format!("`{path}` on the volume of claim `{claim}` is a kit at the wrong level, which no parent reads"),
        )
        .hint("`stage --repair` moves it to where it belongs or, where a kit stands there, to what is kept of earlier kits")
    });
    let recovered = answer.recovered.then(|| {
        Diagnostic::warning(
            Code::Notice,
            format!("an earlier staging of claim `{claim}` had been cut off; it was finished first"),
        )
        .hint("nothing is left to do")
    });
    recovered.into_iter().chain(answer::left_over(&answer.stays, claim)).chain(misplaced)
}

#[cfg(test)]
mod tests;

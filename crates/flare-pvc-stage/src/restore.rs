//! `restore`: writes a backup back onto a workspace volume.

use std::{
    fs::File,
    future::Future,
    path::{Path, PathBuf},
    pin::pin,
    time::Duration,
};

use flare_cluster::{Cluster, Operation, k8s_openapi::api::core::v1::PersistentVolumeClaim};
use flare_diagnostic::{Checked, Code, Collector, Diagnostic, Faults};
use flare_prepared_kit::PreparedKit;
use tokio::{select, task::spawn_blocking};

use crate::{
    KitOwner,
    answer::{left_over, listed, read},
    archive::{self, Line, PathBytes, Verified},
    claim,
    contents::DataKind,
    helper_pod::Mount,
    holders,
    objects::refuse_claim_of_others,
    outgoing::{Answer, Outgoing, Selected},
    parent,
    progress::Progress,
    run::{ON_THE_VOLUME, Resources, Run, RunOptions, interrupted},
};

/// Options of a restore.
#[derive(Debug, Clone)]
#[allow(clippy::struct_excessive_bools, reason = "independent switches")]
pub struct RestoreOptions {
    /// What is restored from the backup.
    pub what: Vec<DataKind>,
    /// Also restores the kit, if the backup contains it.
    pub keys: bool,
    /// Replaces existing data, which are kept aside until the next such restore.
    pub replace: bool,
    /// The image of the helper pod, if not the parent's.
    pub image: Option<String>,
    /// Scales a running parent down before the restore and up afterwards. Otherwise a running parent is refused.
    pub restart: bool,
    /// Changes nothing.
    pub dry_run: bool,
    /// How long the work in the cluster may take.
    pub deadline: Duration,
    /// The unique id of this run: lower-case letters and digits.
    pub run: String,
}

/// What was restored, or with `dry_run` would be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restored {
    /// Namespace of the claim.
    pub namespace: String,
    /// The claim.
    pub claim: String,
    /// The backup.
    pub file: PathBuf,
    /// The number of files.
    pub files: u64,
    /// Their total size in bytes.
    pub bytes: u64,
    /// The directories and files that were replaced as a whole.
    pub items: Vec<String>,
    /// Those of them that existed before.
    pub replaced: Vec<String>,
}

/// Restores a backup. `stop` ends it early: then the volume is unchanged, or the next run of any verb finishes the swap.
///
/// # Errors
/// `INVALID_BACKUP` and, for another participant's backup, `VOLUME_NOT_OURS` before anything in the cluster is changed; every missing
/// permission; `CLAIM_NOT_USABLE`, `CLAIM_IN_USE`, `STAGE_LOCKED`, `OBJECT_NOT_OURS`, `VOLUME_OCCUPIED`, `RESTORE_FAILED`, `TIMED_OUT`,
/// `INTERRUPTED`, and the errors of flare-cluster.
pub async fn restore(
    cluster: &Cluster,
    kit: &PreparedKit,
    file: &Path,
    options: &RestoreOptions,
    progress: Progress<'_>,
    stop: impl Future<Output = ()>,
) -> Result<Checked<Restored>, Faults> {
    let image = options.image.as_deref();
    let (leaves, deadline) = (ON_THE_VOLUME, options.deadline);
    let run_options = RunOptions { verb: "restore", what: "restore", leaves, image, deadline, id: &options.run };
    let run = Run::new(cluster, kit, &run_options)?;
    let mut stop = pin!(stop);
    let archive = archive::open(file)?;
    let chosen = select! {
        chosen = choose(file, &archive, options) => chosen?,
        () = stop.as_mut() => return Err(interrupted("restore", ON_THE_VOLUME[0]).into()),
    };
    let owner = KitOwner::of(kit);
    check_owner(&chosen.verified, &owner, file)?;
    let restoring = Restoring { run, owner, file, archive, chosen, options };
    Box::pin(restoring.run.carry_out(stop, async |held| Box::pin(restoring.all(held, progress)).await)).await
}

/// Refuses a file that is not a backup, without reading all of it. Needs no cluster, so it can be called before connecting to one.
///
/// # Errors
/// `INVALID_ARGS` if it cannot be opened, `INVALID_BACKUP`.
pub fn check_is_backup(file: &Path) -> Result<(), Diagnostic> {
    archive::has_manifest(file, &archive::open(file)?)
}

/// A valid backup, and what is restored from it.
struct Chosen {
    verified: Verified,
    selected: Selected,
    /// Whether the backup contains a kit that is not restored.
    kit_left: bool,
}

async fn choose(path: &Path, file: &File, options: &RestoreOptions) -> Result<Chosen, Diagnostic> {
    let unreadable = |_| Diagnostic::error(Code::InvalidArgs, "the backup cannot be opened a second time");
    let (file, path, options) = (file.try_clone().map_err(unreadable)?, path.to_owned(), options.clone());
    let reading = spawn_blocking(move || {
        let (mut selected, mut kit_left) = (Selected::default(), false);
        let verified = archive::verify(&path, &file, |line| {
            if let Line::Item { path, what } = line {
                let is_kit = path.0 == b"local" || path.0.split(|byte| *byte == b'/').next() == Some(b"startup");
                kit_left |= is_kit && !options.keys;
                let wanted = options.what.iter().any(|wanted| *wanted == DataKind::All || wanted.as_str() == what);
                selected.item(path, wanted && (options.keys || !is_kit));
            }
            selected.count(line);
            Ok(())
        })?;
        if selected.items.is_empty() {
            let wanted = options.what.iter().map(|what| format!("`{what}`")).collect::<Vec<_>>().join(", ");
            return Err(Diagnostic::error(Code::InvalidArgs, format!("the backup holds nothing of {wanted}"))
                .hint("`tar tf` lists what it holds; `--what` chooses, `--with-keys` puts back the kit")
                .at(path.as_path()));
        }
        Ok(Chosen { verified, selected, kit_left })
    });
    reading.await.map_err(|_| Diagnostic::error(Code::Internal, "the reading of the backup ended by itself"))?
}

/// Refuses another participant's backup.
fn check_owner(verified: &Verified, owner: &KitOwner, file: &Path) -> Result<(), Diagnostic> {
    let theirs = &verified.head.owner;
    if theirs == owner {
        return Ok(());
    }
    let project = |owner: &KitOwner| owner.project.as_ref().map(|project| format!(" of project `{project}`")).unwrap_or_default();
    let message = format!(
        "`{}` is a backup of the {} `{}`{}, and the kit is that of the {} `{}`{}",
        file.display(),
        theirs.role,
        theirs.participant,
        project(theirs),
        owner.role,
        owner.participant,
        project(owner)
    );
    Err(Diagnostic::error(Code::VolumeNotOurs, message)
        .hint("give the prepared kit of the participant whose backup it is")
        .at(file))
}

struct Restoring<'run> {
    run: Run<'run>,
    owner: KitOwner,
    file: &'run Path,
    archive: File,
    chosen: Chosen,
    options: &'run RestoreOptions,
}

impl Restoring<'_> {
    async fn all(&self, held: &mut Resources, progress: Progress<'_>) -> Result<Checked<Restored>, Faults> {
        let (run, options) = (&self.run, self.options);
        let (cluster, namespace, claim) = (run.cluster, run.namespace.as_str(), run.claim.as_str());
        cluster.check_access(&self.needed()).await?;
        claim::find_own(cluster, namespace, claim, &self.owner).await?;
        refuse_claim_of_others(cluster, namespace, claim, &self.owner).await?;
        if !options.restart {
            holders::refuse(cluster, namespace, claim, holders::RESTART).await?;
        }
        if options.dry_run {
            let mut warnings = self.warned(&[]);
            warnings.extend(run.would_restart(options.restart).await?);
            return warnings.finish(|| self.restored(Vec::new()));
        }
        run.lock(held).await?;
        // Another participant may have staged its kit while this run waited for the lock.
        claim::find_own(cluster, namespace, claim, &self.owner).await?;
        run.free_claim(held, options.restart).await?;
        run.clear_pods().await?;
        Box::pin(run.start_pod(held, &Mount::default())).await?;
        if self.with_kit() {
            run.note(held, None).await?;
        }
        let outgoing = Outgoing { path: self.file, file: &self.archive, selected: &self.chosen.selected };
        let request = outgoing.request(&options.run, &self.owner, options.keys, options.replace);
        let printed = Box::pin(outgoing.send(run, request, progress)).await?;
        if self.with_kit() {
            run.note_again(held, &self.owner, &printed).await?;
        }
        let Answer { replaced, recovered, stays } = read(&printed, claim, Code::RestoreFailed)?;
        let mut warnings = self.warned(&replaced);
        warnings.extend(left_over(&stays, claim));
        if recovered {
            let message = format!("an earlier run on claim `{claim}` had been cut off; it was finished first");
            warnings.push(Diagnostic::warning(Code::Notice, message).hint("nothing is left to do"));
        }
        warnings.finish(|| self.restored(replaced))
    }

    fn with_kit(&self) -> bool {
        self.chosen.selected.items.iter().any(|item| matches!(item.0.as_slice(), b"startup" | b"local"))
    }

    /// Every permission that a restore needs, as the README lists them.
    fn needed(&self) -> Vec<Operation> {
        let namespace = Some(self.run.namespace.as_str());
        let mut needed = self.run.needed();
        if self.with_kit() {
            needed.push(Operation::on::<PersistentVolumeClaim>("patch", namespace));
        }
        if self.options.restart {
            needed.extend(parent::needed(&self.run.namespace));
        }
        needed
    }

    fn restored(&self, replaced: Vec<String>) -> Restored {
        let selected = &self.chosen.selected;
        Restored {
            namespace: self.run.namespace.clone(),
            claim: self.run.claim.clone(),
            file: self.file.to_owned(),
            files: selected.total.files,
            bytes: selected.total.bytes,
            items: selected.items.iter().map(PathBytes::shown).collect(),
            replaced,
        }
    }

    fn warned(&self, replaced: &[String]) -> Collector {
        let mut warnings = Collector::new();
        if !replaced.is_empty() {
            let names = listed(&replaced[..replaced.len().min(5)], replaced.len());
            let message = format!("what stood in the place of {names} is kept in `.flare-kube-replaced` on the volume");
            let hint = "remove it once nothing in it is needed; the next restore with `--replace` takes its place";
            warnings.push(Diagnostic::warning(Code::Notice, message).hint(hint));
        }
        if self.chosen.kit_left {
            let message = "the backup holds a kit, which is not put back";
            warnings.push(
                Diagnostic::warning(Code::Notice, message)
                    .hint("`stage` puts the prepared kit there; `--with-keys` takes that of the backup"),
            );
        }
        warnings
    }
}

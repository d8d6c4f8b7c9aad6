//! `backup`: saves a parent's data from its workspace volume into one local file.

use std::{
    fs::File,
    future::Future,
    path::{Path, PathBuf},
    pin::pin,
    time::Duration,
};

use flare_cluster::{Cluster, Input};
use flare_diagnostic::{Checked, Code, Collector, Diagnostic, Faults};
use flare_file_tree::{Destination, Digest, NewFile};
use flare_prepared_kit::PreparedKit;
use serde_json::json;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, duplex},
    join, select,
    task::spawn_blocking,
};

use crate::{
    KitOwner, VOLUME_PROGRAM,
    archive::{self, ArchiveWriter, FORMAT_VERSION, Head, Line, Total},
    claim,
    contents::{Contents, DataKind},
    helper_pod::Mount,
    holders,
    incoming::{self, Received, Stop, not_written},
    objects::refuse_claim_of_others,
    parent,
    progress::{ON_THE_WAY, Progress},
    run::{Resources, Run, RunOptions, interrupted},
};

/// Options of a backup.
#[derive(Debug, Clone)]
#[allow(clippy::struct_excessive_bools, reason = "independent switches")]
pub struct BackupOptions {
    /// What is saved.
    pub what: Vec<DataKind>,
    /// Also saves private keys and the kit. Only the user may then read the file.
    pub keys: bool,
    /// Replaces an existing file.
    pub force: bool,
    /// The image of the helper pod, if not the parent's.
    pub image: Option<String>,
    /// Scales a running parent down before the backup and up afterwards. Otherwise its data are saved while it runs.
    pub restart: bool,
    /// Changes nothing.
    pub dry_run: bool,
    /// How long the work in the cluster may take.
    pub deadline: Duration,
    /// The unique id of this run: lower-case letters and digits.
    pub run: String,
}

/// What a backup leaves if it is interrupted, at any time: it never changes the volume.
const LEAVES: &str = "no file was written";

/// What was saved, or with `dry_run` would be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Backup {
    /// Namespace of the claim.
    pub namespace: String,
    /// The claim.
    pub claim: String,
    /// The file.
    pub file: PathBuf,
    /// The number of files in it.
    pub files: u64,
    /// Their total size in bytes.
    pub bytes: u64,
    /// SHA-256 of the whole file; `None` with `dry_run`.
    pub sha256: Option<String>,
}

/// Saves the data on a workspace volume. `stop` ends it early: then there is no file, or still the previous one.
///
/// Each file's SHA-256 is computed on the volume and again here, and the whole backup is read back before it gets its name.
///
/// # Errors
/// `INVALID_ARGS` if the file may not be written; every missing permission; `CLAIM_NOT_USABLE`, `CLAIM_IN_USE`, `STAGE_LOCKED`,
/// `VOLUME_NOT_OURS`, `OBJECT_NOT_OURS`, `BACKUP_FAILED`, `TIMED_OUT`, `INTERRUPTED`, and the errors of flare-cluster.
pub async fn backup(
    cluster: &Cluster,
    kit: &PreparedKit,
    file: &Path,
    options: &BackupOptions,
    progress: Progress<'_>,
    stop: impl Future<Output = ()>,
) -> Result<Checked<Backup>, Faults> {
    let image = options.image.as_deref();
    let (leaves, deadline) = ([LEAVES; 2], options.deadline);
    let run_options = RunOptions { verb: "backup", what: "backup", leaves, image, deadline, id: &options.run };
    let contents = Contents::of(kit);
    let saving = Saving { run: Run::new(cluster, kit, &run_options)?, owner: KitOwner::of(kit), contents, file, options };
    let mut stop = pin!(stop);
    let mut found = Collector::new();
    let work = async |held: &mut Resources| Box::pin(saving.all(held, progress)).await;
    let streamed = found.require_checked(Box::pin(saving.run.carry_out(stop.as_mut(), work)).await)?;
    let nothing = Backup {
        namespace: saving.run.namespace.clone(),
        claim: saving.run.claim.clone(),
        file: file.to_owned(),
        files: 0,
        bytes: 0,
        sha256: None,
    };
    let Some((new, total)) = streamed else { return found.finish(|| nothing) };
    let ended = select! {
        ended = read_back(file, new, total) => ended,
        () = stop => Err(interrupted("backup", LEAVES)),
    };
    let sha256 = found.require(ended)?;
    found.finish(|| Backup { files: total.files, bytes: total.bytes, sha256: Some(sha256), ..nothing })
}

/// Refuses a file that may not be written. Needs no cluster, so it can be called before connecting to one.
///
/// # Errors
/// `INVALID_ARGS`.
pub fn check_new_backup(file: &Path, options: &BackupOptions) -> Result<(), Diagnostic> {
    begin(file, options).map(drop)
}

fn begin(file: &Path, options: &BackupOptions) -> Result<NewFile, Diagnostic> {
    let hint = "name a file in a directory that is there and may be written to";
    let failed = |error: flare_file_tree::DiskError| error.into_diagnostic_or(Code::InvalidArgs, hint);
    let refused = |message: String, hint: &str| Err(Diagnostic::error(Code::InvalidArgs, message).hint(hint).at(file));
    match Destination::inspect(file).map_err(failed)? {
        Destination::Directory | Destination::EmptyDirectory => {
            return refused(format!("`{}` is a directory", file.display()), "name a file in it, which `backup` then makes");
        }
        Destination::File | Destination::Other if !options.force => {
            let message = format!("there is something at `{}` already", file.display());
            return refused(message, "name another file, or pass `--force` to replace it");
        }
        Destination::Absent | Destination::File | Destination::Other => {}
    }
    NewFile::begin(file, if options.keys { 0o600 } else { 0o666 }, options.force).map_err(failed)
}

struct Saving<'run> {
    run: Run<'run>,
    owner: KitOwner,
    contents: Contents,
    file: &'run Path,
    options: &'run BackupOptions,
}

impl Saving<'_> {
    async fn all(&self, held: &mut Resources, progress: Progress<'_>) -> Result<Checked<Option<(NewFile, Total)>>, Faults> {
        let (run, options) = (&self.run, self.options);
        let (cluster, namespace, claim) = (run.cluster, run.namespace.as_str(), run.claim.as_str());
        let new = begin(self.file, self.options)?;
        let mut needed = run.needed();
        if options.restart {
            needed.extend(parent::needed(namespace));
        }
        cluster.check_access(&needed).await?;
        let found = claim::find_own(cluster, namespace, claim, &self.owner).await?;
        refuse_claim_of_others(cluster, namespace, claim, &self.owner).await?;
        let mut warnings = Collector::new();
        warnings.extend(self.contents.not_on_the_volume(&options.what));
        if options.dry_run {
            if !options.restart {
                holders::node(cluster, namespace, claim, &found).await?;
            }
            warnings.extend(run.would_restart(options.restart).await?);
            return warnings.finish(|| None);
        }
        run.lock(held).await?;
        // Another participant may have staged its kit while this run waited for the lock.
        let mounted = claim::find_own(cluster, namespace, claim, &self.owner).await?;
        let node = if options.restart {
            run.stop_parent(held).await?;
            None
        } else {
            holders::node(cluster, namespace, claim, &mounted).await?
        };
        run.clear_pods().await?;
        Box::pin(run.start_pod(held, &Mount { read_only: true, node })).await?;
        let mut archive = ArchiveWriter::begin(new).map_err(not_written)?;
        archive.line(&Line::Backup(self.head())).map_err(not_written)?;
        let received = Box::pin(self.stream(&mut archive, progress)).await?;
        received.warn(&options.what, &mut warnings);
        if options.keys {
            let message = format!("`{}` holds private keys; only you may read it", self.file.display());
            warnings.push(Diagnostic::warning(Code::Notice, message).hint("keep it as carefully as the kit itself"));
        }
        let finished = archive.finish().map_err(not_written)?;
        warnings.finish(|| Some(finished))
    }

    fn head(&self) -> Head {
        Head {
            format_version: FORMAT_VERSION,
            flare_kube: env!("CARGO_PKG_VERSION").to_owned(),
            owner: self.owner.clone(),
            namespace: self.run.namespace.clone(),
            claim: self.run.claim.clone(),
            keys: self.options.keys,
        }
    }

    /// Lets the volume's program send everything.
    async fn stream(&self, archive: &mut ArchiveWriter, progress: Progress<'_>) -> Result<Received, Diagnostic> {
        let what = self.contents.wanted(&self.options.what);
        let request =
            json!({"verb": "backup", "id": self.options.run, "owner": self.owner, "what": what, "keys": self.options.keys});
        let request = request.to_string().into_bytes();
        let input = [VOLUME_PROGRAM.as_bytes(), &request].concat();
        let exec = self.run.program(request.len());
        let (ours, theirs) = duplex(ON_THE_WAY);
        // The program waits until it reads one more byte: output from just before its end could be lost although it succeeded.
        let (mut acknowledging, acknowledged) = duplex(1);
        let length = input.len() as u64 + 1;
        let receiving = async {
            let received = incoming::receive(ours, archive, &self.contents, &self.run.claim, progress).await;
            if received.is_ok() {
                let _ = acknowledging.write_all(b"\n").await;
            }
            drop(acknowledging);
            received
        };
        let (received, ended) =
            join!(receiving, exec.run(self.run.cluster, Input::Sized(input.as_slice().chain(acknowledged), length), theirs));
        match received {
            Ok(received) => ended?.success(&exec).map(|()| received),
            Err(Stop::Fault(fault)) => Err(fault),
            Err(Stop::Cut) => {
                ended?.success(&exec)?;
                Err(Diagnostic::error(Code::BackupFailed, "the stream from the volume ended early")
                    .hint("no file was written: run the same command again"))
            }
        }
    }
}

/// Writes the whole file to the disk, reads it back and gives it its name; returns its SHA-256.
async fn read_back(path: &Path, new: NewFile, total: Total) -> Result<String, Diagnostic> {
    // The file itself stays here, so that it is removed if this is ended while the other thread still reads.
    let again = new.file().try_clone().map_err(|error| not_written(new.failed(error)))?;
    let shown = path.to_owned();
    let reading = spawn_blocking(move || {
        // What is read back before may be only in memory.
        again.sync_all()?;
        Ok(digest_of_whole(&shown, &again))
    });
    let read = reading.await.map_err(|_| Diagnostic::error(Code::Internal, "the reading back ended by itself"))?;
    let (found, digest) = read.map_err(|error| not_written(new.failed(error)))??;
    if found != total {
        return Err(Diagnostic::error(Code::BackupFailed, format!("`{}` is not what was written to it", path.display()))
            .hint("look after the disk that it is on, or name a file on another one"));
    }
    new.commit().map_err(not_written)?;
    Ok(digest.to_string())
}

/// Compares the file with its manifest; returns what is in it and its SHA-256.
fn digest_of_whole(path: &Path, file: &File) -> Result<(Total, Digest), Diagnostic> {
    let verified = archive::verify(path, file, |_| Ok(()))?;
    let digest = archive::digest_of(file)
        .map_err(|_| Diagnostic::error(Code::BackupFailed, format!("`{}` cannot be read back", path.display())))?;
    Ok((verified.total, digest))
}

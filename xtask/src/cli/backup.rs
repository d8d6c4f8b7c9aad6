//! `backup`: what a parent made, from its workspace volume into a file here.

use std::path::PathBuf;

use flare_pvc_stage::BackupOptions;
use serde_json::json;

use super::arguments::ClusterArguments;
use crate::{
    context::Context,
    output::{Outcome, VerbResult, printable},
    pipeline::{backup, stage::run_name},
};

/// Save what a parent made on its workspace volume into one file here: whole and read back, or not at all.
///
/// The file is an ordinary tar with a manifest in it. Each file's SHA-256 is taken on the volume and again here, and the whole is
/// read back before it gets its name; a run that is cut off leaves no file. The volume is only read, while the parent runs or not.
///
/// `startup/`, `local/` and private keys (`*.key`, `*.pem`, `*.p12`, `*.pfx`) are not saved unless `--with-keys` asks for them.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The prepared kit: an output of `prepare`.
    #[arg(value_name = "PREPARED")]
    prepared: PathBuf,
    /// The file to write.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// What is saved; where each stands follows from the kit's `local/`.
    #[arg(long, value_name = "WHAT", value_delimiter = ',', default_value = "all")]
    what: Vec<What>,
    /// Save the kit and private keys as well; then only you may read the file.
    #[arg(long)]
    with_keys: bool,
    /// Replace a file that is there.
    #[arg(long)]
    force: bool,
    /// Scale a running parent down before, and up again afterwards, so that nothing changes meanwhile.
    #[arg(long)]
    restart: bool,
    /// The image of the helper pod; it needs Python 3.8 [default: the parent's].
    #[arg(long, value_name = "IMAGE")]
    helper_image: Option<String>,
    #[command(flatten)]
    cluster: ClusterArguments,
}

/// Something that a parent keeps on its volume.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
pub(super) enum What {
    /// What admins uploaded and downloaded.
    Transfer,
    /// The job store, with the results of all jobs.
    Jobs,
    /// The snapshots from which a server takes jobs up again.
    Snapshots,
    /// The parent's logs.
    Logs,
    /// Everything but the kit.
    All,
}

impl From<What> for flare_pvc_stage::What {
    fn from(what: What) -> Self {
        match what {
            What::Transfer => Self::Transfer,
            What::Jobs => Self::Jobs,
            What::Snapshots => Self::Snapshots,
            What::Logs => Self::Logs,
            What::All => Self::All,
        }
    }
}

/// Saves and says how much it was.
pub(crate) fn run(context: &Context<'_>, arguments: &Arguments) -> VerbResult {
    let cluster = &arguments.cluster;
    let prepared = context.environment.absolute(&arguments.prepared)?;
    let file = context.environment.absolute(&arguments.file)?;
    let options = BackupOptions {
        what: arguments.what.iter().copied().map(Into::into).collect(),
        keys: arguments.with_keys,
        force: arguments.force,
        image: arguments.helper_image.clone(),
        restart: arguments.restart,
        dry_run: cluster.dry_run,
        deadline: cluster.time_limit(),
        run: run_name(),
    };
    context.step(|| format!("saving the volume of {} to {}", prepared.display(), file.display()));
    let bar = context.transfer();
    let request = cluster.request(&prepared);
    let saved = backup::backup(context, &request, &file, &options, &|files, bytes| bar.show(files, bytes));
    bar.end();
    let saved = saved?;
    let what: Vec<_> = options.what.iter().map(|what| what.as_str()).collect();
    let (backup, warnings) = (saved.value, saved.warnings);
    let shown = backup.file.to_string_lossy();
    let mut data = json!({"file": shown, "files": backup.files, "bytes": backup.bytes, "sha256": backup.sha256,
        "namespace": backup.namespace, "claim": backup.claim, "what": what, "with_keys": options.keys});
    let (namespace, claim) = (&backup.namespace, &backup.claim);
    let shown = printable(&shown);
    let Some(sha256) = &backup.sha256 else {
        data["dry_run"] = json!(true);
        let what = what.join(", ");
        return Ok(Outcome {
            data,
            text: format!("would save {what} of claim {claim} in namespace {namespace} to {shown}\n"),
            warnings,
        });
    };
    let text = format!(
        "saved {} files ({} bytes) of claim {claim} in namespace {namespace} to {shown}, SHA-256 {sha256}\n",
        backup.files, backup.bytes
    );
    Ok(Outcome { data, text, warnings })
}

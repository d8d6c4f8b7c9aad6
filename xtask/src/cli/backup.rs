//! `backup`: saves a parent's data from its workspace volume into a local file.

use flare_pvc_stage::BackupOptions;
use serde_json::json;

use super::saved::SavedArguments;
use crate::{
    context::Context,
    output::{Outcome, VerbResult, printable},
    pipeline::{backup, stage::run_name},
};

/// Save a parent's data from its workspace volume into one local file: complete and verified, or not at all
///
/// The file is an ordinary tar file with a manifest. Each file's SHA-256 is computed on the volume and again here, and the result is
/// read back before it gets its name; an interrupted run leaves no file. The volume is only read, whether or not the parent runs.
///
/// `startup/`, `local/` and private keys (`*.key`, `*.pem`, `*.p12`, `*.pfx`, `*.tenseal`, and any file that begins with one) are saved
/// only with `--with-keys`; such a file is readable only by you. Where each kind of data is on the volume follows from the kit's `local/`.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Replace an existing file.
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    saved: SavedArguments,
}

/// Saves the data and prints the amount.
pub(crate) fn run(context: &Context<'_>, arguments: &Arguments) -> VerbResult {
    let saved = &arguments.saved;
    let (prepared, file) = saved.paths(context)?;
    let options = BackupOptions {
        what: saved.what(),
        keys: saved.with_keys,
        force: arguments.force,
        image: saved.helper.image.helper_image.clone(),
        restart: saved.helper.restart,
        dry_run: saved.cluster.dry_run,
        deadline: saved.cluster.time_limit(),
        run: run_name(),
    };
    context.step(|| format!("saving the volume of {} to {}", prepared.display(), file.display()));
    let bar = context.transfer();
    let request = saved.request(context, &prepared)?;
    let ended = backup::backup(context, &request, &file, &options, &|files, bytes| bar.show(files, bytes));
    bar.end();
    let ended = ended?;
    let what: Vec<_> = options.what.iter().map(|what| what.as_str()).collect();
    let (backup, warnings) = (ended.value, ended.warnings);
    let shown = backup.file.to_string_lossy();
    let mut data = json!({"file": shown, "files": backup.files, "bytes": backup.bytes, "sha256": backup.sha256,
        "namespace": backup.namespace, "claim": backup.claim, "what": what, "with_keys": options.keys});
    let (namespace, claim) = (&backup.namespace, &backup.claim);
    let shown = printable(&shown);
    let Some(sha256) = &backup.sha256 else {
        data["dry_run"] = json!(true);
        // Only the volume knows.
        for unknown in ["files", "bytes"] {
            data[unknown] = json!(null);
        }
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

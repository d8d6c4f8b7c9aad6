//! `stage`: puts a prepared kit onto its workspace volume, or into a `ConfigMap` and a Secret.

use std::path::{Path, PathBuf};

use flare_diagnostic::{Code, Diagnostic};
use flare_prepared_kit::PreparedKit;
use flare_pvc_stage::{StagedObjects, StagedVolume};
use serde_json::json;

use super::{
    arguments::{CLAIM_SIZE, ClusterArguments, FederationArguments, StagingMode},
    stage_federation,
    staging::{StagingArguments, done, made_claim, note_dry_run, object_data, volume_data},
};
use crate::{
    context::Context,
    output::{Outcome, VerbResult, documents, printable},
    pipeline::{
        prepare::helm_command,
        stage::{self, Rendered, Request},
    },
};

/// Put a prepared kit onto its parent's volume: verified there and swapped as a whole, or not at all
///
/// A helper pod with the parent's image mounts the claim; every file is compared on the volume before the old `startup/` and `local/`
/// are replaced by rename. Everything else on the volume stays. A second run without changes starts no pod. The next run finishes or
/// undoes an interrupted one.
///
/// A running parent is refused, or with `--restart` scaled down and up again. The kit of another participant is never replaced.
///
/// `--mode objects` creates a ConfigMap from `local/` and a Secret from `startup/` instead, names them in the chart's values, and needs no
/// program in a pod. A changed kit gets new objects, so a parent that restarts meanwhile still mounts its own; `unstage --superseded`
/// removes earlier ones. `--render` prints the objects for a repository that another tool applies; no cluster is needed. The chart's values
/// name them then, until `unstage --offline`.
///
/// `--federation` stages every participant of a federation.yaml, each into the cluster of its `kubeconfig` and `context`. All prepared
/// kits are checked before the first is sent; if one fails, the others are staged nevertheless.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The prepared kit: an output of `prepare`.
    #[arg(value_name = "PREPARED", required_unless_present_any = ["federation", "prepared_directory"])]
    prepared: Option<PathBuf>,
    #[command(flatten)]
    federation: FederationArguments,
    #[command(flatten)]
    staging: StagingArguments,
    /// Print the objects of `--mode objects` as YAML instead of sending them. The Secret contains private keys: encrypt it before you commit
    /// it.
    #[arg(long, conflicts_with_all = ["create_namespace", CLAIM_SIZE, "storage_class", "access_mode", "federation", "prepared_directory"])]
    render: bool,
    #[command(flatten)]
    cluster: ClusterArguments,
}

impl Arguments {
    /// Whether its result is Kubernetes objects.
    pub(crate) fn prints_objects(&self) -> bool {
        self.render
    }
}

/// Stages the kit and prints what was done.
pub(crate) fn run(context: &Context<'_>, arguments: &Arguments) -> VerbResult {
    let (cluster, staging) = (&arguments.cluster, &arguments.staging);
    if let Some(file) = &arguments.federation.federation {
        return stage_federation::run(context, file, &arguments.federation, staging, cluster);
    }
    let prepared = context.environment.absolute(arguments.prepared.as_deref().unwrap_or(Path::new("")))?;
    let request = Request { values: staging.helper.values(context)?, ..cluster.request(&prepared) };
    context.step(|| format!("staging {}", prepared.display()));
    let (mode, dry_run) = (staging.place.mode(), cluster.dry_run);
    if arguments.render {
        return render(context, &request, staging, cluster);
    }
    if mode == StagingMode::Objects {
        let staged = stage::as_objects(context, &request, &staging.object_options(cluster)?)?;
        let (kit, objects) = staged.value;
        return Ok(Outcome { warnings: staged.warnings, ..of_objects(&prepared, &kit, &objects, dry_run) });
    }
    let bar = context.transfer();
    let staged = stage::on_volume(context, &request, &staging.options(cluster), &|files, bytes| bar.show(files, bytes));
    bar.end();
    let staged = staged?;
    Ok(Outcome { warnings: staged.warnings, ..of_volume(&staged.value, staging.rollback, dry_run) })
}

fn of_volume(staged: &StagedVolume, rollback: bool, dry_run: bool) -> Outcome {
    let mut data = volume_data(staged);
    note_dry_run(&mut data, dry_run);
    let moved = staged.moved.iter().map(|(from, to)| format!("moved {} to {}\n", printable(from), printable(to)));
    let (claim, namespace) = (&staged.claim, &staged.namespace);
    let text = if rollback && dry_run {
        format!("would put the earlier kit back on claim {claim} in namespace {namespace}, if its volume keeps one\n")
    } else if rollback {
        let fingerprint = if staged.fingerprint.is_empty() { "not known" } else { &staged.fingerprint };
        format!("the earlier kit is back on claim {claim} in namespace {namespace}, fingerprint {fingerprint}\n")
    } else {
        let (what, fingerprint) = (done(dry_run, staged.changed), &staged.fingerprint);
        let (files, bytes) = (staged.files.unwrap_or_default(), staged.bytes.unwrap_or_default());
        format!("{what} {files} files ({bytes} bytes) on claim {claim} in namespace {namespace}, fingerprint {fingerprint}\n")
    };
    let made = made_claim(staged.claim_created, dry_run, claim, namespace);
    let text = std::iter::once(made).chain(moved).chain([text]).collect();
    Outcome { data, text, ..Outcome::default() }
}

fn of_objects(prepared: &Path, kit: &PreparedKit, staged: &StagedObjects, dry_run: bool) -> Outcome {
    let helm_command = helm_command(kit.plan(), &prepared.join(PreparedKit::chart_path()));
    let mut data = object_data(staged);
    data["helm_command"] = json!(helm_command);
    note_dry_run(&mut data, dry_run);
    let (what, files, bytes) = (done(dry_run, staged.changed), staged.files, staged.bytes);
    let [config_map, secret] = &staged.objects;
    let mut text = made_claim(staged.claim_created, dry_run, kit.plan().workspace.claim.as_str(), &staged.namespace);
    text.push_str(&format!(
        "{what} {files} files ({bytes} bytes) as ConfigMap {} and Secret {} in namespace {}, fingerprint {}\n",
        config_map.name, secret.name, staged.namespace, staged.fingerprint
    ));
    if !dry_run {
        text.push_str(&format!("the chart's values name them; next: {helm_command}\n"));
    }
    Outcome { data, text, ..Outcome::default() }
}

/// Prints the objects including the Secret's data, which the user asked for.
fn render(context: &Context<'_>, request: &Request<'_>, staging: &StagingArguments, cluster: &ClusterArguments) -> VerbResult {
    if staging.place.mode == Some(StagingMode::Pvc) {
        let fault = Diagnostic::error(Code::InvalidArgs, "`--render` prints objects, and `--mode pvc` makes none");
        return Err(fault.hint("leave `--mode` out, or give `--mode objects`").into());
    }
    staging.object_options(cluster)?;
    let rendered = stage::rendered(request, cluster.dry_run)?;
    let (Rendered { kit, objects, changed, earlier }, mut warnings) = (rendered.value, rendered.warnings);
    if changed && !cluster.dry_run {
        let prepared = request.prepared.to_owned();
        context.unprinted.plan(move || stage::take_back_record(&prepared, earlier.as_ref()));
    }
    let secret = objects.record.secret.clone().unwrap_or_default();
    let message = format!("the Secret `{secret}` on stdout holds the kit's private keys");
    warnings.push(Diagnostic::warning(Code::Notice, message).hint("encrypt it before it is committed; a Secret is only base64"));
    let manifests = objects.manifests();
    let mut data = json!({"namespace": kit.plan().namespace, "objects": manifests, "files": objects.files, "bytes": objects.bytes,
        "fingerprint": kit.fingerprint().to_string(), "changed": changed,
        "helm_command": helm_command(kit.plan(), &request.prepared.join(PreparedKit::chart_path()))});
    note_dry_run(&mut data, cluster.dry_run);
    Ok(Outcome { data, text: documents(&manifests), warnings })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a rollback puts back is not the given kit.
    #[test]
    fn a_rollback_that_is_only_tried_does_not_claim_to_stage_the_kit() {
        let (namespace, claim, fingerprint) = ("fl".to_owned(), "nvflws".to_owned(), "f1".to_owned());
        let (changed, claim_created, moved) = (true, false, Vec::new());
        let (files, bytes) = (Some(3), Some(9));
        let staged = StagedVolume { namespace, claim, files, bytes, fingerprint, changed, claim_created, moved };
        let text = |rollback, dry_run| of_volume(&staged, rollback, dry_run).text;
        let creating = StagedVolume { claim_created: true, ..staged.clone() };
        let said = of_volume(&creating, false, true).text;
        assert!(said.starts_with("would create claim nvflws in namespace fl\nwould stage 3 files"), "{said}");
        assert!(text(false, true).starts_with("would stage 3 files (9 bytes) on claim nvflws"), "{}", text(false, true));
        let tried = "would put the earlier kit back on claim nvflws in namespace fl, if its volume keeps one\n";
        assert_eq!(text(true, true), tried);
        assert!(text(true, false).starts_with("the earlier kit is back on claim nvflws"), "{}", text(true, false));
        let unknown = StagedVolume { files: None, bytes: None, fingerprint: String::new(), ..staged.clone() };
        let data = of_volume(&unknown, true, true).data;
        assert_eq!([&data["files"], &data["bytes"], &data["fingerprint"]], [&json!(null); 3], "{data}");
    }
}

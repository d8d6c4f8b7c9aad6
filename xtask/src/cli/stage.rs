//! `stage`: a prepared kit onto its workspace volume, or into a `ConfigMap` and a Secret.

use std::path::{Path, PathBuf};

use flare_diagnostic::{Code, Diagnostic};
use flare_prepared_kit::PreparedKit;
use flare_pvc_stage::{NewClaim, ObjectOptions, Options, Staged, StagedObjects};
use serde_json::{Value, json};

use super::{
    arguments::{ClusterArguments, StagingMode},
    stage_federation::{self, FederationArguments},
};
use crate::{
    context::Context,
    output::{Outcome, VerbResult, documents},
    pipeline::{
        prepare::helm_command,
        stage::{self, Request},
    },
};

/// Put a prepared kit where its parent finds it: verified there and exchanged as a whole, or not at all.
///
/// A helper pod with the parent's own image mounts the claim; every file is compared on the volume before the old `startup/` and
/// `local/` are exchanged by rename. Everything else on the volume stays. A second run with nothing to change starts no pod. A run that
/// was cut off is finished or undone by the next one.
///
/// A parent that runs is refused, or with `--restart` scaled down and up again. The kit of another participant is never replaced.
///
/// `--mode objects` makes a ConfigMap of `local/` and a Secret of `startup/` instead, names them in the chart's values, and needs no
/// program in a pod. A kit that changed gets new objects, so a parent that restarts meanwhile still mounts its own; `unstage --superseded`
/// removes earlier ones. `--render` prints the objects for a repository that another tool applies; no cluster is needed.
///
/// `--federation` stages every participant of a federation.yaml, each into the cluster that its `kubeconfig` and `context` name. All
/// prepared kits are checked before the first is sent; one that fails does not keep the others from their places.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The prepared kit: an output of `prepare`.
    #[arg(value_name = "PREPARED", required_unless_present = "federation")]
    prepared: Option<PathBuf>,
    #[command(flatten)]
    federation: FederationArguments,
    #[command(flatten)]
    staging: StagingArguments,
    /// Print the objects of `--mode objects` as YAML in place of sending them. The Secret holds private keys: encrypt it before it is
    /// committed.
    #[arg(long, conflicts_with_all = ["create_namespace", "create_pvc", "federation"])]
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

/// What is made for a kit, and how: shared by the verbs that stage.
#[derive(Debug, Clone, clap::Args)]
#[allow(clippy::struct_excessive_bools, reason = "independent switches of a command line")]
pub(crate) struct StagingArguments {
    /// Where the kit is put [default: pvc].
    #[arg(long, value_enum, value_name = "MODE")]
    mode: Option<StagingMode>,
    /// Create the namespace where it is missing.
    #[arg(long)]
    create_namespace: bool,
    /// Create the workspace claim with this size where it is missing.
    #[arg(long, value_name = "SIZE", num_args = 0..=1, default_missing_value = "10Gi")]
    create_pvc: Option<String>,
    /// Storage class of a claim that is created; an empty one for a volume that was made before [default: the cluster's].
    #[arg(long, value_name = "CLASS", requires = "create_pvc")]
    storage_class: Option<String>,
    /// Access mode of a claim that is created.
    #[arg(long, value_name = "MODE", requires = "create_pvc", default_value = "ReadWriteOnce",
        value_parser = ["ReadWriteOnce", "ReadWriteMany", "ReadWriteOncePod"])]
    access_mode: String,
    /// The image of the helper pod; it needs Python 3.8 [default: the parent's].
    #[arg(long, value_name = "IMAGE")]
    helper_image: Option<String>,
    /// Scale a running parent down before, and up again afterwards.
    #[arg(long)]
    restart: bool,
    /// Put back the kit that the last staging replaced; that one is kept in its place.
    #[arg(long, conflicts_with_all = ["again", "create_pvc", "create_namespace"])]
    rollback: bool,
    /// Stage even where the claim says that this very kit is there already.
    #[arg(long)]
    again: bool,
}

impl StagingArguments {
    /// The options of the staging.
    pub(crate) fn options(&self, cluster: &ClusterArguments) -> Options {
        Options {
            create_namespace: self.create_namespace,
            create_claim: self.new_claim(),
            image: self.helper_image.clone(),
            rollback: self.rollback,
            restart: self.restart,
            again: self.again,
            dry_run: cluster.dry_run,
            deadline: cluster.time_limit(),
            run: stage::run_name(),
        }
    }

    /// Where the kits are put.
    pub(super) fn mode(&self) -> StagingMode {
        self.mode.unwrap_or(StagingMode::Pvc)
    }

    /// The options of a staging as objects.
    ///
    /// # Errors
    /// `INVALID_ARGS` for flags that have a meaning on a volume alone.
    pub(super) fn object_options(&self, cluster: &ClusterArguments) -> Result<ObjectOptions, Diagnostic> {
        let of_volumes = [
            ("--helper-image", self.helper_image.is_some()),
            ("--restart", self.restart),
            ("--rollback", self.rollback),
            ("--again", self.again),
        ];
        if let Some((flag, _)) = of_volumes.iter().find(|(_, given)| *given) {
            return Err(Diagnostic::error(
                Code::InvalidArgs,
                format!("`{flag}` has no meaning for a kit that is staged as objects"),
            )
            .hint("leave it out; a release is taken back by `helm rollback`, which names its own objects"));
        }
        Ok(ObjectOptions {
            create_namespace: self.create_namespace,
            create_claim: self.new_claim(),
            dry_run: cluster.dry_run,
            deadline: cluster.time_limit(),
        })
    }

    fn new_claim(&self) -> Option<NewClaim> {
        self.create_pvc.as_ref().map(|size| NewClaim {
            size: size.clone(),
            storage_class: self.storage_class.clone(),
            access_mode: self.access_mode.clone(),
        })
    }
}

/// Stages and says what was done.
pub(crate) fn run(context: &Context<'_>, arguments: &Arguments) -> VerbResult {
    let (cluster, staging) = (&arguments.cluster, &arguments.staging);
    if let Some(file) = &arguments.federation.federation {
        return stage_federation::run(context, file, &arguments.federation, staging, cluster);
    }
    let prepared = context.environment.absolute(arguments.prepared.as_deref().unwrap_or(Path::new("")))?;
    let request = Request { prepared: &prepared, namespace: cluster.namespace.as_deref(), access: cluster.access() };
    context.step(|| format!("staging {}", prepared.display()));
    let (mode, dry_run) = (staging.mode(), cluster.dry_run);
    if arguments.render {
        return render(&request, staging, cluster);
    }
    if mode == StagingMode::Objects {
        let staged = stage::as_objects(context, &request, &staging.object_options(cluster)?)?;
        let (kit, objects) = staged.value;
        return Ok(of_objects(&prepared, &kit, &objects, dry_run, staged.warnings));
    }
    let staged = stage::on_volume(context, &request, &staging.options(cluster))?;
    Ok(of_volume(&staged.value, staging.rollback, dry_run, staged.warnings))
}

pub(super) fn volume_data(staged: &Staged) -> Value {
    json!({"namespace": staged.namespace, "claim": staged.claim, "files": staged.files, "bytes": staged.bytes,
        "fingerprint": staged.fingerprint, "changed": staged.changed, "claim_created": staged.claim_created})
}

pub(super) fn object_data(staged: &StagedObjects) -> Value {
    json!({"namespace": staged.namespace, "objects": staged.objects, "files": staged.files, "bytes": staged.bytes,
        "fingerprint": staged.fingerprint, "changed": staged.changed, "claim_created": staged.claim_created})
}

fn of_volume(staged: &Staged, rollback: bool, dry_run: bool, warnings: Vec<Diagnostic>) -> Outcome {
    let mut data = volume_data(staged);
    note_dry_run(&mut data, dry_run);
    let (claim, namespace) = (&staged.claim, &staged.namespace);
    let text = if rollback && !dry_run {
        let fingerprint = if staged.fingerprint.is_empty() { "not known" } else { &staged.fingerprint };
        format!("the earlier kit is back on claim {claim} in namespace {namespace}, fingerprint {fingerprint}\n")
    } else {
        let (what, files, bytes) = (done(dry_run, staged.changed), staged.files, staged.bytes);
        let fingerprint = &staged.fingerprint;
        format!("{what} {files} files ({bytes} bytes) on claim {claim} in namespace {namespace}, fingerprint {fingerprint}\n")
    };
    Outcome { data, text, warnings }
}

fn of_objects(prepared: &Path, kit: &PreparedKit, staged: &StagedObjects, dry_run: bool, warnings: Vec<Diagnostic>) -> Outcome {
    let helm_command = helm_command(kit.plan(), &prepared.join(PreparedKit::chart_path()));
    let mut data = object_data(staged);
    data["helm_command"] = json!(helm_command);
    note_dry_run(&mut data, dry_run);
    let (what, files, bytes) = (done(dry_run, staged.changed), staged.files, staged.bytes);
    let [config_map, secret] = &staged.objects;
    let mut text = format!(
        "{what} {files} files ({bytes} bytes) as ConfigMap {} and Secret {} in namespace {}, fingerprint {}\n",
        config_map.name, secret.name, staged.namespace, staged.fingerprint
    );
    if !dry_run {
        text.push_str(&format!("the chart's values name them; next: {helm_command}\n"));
    }
    Outcome { data, text, warnings }
}

/// Prints the objects; the Secret's data too, which is the one thing that is asked for.
fn render(request: &Request<'_>, staging: &StagingArguments, cluster: &ClusterArguments) -> VerbResult {
    if staging.mode == Some(StagingMode::Pvc) {
        let fault = Diagnostic::error(Code::InvalidArgs, "`--render` prints objects, and `--mode pvc` makes none");
        return Err(fault.hint("leave `--mode` out, or give `--mode objects`").into());
    }
    staging.object_options(cluster)?;
    let rendered = stage::rendered(request, cluster.dry_run)?;
    let ((kit, objects), mut warnings) = (rendered.value, rendered.warnings);
    let secret = objects.record.secret.clone().unwrap_or_default();
    let message = format!("the Secret `{secret}` on stdout holds the kit's private keys");
    warnings.push(Diagnostic::warning(Code::Notice, message).hint("encrypt it before it is committed; a Secret is only base64"));
    let manifests = objects.manifests();
    let data = json!({"namespace": kit.plan().namespace, "objects": manifests, "files": objects.files, "bytes": objects.bytes,
        "fingerprint": kit.fingerprint().to_string(), "helm_command": helm_command(kit.plan(), &request.prepared.join(PreparedKit::chart_path()))});
    Ok(Outcome { data, text: documents(&manifests), warnings })
}

pub(super) fn note_dry_run(data: &mut Value, dry_run: bool) {
    if dry_run {
        data["dry_run"] = json!(true);
    }
}

pub(super) fn done(dry_run: bool, changed: bool) -> &'static str {
    match (dry_run, changed) {
        (false, true) => "staged",
        (true, true) => "would stage",
        (_, false) => "nothing to change:",
    }
}

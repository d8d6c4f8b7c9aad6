//! The arguments and the output that `stage` of one kit and of a federation share.

use flare_diagnostic::{Code, Diagnostic};
use flare_pvc_stage::{NewClaim, ObjectStageOptions, StagedObjects, StagedVolume, VolumeStageOptions};
use serde_json::{Value, json};

use super::arguments::{CLAIM_SIZE, ClusterArguments, HelperArguments, NewClaimArguments, StagingMode, claim_size};
use crate::pipeline::stage;

/// What a kit needs in a cluster, made where it is missing.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct PlaceArguments {
    /// Create the namespace if it is missing.
    #[arg(long)]
    pub(super) create_namespace: bool,
    /// Create the workspace claim with this size if it is missing.
    #[arg(long, id = CLAIM_SIZE, value_name = "SIZE", num_args = 0..=1, default_missing_value = "10Gi", value_parser = claim_size)]
    create_pvc: Option<String>,
    #[command(flatten)]
    new_claim: NewClaimArguments,
}

impl PlaceArguments {
    /// The claim that is made.
    pub(super) fn new_claim(&self) -> Option<NewClaim> {
        self.create_pvc.as_deref().map(|size| self.new_claim.of_size(size))
    }
}

/// The arguments of all verbs that stage.
#[derive(Debug, Clone, clap::Args)]
#[allow(clippy::struct_excessive_bools, reason = "independent switches of a command line")]
pub(crate) struct StagingArguments {
    /// Where the kit is staged [default: pvc].
    #[arg(long, value_enum, value_name = "MODE")]
    pub(super) mode: Option<StagingMode>,
    #[command(flatten)]
    place: PlaceArguments,
    #[command(flatten)]
    pub(super) helper: HelperArguments,
    /// Put back the kit that the last staging replaced, and keep the current one.
    #[arg(long, conflicts_with_all = ["again", CLAIM_SIZE, "create_namespace"])]
    pub(super) rollback: bool,
    /// Move kits at the wrong level (`server-k8s/startup`, `startup/startup`) to the right one or, if that has a kit, to the kept
    /// earlier kits.
    #[arg(long, conflicts_with = "rollback")]
    repair: bool,
    /// Stage even if the claim says that this kit is already there.
    #[arg(long)]
    again: bool,
}

impl StagingArguments {
    /// The options of the staging.
    pub(crate) fn options(&self, cluster: &ClusterArguments) -> VolumeStageOptions {
        VolumeStageOptions {
            create_namespace: self.place.create_namespace,
            create_claim: self.place.new_claim(),
            image: self.helper.helper_image.clone(),
            rollback: self.rollback,
            restart: self.helper.restart,
            again: self.again,
            repair: self.repair,
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
    /// `INVALID_ARGS` for flags that apply only to a volume.
    pub(super) fn object_options(&self, cluster: &ClusterArguments) -> Result<ObjectStageOptions, Diagnostic> {
        refuse_for_objects(&[
            ("--helper-image", self.helper.helper_image.is_some()),
            ("--values", !self.helper.values.is_empty()),
            ("--restart", self.helper.restart),
            ("--rollback", self.rollback),
            ("--again", self.again),
            ("--repair", self.repair),
        ])?;
        Ok(ObjectStageOptions {
            create_namespace: self.place.create_namespace,
            create_claim: self.place.new_claim(),
            dry_run: cluster.dry_run,
            deadline: cluster.time_limit(),
        })
    }
}

/// Refuses the first of the flags that was given, since it applies only to a volume.
///
/// # Errors
/// `INVALID_ARGS`.
pub(super) fn refuse_for_objects(flags: &[(&str, bool)]) -> Result<(), Diagnostic> {
    match flags.iter().find(|(_, given)| *given) {
        None => Ok(()),
        Some((flag, _)) => {
            let message = format!("`{flag}` has no meaning for a kit that is staged as objects");
            let hint = "leave it out; a release is taken back by `helm rollback`, which names its own objects";
            Err(Diagnostic::error(Code::InvalidArgs, message).hint(hint))
        }
    }
}

pub(super) fn volume_data(staged: &StagedVolume) -> Value {
    let mut data = json!({"namespace": staged.namespace, "claim": staged.claim, "files": staged.files, "bytes": staged.bytes,
        "fingerprint": staged.fingerprint, "changed": staged.changed, "claim_created": staged.claim_created});
    if !staged.moved.is_empty() {
        data["moved"] = staged.moved.iter().map(|(from, to)| json!({"from": from, "to": to})).collect();
    }
    data
}

pub(super) fn object_data(staged: &StagedObjects) -> Value {
    json!({"namespace": staged.namespace, "objects": staged.objects, "files": staged.files, "bytes": staged.bytes,
        "fingerprint": staged.fingerprint, "changed": staged.changed, "claim_created": staged.claim_created})
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

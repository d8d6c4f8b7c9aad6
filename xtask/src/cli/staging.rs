//! The arguments and the output that the verbs share which stage kits: `stage` of one kit and of a federation, and `up`.

use flare_diagnostic::{Code, Diagnostic};
use flare_pvc_stage::{NewClaim, ObjectStageOptions, StagedObjects, StagedVolume, VolumeStageOptions};
use serde_json::{Value, json};

use super::arguments::{
    CLAIM_SIZE, ClusterArguments, HelperArguments, HelperImageArgument, NewClaimArguments, StagingMode, claim_size,
};
use crate::pipeline::stage;

/// Where a kit is put, and what it needs there, made where it is missing.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct PlaceArguments {
    /// Where the kit is staged [default: pvc].
    #[arg(long, value_enum, value_name = "MODE")]
    pub(super) mode: Option<StagingMode>,
    /// Create the namespace if it is missing.
    #[arg(long)]
    pub(super) create_namespace: bool,
    /// Create the workspace claim with this size, 10Gi by default, if it is missing.
    #[arg(long, id = CLAIM_SIZE, value_name = "SIZE", num_args = 0..=1, default_missing_value = "10Gi", value_parser = claim_size)]
    create_pvc: Option<String>,
    #[command(flatten)]
    new_claim: NewClaimArguments,
}

impl PlaceArguments {
    /// Where the kit is put.
    pub(super) fn mode(&self) -> StagingMode {
        self.mode.unwrap_or(StagingMode::Pvc)
    }

    /// The claim that is made.
    fn new_claim(&self) -> Option<NewClaim> {
        self.create_pvc.as_deref().map(|size| self.new_claim.of_size(size))
    }

    /// The options of a staging as objects.
    pub(super) fn object_options(&self, cluster: &ClusterArguments) -> ObjectStageOptions {
        ObjectStageOptions {
            create_namespace: self.create_namespace,
            create_claim: self.new_claim(),
            dry_run: cluster.dry_run,
            deadline: cluster.time_limit(),
        }
    }

    /// The options of a staging on a volume that leaves running parents alone.
    pub(super) fn volume_options(
        &self,
        image: &HelperImageArgument,
        kit: &KitArguments,
        cluster: &ClusterArguments,
    ) -> VolumeStageOptions {
        VolumeStageOptions {
            create_namespace: self.create_namespace,
            create_claim: self.new_claim(),
            image: image.helper_image.clone(),
            rollback: false,
            restart: false,
            again: kit.again,
            repair: kit.repair,
            dry_run: cluster.dry_run,
            deadline: cluster.time_limit(),
            run: stage::run_name(),
        }
    }
}

/// What is done about the kit that a volume has.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct KitArguments {
    /// Move kits at the wrong level (`server-k8s/startup`, `startup/startup`) to the right one or, if that has a kit, to the kept
    /// earlier kits.
    #[arg(long)]
    repair: bool,
    /// Stage even if the claim says that this kit is already there.
    #[arg(long)]
    again: bool,
}

/// Refuses the flags for a volume, and those of `others` that were given, for kits that are staged as objects.
///
/// # Errors
/// `INVALID_ARGS`.
pub(super) fn refuse_for_objects(
    image: &HelperImageArgument,
    kit: &KitArguments,
    others: &[(&str, bool)],
) -> Result<(), Diagnostic> {
    let flags = [("--helper-image", image.helper_image.is_some()), ("--again", kit.again), ("--repair", kit.repair)];
    match flags.iter().chain(others).find(|(_, given)| *given) {
        None => Ok(()),
        Some((flag, _)) => {
            let message = format!("`{flag}` has no meaning for a kit that is staged as objects");
            let hint = match *flag {
                "--rollback" => "a release is taken back by `helm rollback`, which names its own objects",
                _ => "leave it out",
            };
            Err(Diagnostic::error(Code::InvalidArgs, message).hint(hint))
        }
    }
}

/// The arguments of `stage`, for one kit and for a federation.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct StagingArguments {
    #[command(flatten)]
    pub(super) place: PlaceArguments,
    #[command(flatten)]
    pub(super) helper: HelperArguments,
    /// Put back the kit that the last staging replaced, and keep the current one.
    #[arg(long, conflicts_with_all = ["again", "repair", CLAIM_SIZE, "storage_class", "access_mode", "create_namespace"])]
    pub(super) rollback: bool,
    #[command(flatten)]
    kit: KitArguments,
}

impl StagingArguments {
    /// The options of the staging.
    pub(crate) fn options(&self, cluster: &ClusterArguments) -> VolumeStageOptions {
        let options = self.place.volume_options(&self.helper.image, &self.kit, cluster);
        VolumeStageOptions { rollback: self.rollback, restart: self.helper.restart, ..options }
    }

    /// The options of a staging as objects.
    ///
    /// # Errors
    /// `INVALID_ARGS` for flags that apply only to a volume.
    pub(super) fn object_options(&self, cluster: &ClusterArguments) -> Result<ObjectStageOptions, Diagnostic> {
        let others =
            [("--values", !self.helper.values.is_empty()), ("--restart", self.helper.restart), ("--rollback", self.rollback)];
        refuse_for_objects(&self.helper.image, &self.kit, &others)?;
        Ok(self.place.object_options(cluster))
    }
}

pub(super) fn volume_data(staged: &StagedVolume) -> Value {
    let fingerprint = (!staged.fingerprint.is_empty()).then_some(&staged.fingerprint);
    let mut data = json!({"namespace": staged.namespace, "claim": staged.claim, "files": staged.files, "bytes": staged.bytes,
        "fingerprint": fingerprint, "changed": staged.changed, "claim_created": staged.claim_created});
    if !staged.moved.is_empty() {
        data["moved"] = staged.moved.iter().map(|(from, to)| json!({"from": from, "to": to})).collect();
    }
    data
}

pub(super) fn object_data(staged: &StagedObjects) -> Value {
    json!({"namespace": staged.namespace, "objects": staged.objects, "files": staged.files, "bytes": staged.bytes,
        "fingerprint": staged.fingerprint, "changed": staged.changed, "claim_created": staged.claim_created})
}

/// The line about a claim that was created; empty without one.
pub(super) fn made_claim(made: bool, dry_run: bool, claim: &str, namespace: &str) -> String {
    let what = if dry_run { "would create" } else { "created" };
    if made { format!("{what} claim {claim} in namespace {namespace}\n") } else { String::new() }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flag_for_volumes_is_left_out_for_objects_and_a_rollback_is_helms() {
        let (image, kit) = (HelperImageArgument { helper_image: None }, KitArguments { repair: false, again: false });
        let hint = |flag| refuse_for_objects(&image, &kit, &[(flag, true)]).unwrap_err().hint.unwrap();
        assert_eq!(hint("--values"), "leave it out");
        assert!(hint("--rollback").contains("`helm rollback`"));
        assert!(refuse_for_objects(&image, &kit, &[("--values", false)]).is_ok());
    }
}

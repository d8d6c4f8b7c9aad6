//! `reprovision`: brings a changed kit or configuration to a running participant, or leaves it as it was.

use std::path::{Path, PathBuf};

use flare_doctor::Counts;
use flare_names::Target;
use flare_pvc_stage::BackupOptions;
use serde_json::{Value, json};

use super::{
    arguments::{ClusterArguments, HelperImageArgument, PreparationArguments},
    installation::{HelmArguments, PrerequisiteArguments, ValueArguments, recovered},
};
use crate::{
    context::Context,
    output::{Failure, Outcome, VerbResult, printable, table},
    pipeline::{
        difference::FileDifference,
        install::{self, Until},
        output_path::default_output,
        reprovision::{self, Input, Reprovisioned},
        request::{ConfigSource, KitRequest},
        stage::run_name,
        up::State,
    },
};

/// Bring a changed startup kit or configuration to a running participant: saved, prepared, staged, upgraded and verified, or put back
///
/// What the parent made on its volume is saved into a file first. Then the prepared kit is replaced and the earlier one kept (beside KIT
/// or DIR, with the ending `-earlier`), the kit is put onto the volume, the release is upgraded until the participant has joined again,
/// and everything is verified. If a step fails, release, volume and prepared kit go back to what they were.
///
/// An interrupted run puts nothing back: the next one goes on from there. A run with nothing to change only checks. Participant,
/// namespace, release and claim stay the same; a kit that is staged as objects is refused.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  flare-kube reprovision prod_01/site-1 --config k8s.yaml --output site-1-k8s
  flare-kube reprovision prod_00/site-1 --config k8s.yaml --backup site-1.tar --dry-run")]
pub(crate) struct Arguments {
    /// The startup kit, as provisioned.
    #[arg(value_name = "KIT")]
    kit: PathBuf,
    /// The site's configuration [default: KIT/config.yaml].
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The prepared kit with which the participant runs, which is replaced [default: KIT/prepared/k8s].
    #[arg(long, value_name = "DIR")]
    output: Option<PathBuf>,
    /// A new file for what is saved of the volume [default: beside KIT, or beside DIR if that is outside of KIT, with the ending
    /// `-backup.tar`; it replaces that of an earlier run].
    #[arg(long, value_name = "FILE")]
    backup: Option<PathBuf>,
    /// The FLARE release that runs the kit [default: as `prepare`].
    #[arg(long, value_name = "RELEASE")]
    target: Option<Target>,
    #[command(flatten)]
    preparation: PreparationArguments,
    #[command(flatten)]
    values: ValueArguments,
    #[command(flatten)]
    helm: HelmArguments,
    #[command(flatten)]
    prerequisites: PrerequisiteArguments,
    #[command(flatten)]
    helper: HelperImageArgument,
    /// Keep what failed for inspection instead of going back; the next run goes on from there.
    #[arg(long)]
    keep_failed: bool,
    #[command(flatten)]
    cluster: ClusterArguments,
}

/// Reprovisions the participant, and prints what each step changed.
pub(crate) fn run(context: &Context<'_>, arguments: &Arguments) -> VerbResult {
    let input = arguments.input(context)?;
    install::check_docker_config(input.install.pull_secret.as_deref())?;
    context.step(|| format!("reprovisioning {}", input.kit.kit.display()));
    let bar = context.activity();
    let ended = reprovision::reprovision(context, &input, &|words| bar.show(words));
    bar.end();
    let mut reached = ended?;
    let ended = std::mem::replace(&mut reached.ended, Ok(flare_diagnostic::Checked::clean(())));
    let outcome = outcome(&reached, arguments.cluster.dry_run);
    match ended {
        Ok(checked) => Ok(Outcome { warnings: checked.warnings, ..outcome }),
        Err(faults) => Err(Failure { faults, shown: Some(Box::new(outcome)) }),
    }
}

impl Arguments {
    fn input(&self, context: &Context<'_>) -> Result<Input, Failure> {
        let environment = context.environment;
        let absolute = |path: &PathBuf| environment.absolute(path);
        let kit = absolute(&self.kit)?;
        let cluster = &self.cluster;
        let run = self.preparation.run_options(context, cluster.dry_run);
        Ok(Input {
            kit: KitRequest {
                config: ConfigSource::file(self.config.as_ref().map_or_else(|| Ok(kit.join("config.yaml")), absolute)?),
                output: self.output.as_ref().map_or_else(|| Ok(default_output(&kit)), absolute)?,
                asked: self.target.map(|target| (target, flare_federation::target::Reason::Flag)),
                kit,
            },
            access: cluster.access(),
            namespace: cluster.namespace.clone(),
            run,
            backup_file: self.backup.as_ref().map(absolute).transpose()?,
            backup: self.backup_options(),
            staging: self.staging_options(),
            install: self.install_options(context)?,
        })
    }

    fn backup_options(&self) -> BackupOptions {
        BackupOptions {
            what: vec![flare_pvc_stage::DataKind::All],
            keys: false,
            force: false,
            image: self.helper.helper_image.clone(),
            restart: false,
            dry_run: self.cluster.dry_run,
            deadline: self.cluster.time_limit(),
            run: run_name(),
        }
    }

    fn staging_options(&self) -> flare_pvc_stage::VolumeStageOptions {
        flare_pvc_stage::VolumeStageOptions {
            create_namespace: false,
            create_claim: None,
            image: self.helper.helper_image.clone(),
            rollback: false,
            // A changed kit restarts its parent anyway.
            restart: true,
            again: false,
            repair: false,
            dry_run: self.cluster.dry_run,
            deadline: self.cluster.time_limit(),
            run: run_name(),
        }
    }

    fn install_options(&self, context: &Context<'_>) -> Result<install::Options, Failure> {
        Ok(install::Options {
            helm: self.helm.helm.clone(),
            values: self.values.given(context)?,
            create_namespace: false,
            pull_secret: self.prerequisites.pull_secret(context)?,
            expose: None,
            called: Vec::new(),
            unlock: self.prerequisites.unlock,
            keep_failed: self.keep_failed,
            until: Until::Joined,
            dry_run: self.cluster.dry_run,
            limit: self.cluster.time_limit(),
        })
    }
}

fn outcome(reached: &Reprovisioned, dry_run: bool) -> Outcome {
    let plan = &reached.plan;
    let steps: Value = reached.steps.iter().map(|one| (one.step.as_str().to_owned(), json!(one.state.as_str()))).collect();
    let [before, after] = &reached.fingerprints;
    let back = reached.back.as_ref().map(|back| (recovered(&back.cluster), back.prepared));
    let backup = reached
        .backup
        .as_ref()
        .map(|backup| json!({"file": backup.file, "files": backup.files, "bytes": backup.bytes, "sha256": backup.sha256}));
    let mut data = json!({"participant": plan.participant, "role": plan.role, "namespace": plan.namespace,
        "release": plan.names.release, "revision": reached.revision, "steps": steps,
        "changed": reached.steps.iter().map(|one| json!({"step": one.step.as_str(), "what": one.what})).collect::<Vec<_>>(),
        "backup": backup, "earlier": reached.earlier, "fingerprint": {"before": before, "after": after},
        "findings": reached.findings, "counts": Counts::of(&reached.findings),
        "back": back.as_ref().map(|((cluster, _), prepared)| json!({"cluster": cluster, "prepared": prepared}))});
    let head = ["STEP", "STATE", "WHAT"].map(str::to_owned);
    let rows = reached.steps.iter().map(|one| {
        let state = if dry_run && one.state == State::Done { "would" } else { one.state.as_str() };
        [one.step.as_str().to_owned(), state.to_owned(), printable(&one.what).into_owned()]
    });
    let mut text = table(&std::iter::once(head).chain(rows).collect::<Vec<_>>());
    if let Some(((_, words), prepared)) = back {
        text.push_str(&words);
        text.push_str(&prepared_text(prepared, reached.earlier.as_deref()));
    }
    if dry_run {
        data["dry_run"] = json!(true);
        data["changes"] = reached.changes.iter().map(FileDifference::data).collect();
        text.push_str("nothing was changed; the prepared kit would differ in:\n");
        text.extend(reached.changes.iter().map(FileDifference::text));
    }
    Outcome { data, text, ..Outcome::default() }
}

fn prepared_text(is_back: bool, kept: Option<&Path>) -> String {
    match (is_back, kept) {
        (true, Some(_)) => "the earlier prepared kit is back in its place\n".to_owned(),
        (true, None) => "the prepared kit was not replaced\n".to_owned(),
        (false, kept) => {
            let kept = kept.map(|kept| format!("; it is kept in {}", printable(&kept.to_string_lossy()))).unwrap_or_default();
            format!("the earlier prepared kit is not back in its place{kept}\n")
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::{Args as _, Command};

    use super::Arguments;

    #[test]
    fn a_flag_that_a_hint_of_an_installation_names_is_taken() {
        let verb = Arguments::augment_args(Command::new("reprovision"));
        for flag in ["unlock", "create-pull-secret", "keep-failed", "helm", "timeout"] {
            assert!(verb.get_arguments().any(|one| one.get_long() == Some(flag)), "--{flag}");
        }
    }
}

//! `launch canary`: checks whether a site's jobs will find what they need.

use std::{path::PathBuf, time::Duration};

use flare_doctor::Counts;
use flare_pod_launch::{Limits, Transition};
use serde_json::json;

use super::{arguments::ClusterArguments, seconds, verify};
use crate::{
    context::Context,
    output::{Outcome, VerbResult, printable, write_to_stderr},
    pipeline::{
        launch_canary::{self, Options},
        launch_run::RunOptions,
        verify::Verified,
    },
};

/// Test a site before users submit jobs: a short-lived job pod with the site's settings checks what a job will need
///
/// Checked are image and pull secrets, Python, nvflare and its release, the startup Secret, the connection to the parent's Service, the
/// workspace, study data, shared memory and GPUs. The pod is removed with the Secret of its credentials; the site's startup Secret, which is
/// brought up to date as every job does, stays for its jobs. The exit status is 1 if a check found a fault.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// A prepared kit.
    #[arg(value_name = "PREPARED")]
    prepared: PathBuf,
    /// The image of the job [default: the study's, otherwise the parent's].
    #[arg(long, value_name = "IMAGE")]
    image: Option<String>,
    /// The study whose data are mounted [default: `default`].
    #[arg(long, value_name = "STUDY")]
    study: Option<String>,
    /// The number of GPUs that the pod requests.
    #[arg(long, value_name = "NUMBER", default_value_t = 0)]
    gpus: u32,
    /// How long the pod may wait before it runs, in seconds [default: from the site, otherwise 120].
    #[arg(long, value_name = "SECONDS", value_parser = seconds::from_none, allow_negative_numbers = true)]
    pending_timeout: Option<u64>,
    #[command(flatten)]
    cluster: ClusterArguments,
}

/// Runs the canary and prints the findings.
pub(crate) fn run(context: &Context<'_>, arguments: &Arguments) -> VerbResult {
    let cluster = &arguments.cluster;
    let prepared = context.environment.absolute(&arguments.prepared)?;
    let options = Options {
        image: arguments.image.clone(),
        study: arguments.study.clone(),
        gpus: arguments.gpus,
        limits: arguments.pending_timeout.map(|seconds| Limits::with_pending(Some(Duration::from_secs(seconds)))),
        run: RunOptions { keep: false, evidence_of_success: true, dry_run: cluster.dry_run, limit: cluster.time_limit() },
    };
    let quiet = context.shared.quiet;
    let tell = move |pod: &str, to: &Transition| {
        if !quiet {
            write_to_stderr(&format!("{pod}: {}\n", printable(&to.to_string())));
        }
    };
    let canary = launch_canary::run(context, &cluster.request(&prepared), &options, &tell)?;
    let (warnings, canary) = (canary.warnings, canary.value);
    if cluster.dry_run {
        let text = format!("would create pod {} with the image {}\n", canary.pod, canary.image);
        let data = json!({"participant": canary.participant, "pod": canary.pod, "image": canary.image, "dry_run": true});
        return Ok(Outcome { data, text, warnings });
    }
    let counts = Counts::of(&canary.findings);
    let verified = Verified { participant: canary.participant, facts: None, findings: canary.findings, counts };
    verify::outcome(&verified).map(|outcome| Outcome { warnings, ..outcome })
}
